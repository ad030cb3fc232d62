"""JSON text -> values with lines.

A scanner of our own, since the library's tell neither lines nor keys that come twice, and recurse. Its speed is that of
the YAML reader; datasets, which need no lines, go through msgspec. A value that stands on one line as a whole goes
through the library where that tells the same: a record of a few keys is parsed in a third of the time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.builder import Builder, finite, whole
from pytest_benchmodels.formats.document import MalformedError

__all__ = ["read_json", "read_json_line"]

# Possessive (++, *+): a text that is never closed must not be tried in every division.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]++)
    |   (?P<mark>[{}\[\]:,])
    |   (?P<text>"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+")
    |   (?P<integer>-?(?:0|[1-9][0-9]*+)(?![0-9.eE]))
    |   (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?)
    |   (?P<word>true|false|null)""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None}
_LONE = re.compile("[\ud800-\udfff]")
_CLOSERS = {"]": list, "}": dict}

_Token = tuple[str, str, int]


def read_json(text: str, builder: Builder, line: int = 1) -> None:
    """Feed one JSON value to `builder`; `line` is that of the text's start. Raises `MalformedError`."""
    _Reader(builder).read(_tokens(text, line))


def read_json_line(text: str, builder: Builder, line: int) -> None:
    """The same for a value that stands on this line as a whole; the builder is a new one."""
    # The library says neither where an error is, as our scanner does, nor what half of a surrogate pair is.
    if "\\u" not in text:
        try:
            value = _LIBRARYS.decode(text)
        except (ValueError, RecursionError):
            value = _UNUSUAL
        if value is not _UNUSUAL and builder.adopt(value, line):
            return
    read_json(text, builder, line)


def _mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key comes twice")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


_UNUSUAL = object()
_LIBRARYS = json.JSONDecoder(object_pairs_hook=_mapping, parse_int=whole, parse_float=finite, parse_constant=_refuse)


def _tokens(text: str, line: int) -> Iterator[_Token]:
    """Kind, text and line of each token, and one of kind `end`."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedError(line, f"not readable as JSON at {quote(text[position : position + 20])}")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "space":
            line += match[0].count("\n")
        else:
            yield kind, match[0], line
    yield "end", "the end of the file", line


class _Reader:
    """A machine whose state is the method that takes the next token."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._take: Callable[[_Token], None] = self._value

    def read(self, tokens: Iterator[_Token]) -> None:
        for token in tokens:
            self._take(token)

    def _value(self, token: _Token) -> None:
        kind, text, line = token
        if text == "{":
            self._builder.open_mapping(line)
            self._take = self._first_key
        elif text == "[":
            self._builder.open_list(line)
            self._take = self._first_item
        elif kind in {"mark", "end"}:
            raise _unexpected(token, "a value")
        else:
            self._builder.scalar(_scalar(token), line)
            self._take = self._separator

    def _first_item(self, token: _Token) -> None:
        if token[1] == "]":
            self._close()
        else:
            self._value(token)

    def _first_key(self, token: _Token) -> None:
        if token[1] == "}":
            self._close()
        else:
            self._key(token)

    def _key(self, token: _Token) -> None:
        if token[0] != "text":
            raise _unexpected(token, "a key in double quotes")
        self._builder.key(str(_scalar(token)), token[2])
        self._take = self._colon

    def _colon(self, token: _Token) -> None:
        if token[1] != ":":
            raise _unexpected(token, "':' after the key")
        self._take = self._value

    def _separator(self, token: _Token) -> None:
        text, inside = token[1], self._builder.innermost
        if inside is None:
            if token[0] != "end":
                raise _unexpected(token, "nothing more after the value")
        elif text == ",":
            self._take = self._key if inside is dict else self._value
        elif text in _CLOSERS and _CLOSERS[text] is inside:
            self._close()
        else:
            raise _unexpected(token, "',' or '}'" if inside is dict else "',' or ']'")

    def _close(self) -> None:
        self._builder.close()
        self._take = self._separator


def _unexpected(token: _Token, wanted: str) -> MalformedError:
    kind, text, line = token
    return MalformedError(
        line, f"not readable as JSON: expected {wanted}, got {text if kind == 'end' else quote(text)}"
    )


def _scalar(token: _Token) -> object:
    kind, text, line = token
    if kind == "text":
        return _text(text, line)
    if kind == "word":
        return _WORDS[text]
    try:
        return whole(text) if kind == "integer" else finite(text)
    except ValueError as error:
        raise MalformedError(line, str(error)) from error


def _text(token: str, line: int) -> str:
    if "\\" not in token:
        return token[1:-1]
    try:
        text = str(json.loads(token))
    except ValueError as error:
        raise MalformedError(line, f"not readable as JSON: {quote(token)} holds an escape that JSON lacks") from error
    if _LONE.search(text):
        raise MalformedError(line, f"{quote(token)} holds half of a surrogate pair, which is no character")
    return text
