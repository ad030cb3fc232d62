"""Makes a text that a plain pattern matches."""

from __future__ import annotations

import re

__all__ = ["specimen"]

_LENGTH = 10_000
_CANDIDATES = "a1A -_.é"
_ESCAPES = {"d": "1", "D": "a", "w": "a", "W": " ", "s": " ", "S": "a", "n": "\n", "t": "\t", "r": "\r"}
_ANCHORS = frozenset("bBAZ")
_GROUP = re.compile(r"\((?:\?(?::|P?<[^\W\d]\w*>|[aims]+:))?(?!\?)")
_FLAGS = re.compile(r"\(\?[aims]+\)")
_SET = re.compile(r"\[\^?\]?(?:[^\]\\\[]|\\.)*\]", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:,\d*)?\})[?+]?")


def specimen(pattern: str) -> str | None:
    """Return a text that the pattern should match, None where it uses more than groups, sets, repeats and anchors.

    The shortest branch is not looked for: alternatives give their first, repeats their least number of times. The
    pattern has to be one that compiles; whether it really matches is for the caller to try.
    """
    try:
        return _Reader(pattern).alternatives()
    except (_UnknownSyntaxError, RecursionError):
        return None


class _UnknownSyntaxError(Exception):
    pass


class _Reader:
    """Reads a pattern from left to right and writes the specimen as it goes."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def alternatives(self) -> str:
        first = self._sequence()
        while self._take("|"):
            self._sequence()
        return first

    def _sequence(self) -> str:
        made = ""
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            made += self._atom() * self._repeats()
            if len(made) > _LENGTH:
                raise _UnknownSyntaxError
        return made

    def _atom(self) -> str:
        if self._match(_FLAGS):
            return ""
        if self._match(_GROUP):
            inside = self.alternatives()
            self._require(")")
            return inside
        if (found := self._match(_SET)) is not None:
            return _member(found[0])
        if self._take("\\"):
            return self._escape()
        char = self._next()
        if char in "([":
            raise _UnknownSyntaxError
        return {"^": "", "$": "", ".": "a"}.get(char, char)

    def _escape(self) -> str:
        char = self._next()
        if char in _ANCHORS:
            return ""
        if char.isalnum() and char not in _ESCAPES:
            raise _UnknownSyntaxError
        return _ESCAPES.get(char, char)

    def _repeats(self) -> int:
        found = self._match(_QUANTIFIER)
        if found is None:
            return 1
        return int(found[1]) if found[1] else int(found[0].startswith("+"))

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _next(self) -> str:
        char = self.pattern[self.at : self.at + 1]
        self._require(char)
        return char

    def _take(self, char: str) -> bool:
        taken = self.pattern.startswith(char, self.at)
        self.at += taken
        return taken

    def _require(self, char: str) -> None:
        if not char or not self._take(char):
            raise _UnknownSyntaxError


def _member(char_set: str) -> str:
    """A character of the set: one that it names, else one of the most ordinary."""
    import regex  # noqa: PLC0415 - loaded already where the pattern was compiled

    named = "" if char_set.startswith("[^") else char_set[1:-1]
    for char in named + _CANDIDATES:
        if regex.fullmatch(char_set, char):
            return char
    raise _UnknownSyntaxError
