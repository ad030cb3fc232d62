"""Examples of what a pattern or a schema accepts: how a simulated model answers rightly."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

__all__ = ["schema_example", "specimen"]

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
    with suppress(regex.error):  # it ends elsewhere: a bracket may be a member of it
        for char in named + _CANDIDATES:
            if regex.fullmatch(char_set, char):
                return char
    raise _UnknownSyntaxError


_NODES = 2_000
_SCHEMA_LENGTH = 10_000
_DEPTH = 40


class _NoExampleError(Exception):
    pass


def schema_example(schema: Mapping[str, Any]) -> object:
    """Return a document made from the schema's first branches and least sizes; raise LookupError where that ends.

    Whether the schema really accepts it is for the caller to try.
    """
    try:
        return _Maker(schema).make(schema)
    except (_NoExampleError, RecursionError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise LookupError("no example can be told for this schema") from error


class _Maker:
    """Makes the document from the root schema, whose references it follows."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.left = _NODES

    def make(self, schema: Any, depth: int = 0) -> object:
        self.left -= 1
        if schema is False or depth > _DEPTH or self.left < 0:
            raise _NoExampleError
        if schema is True or schema == {}:
            return "ok"
        if "const" in schema:
            return schema["const"]
        for told in ("enum", "examples"):
            if schema.get(told):
                return schema[told][0]
        if "default" in schema:
            return schema["default"]
        return self._from_branches(schema, depth)

    def _from_branches(self, schema: Mapping[str, Any], depth: int) -> object:
        if "$ref" in schema:
            return self.make({**self._target(schema["$ref"]), **_without(schema, "$ref")}, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self.make(_merged(_without(schema, keyword), schema[keyword][0]), depth + 1)
        if "allOf" in schema:
            whole = _without(schema, "allOf")
            for part in schema["allOf"]:
                whole = _merged(whole, part)
            return self.make(whole, depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> object:
        kind = schema.get("type") or _implied_type(schema)
        kind = kind if isinstance(kind, str) else kind[0]
        if kind == "object":
            properties = schema.get("properties", {})
            return {key: self.make(properties.get(key, True), depth + 1) for key in schema.get("required", ())}
        if kind == "array":
            return self._items(schema, depth)
        if kind == "string":
            return _string(schema)
        if kind in {"integer", "number"}:
            return _number(schema, whole=kind == "integer")
        return {"boolean": True, "null": None}[kind]

    def _items(self, schema: Mapping[str, Any], depth: int) -> list[object]:
        first = schema.get("prefixItems", [])
        items = [self.make(part, depth + 1) for part in first]
        while len(items) < schema.get("minItems", 0):
            items.append(self.make(schema.get("items", True), depth + 1))
        return items

    def _target(self, reference: str) -> Mapping[str, Any]:
        node: Any = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            node = node[int(step) if isinstance(node, list) else step.replace("~1", "/").replace("~0", "~")]
        if not isinstance(node, dict):
            raise _NoExampleError
        return node


def _without(schema: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != keyword}


def _merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        merged["required"] = list(dict.fromkeys([*left["required"], *right["required"]]))
    return merged


def _implied_type(schema: Mapping[str, Any]) -> str:
    """The type that a schema speaks of without naming it."""
    signs = {"object": ("properties", "required"), "array": ("items", "minItems"), "number": ("minimum", "maximum")}
    return next((kind for kind, keywords in signs.items() if any(map(schema.__contains__, keywords))), "string")


def _string(schema: Mapping[str, Any]) -> str:
    made = specimen(schema["pattern"]) if "pattern" in schema else "ok"
    least = schema.get("minLength", 0)
    if made is None or least > _SCHEMA_LENGTH:
        raise _NoExampleError
    return made.ljust(least, "a")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """The least multiple of the step that the bounds allow, else the greatest, else the middle between the bounds."""
    step: float = schema.get("multipleOf", 1)
    low: float = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high: float = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if low > -math.inf:
        made = math.ceil(low / step) * step
        made += step if made == schema.get("exclusiveMinimum") else 0
    elif high < math.inf:
        made = math.floor(high / step) * step
        made -= step if made == schema.get("exclusiveMaximum") else 0
    else:
        made = step
    is_excluded = made in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
    return made if whole or (low <= made <= high and not is_excluded) else (low + high) / 2
