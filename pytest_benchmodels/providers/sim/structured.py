"""JSON that fits a schema: what a simulated model answers under `response_format`, and gives to tools."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

__all__ = ["as_json", "fitted", "wants_json"]

_DEEPEST = 20
_MOST_NODES = 2_000
_MOST_ITEMS = 100
_LONGEST = 10_000
_TEXT = "ok"

_OWN: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
"""The types of JSON, by those of Python."""

_NOTHING: Final = object()
"""Stands for a value that is not there."""


def wants_json(document: Mapping[str, object]) -> bool:
    """Whether the request's `response_format` asks for JSON, with a schema or without."""
    wanted = document.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def as_json(text: str, document: Mapping[str, Any]) -> str:
    """The answer as it is where it is such JSON already, else a document that holds it, and fits the schema if any.

    What of a schema is seen to is what `fitted` sees to.
    """
    described = document["response_format"].get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _NOTHING
    if schema is None:
        return text if value is not _NOTHING else json.dumps({"answer": text}, ensure_ascii=False)
    fitting = json.dumps(_Fitting(schema, text).value(value, schema), ensure_ascii=False)
    return text if value is not _NOTHING and fitting == json.dumps(value, ensure_ascii=False) else fitting


def fitted(given: object, schema: Mapping[str, Any]) -> object:
    """A value with what the schema demands besides: other types of what is there, and what is not there.

    It sees to types, `properties`, `required`, `items`, `minItems`, `enum`, `const`, references into the schema itself,
    bounds of numbers, and lengths; of alternatives to one. It sees to no patterns.
    """
    return _Fitting(schema, _TEXT).value(given, schema)


class _Fitting:
    """Makes the smallest document that has what the schema demands, with the text where it may stand.

    It comes to an end: a schema that goes deeper, or branches further, than any answer gets the text there.
    """

    def __init__(self, root: object, text: str) -> None:
        self._root = root
        self._text = text
        self._left = _MOST_NODES

    def value(self, given: object, schema: object, deeper: int = _DEEPEST) -> object:
        self._left -= 1
        if not isinstance(schema, dict) or not deeper or self._left < 0:
            return self._text if given is _NOTHING else given
        schema = self._resolved(schema)
        allowed = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(allowed, list) and allowed:
            wanted = (each for each in (given, _read(given), self._text) if each in allowed)
            return next(wanted, allowed[0])
        if (options := schema.get("anyOf") or schema.get("oneOf")) and isinstance(options, list):
            fits = (option for option in options if isinstance(option, dict) and _is_of(given, _kinds(option)))
            return self.value(given, next(fits, options[0]), deeper - 1)
        return self._of_type(given, schema, deeper - 1)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with what it refers to; one that refers to what is not there demands nothing."""
        for _ in range(_DEEPEST):
            if not isinstance(reference := schema.get("$ref"), str):
                break
            node: Any = self._root
            for step in reference.removeprefix("#").split("/")[1:]:
                node = node.get(step) if isinstance(node, dict) else None
            own = {key: part for key, part in schema.items() if key != "$ref"}
            schema = {**node, **own} if isinstance(node, dict) else own
        return schema

    def _of_type(self, given: object, schema: dict[str, Any], deeper: int) -> object:
        kinds = _kinds(schema)
        if not _is_of(given, kinds):
            read = _read(given)
            given = read if _is_of(read, kinds) else _NOTHING
        kind = kinds[0] if given is _NOTHING else _OWN.get(type(given), "any")
        if kind == "object":
            return self._object(given, schema, deeper)
        if kind == "array":
            return self._array(given, schema, deeper)
        if kind in ("integer", "number"):
            return _bounded(self._number(kind) if given is _NOTHING else given, schema, whole="integer" in kinds)
        if given is _NOTHING:
            given = {"boolean": False, "null": None}.get(kind, self._text)
        return _sized(given, schema) if isinstance(given, str) else given

    def _object(self, given: object, schema: dict[str, Any], deeper: int) -> dict[str, object]:
        properties, needed = schema.get("properties"), schema.get("required")
        properties = properties if isinstance(properties, dict) else {}
        made = {name: self.value(each, properties.get(name), deeper) for name, each in _entries(given)}
        if not isinstance(needed, list):
            needed = list(properties) if given is _NOTHING else []
        missing = (name for name in needed if isinstance(name, str) and name not in made)
        return {**made, **{name: self.value(_NOTHING, properties.get(name), deeper) for name in missing}}

    def _array(self, given: object, schema: dict[str, Any], deeper: int) -> list[object]:
        items, least = schema.get("items"), schema.get("minItems")
        made = [self.value(each, items, deeper) for each in (given if isinstance(given, list) else ())]
        missing = (least if isinstance(least, int) else 0) - len(made)
        return made + [self.value(_NOTHING, items, deeper)] * min(missing, _MOST_ITEMS)

    def _number(self, kind: str) -> object:
        read = _read(self._text)
        return read if _is_of(read, [kind]) else 0


def _entries(given: object) -> Iterable[tuple[str, object]]:
    return given.items() if isinstance(given, dict) else ()


def _read(given: object) -> object:
    """What a text says where it is JSON: `2` is a number. A number as a text says it."""
    if isinstance(given, str):
        try:
            return json.loads(given)
        except (ValueError, RecursionError):
            return _NOTHING
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return json.dumps(given) if is_number else _NOTHING


def _kinds(schema: dict[str, Any]) -> list[str]:
    """The types that a value may have; what a schema without any speaks of, where that can be told."""
    told = schema.get("type")
    kinds = [kind for kind in (told if isinstance(told, list) else [told]) if isinstance(kind, str)]
    if kinds:
        return kinds
    signs = {"object": ("properties", "required"), "array": ("items", "minItems"), "number": ("minimum", "maximum")}
    return [kind for kind, keys in signs.items() if not schema.keys().isdisjoint(keys)][:1] or ["any"]


def _is_of(value: object, kinds: list[str]) -> bool:
    if value is _NOTHING:
        return False
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return True
    kind = _OWN.get(type(value), "any")
    return kind in kinds or "any" in kinds or (kind == "integer" and "number" in kinds)


def _sized(text: str, schema: dict[str, Any]) -> str:
    """The text, as long as it has to be, and no longer than it may be."""
    least, most = schema.get("minLength"), schema.get("maxLength")
    text = text.ljust(min(least, _LONGEST), "x") if isinstance(least, int) else text
    return text[:most] if isinstance(most, int) and most >= 0 else text


def _bounded(number: Any, schema: dict[str, Any], *, whole: bool) -> object:
    """The number, or the nearest that the bounds allow."""
    low, high = _bound(schema, "minimum", max, 1), _bound(schema, "maximum", min, -1)
    if low is not None and high is not None and low > high:  # excluded are both, and they are near each other
        return (schema.get("exclusiveMinimum", low) + schema.get("exclusiveMaximum", high)) / 2
    if low is not None and number < low:
        return math.ceil(low) if whole else low
    if high is not None and number > high:
        return math.floor(high) if whole else high
    return number


def _bound(schema: dict[str, Any], name: str, inner: Callable[..., Any], step: int) -> Any:
    """The inner one of the bounds on one side, None where there is none; of an excluded one a number inside."""
    told: Any = schema.get(name)
    excluded: Any = schema.get(f"exclusive{name.capitalize()}")
    found = [told] if _is_of(told, ["number"]) else []
    found += [excluded + step] if _is_of(excluded, ["number"]) else []
    return inner([bound for bound in found if abs(bound) != math.inf], default=None)
