"""From a parser's events to values, without recursion and within limits.

PyYAML's own rules are those of YAML 1.1, where `no` is false, `012` ten and `12:30:00` 45,000.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.document import Flaw, Lines, MalformedError

__all__ = ["MAX_DEPTH", "MAX_VALUES", "Builder", "finite", "resolve", "whole"]

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 1000


def resolve(text: str) -> object:
    """None, a boolean, an int, a float, or the text itself.

    Raises ValueError, with a message for the author, for a number that cannot be used: infinite, not a number, or of
    more than a thousand digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        return whole(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return finite(text)
    return text


def whole(text: str) -> int:
    """Read a whole number: decimal, `0o17` or `0x1F`."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits is too long: put it in quotes if it is meant as text")
    return int(text, 0) if _BASED.fullmatch(text) else int(text)


def finite(text: str) -> float:
    """Read a number with a fraction or an exponent."""
    number = float(text.replace(".", "", 1)) if _NOT_FINITE.fullmatch(text) else float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no finite number: put it in quotes if it is meant as text")
    return number


MAX_DEPTH = 100
"""Mappings and lists inside each other. It also bounds every recursion over values further on."""

MAX_VALUES = 1_000_000
"""Values of one file with all aliases written out; each 64 characters of a text count as one more."""


class _Shared(NamedTuple):
    """What an anchor names, and how many values that is."""

    value: object
    cost: int


class _OpenList:
    __slots__ = ("anchor", "cost", "lines", "value")

    def __init__(self, anchor: str | None) -> None:
        self.value: list[object] = []
        self.lines: list[int] = []
        self.anchor = anchor
        self.cost = 1

    def add(self, value: object, line: int) -> None:
        self.value.append(value)
        self.lines.append(line)


class _OpenMapping:
    __slots__ = ("anchor", "cost", "key", "lines", "merged", "merging", "value", "wants_key")

    def __init__(self, anchor: str | None) -> None:
        self.value: dict[str, object] = {}
        self.lines: dict[str, int] = {}
        self.anchor = anchor
        self.cost = 1
        self.wants_key = True
        self.key = ""
        self.merging = False
        self.merged: list[tuple[object, int]] = []

    def add(self, value: object, line: int) -> None:
        self.wants_key = True
        if self.merging:
            self.merged.append((value, line))
        else:
            self.value.setdefault(self.key, value)


class Builder:
    """Takes what a YAML or JSON parser reports, in order, and assembles the value and its lines.

    `root` is there from the first event on, so that a file that breaks off can still be looked at. Every method may
    raise `MalformedError`. `used` is the count of values so far, and goes on from that of an earlier builder.
    """

    def __init__(self, used: int = 0) -> None:
        self.root: object = None
        self.empty = True
        self.lines: Lines = {}
        self.flaws: list[Flaw] = []
        self.used = used
        self._stack: list[_OpenList | _OpenMapping] = []
        self._anchors: dict[str, _Shared] = {}

    @property
    def innermost(self) -> type[list[object] | dict[str, object]] | None:
        """Which kind of container is open: list, dict, or None at the root."""
        return type(self._stack[-1].value) if self._stack else None

    @property
    def wants_key(self) -> bool:
        """Whether a mapping is open and its next key is due."""
        return bool(self._stack) and isinstance(self._stack[-1], _OpenMapping) and self._stack[-1].wants_key

    def key(self, text: str, line: int, *, merge: bool = False) -> None:
        """A mapping's next key; `merge` for YAML's `<<`. Of a key that comes twice the first value stays."""
        mapping = self._stack[-1]
        assert isinstance(mapping, _OpenMapping)  # noqa: S101 - a parser reports keys in mappings only
        self._spend(1 + len(text) // 64, line)
        mapping.key, mapping.wants_key, mapping.merging = text, False, merge
        if text in mapping.value and not merge:
            before = mapping.lines[text]
            self.flaws.append(Flaw(line, f"key {quote(text)} stands in line {before} already: remove one of the two"))
        elif not merge:
            mapping.lines[text] = line

    def scalar(self, value: object, line: int, anchor: str | None = None) -> None:
        """A text, number, boolean or None."""
        cost = 1 + len(value) // 64 if isinstance(value, str) else 1
        self._place(value, line, cost)
        if anchor is not None:
            self._anchors[anchor] = _Shared(value, cost)

    def adopt(self, value: object, line: int) -> bool:
        """Take a whole value without anchors, all on one line. False if it is beyond a limit, and nothing was taken."""
        used, lines, rest = self.used, Lines(), [(value, 0)]
        while rest:
            part, depth = rest.pop()
            used += 1 + (len(part) // 64 if isinstance(part, str) else 0)
            if isinstance(part, dict):
                used += sum(1 + len(key) // 64 for key in part)
                lines[id(part)] = dict.fromkeys(part, line)
                rest += [(each, depth + 1) for each in part.values()]
            elif isinstance(part, list):
                lines[id(part)] = [line] * len(part)
                rest += [(each, depth + 1) for each in part]
            else:
                continue
            if depth >= MAX_DEPTH:
                return False
        if used > MAX_VALUES:
            return False
        self.root, self.empty, self.used = value, False, used
        self.lines.update(lines)
        return True

    def open_list(self, line: int, anchor: str | None = None) -> None:
        """The start of a list."""
        self._open(_OpenList(anchor), line)

    def open_mapping(self, line: int, anchor: str | None = None) -> None:
        """The start of a mapping."""
        self._open(_OpenMapping(anchor), line)

    def close(self) -> None:
        """The end of the innermost open mapping or list."""
        closed = self._stack.pop()
        self.lines[id(closed.value)] = closed.lines
        if isinstance(closed, _OpenMapping):
            for value, line in closed.merged:
                self._merge(closed, value, line)
        if closed.anchor is not None:
            self._anchors[closed.anchor] = _Shared(closed.value, closed.cost)
        if self._stack:
            self._stack[-1].cost += closed.cost

    def alias(self, name: str, line: int) -> None:
        """One more use of an anchored value."""
        if any(opened.anchor == name for opened in self._stack):
            raise MalformedError(line, f"alias *{name} stands inside of what it names, which never ends")
        if name not in self._anchors:
            raise MalformedError(line, f"alias *{name} has no anchor &{name} before it")
        self._place(self._anchors[name].value, line, self._anchors[name].cost)

    def _open(self, opened: _OpenList | _OpenMapping, line: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise MalformedError(line, f"nested more than {MAX_DEPTH} levels deep: write it flatter")
        self._place(opened.value, line, 1)
        self._stack.append(opened)

    def _merge(self, into: _OpenMapping, source: object, line: int) -> None:
        for mapping in source if isinstance(source, list) else [source]:
            if not isinstance(mapping, dict):
                raise MalformedError(line, f"'<<' merges a mapping or a list of mappings, got {quote(mapping)}")
            self._spend(len(mapping), line)
            for key, value in mapping.items():
                if key not in into.value:
                    into.value[key] = value
                    into.lines[key] = line

    def _place(self, value: object, line: int, cost: int) -> None:
        self._spend(cost, line)
        if self._stack:
            self._stack[-1].cost += cost
            self._stack[-1].add(value, line)
        else:
            self.root, self.empty = value, False

    def _spend(self, cost: int, line: int) -> None:
        self.used += cost
        if self.used > MAX_VALUES:
            rule = f"more than {MAX_VALUES:,} values with its aliases written out"
            raise MalformedError(line, f"too large: {rule}. Split the file, or use fewer aliases")
