"""What no API would take of a tool, and what an author cannot have meant: told when the file is read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pytest_benchmodels.core.text import clip, nearest, quote

__all__ = [
    "CHOICES",
    "RESULT_KEYS",
    "function_fault",
    "name_fault",
    "parameters_fault",
    "result_fault",
    "whole_parameters",
]

CHOICES = ("auto", "none", "required")
"""The words that `tool_choice` takes in place of a tool's name."""
RESULT_KEYS = ("arguments", "result", "error")
"""What an entry of `results` is made of."""

_SHOWN = 40
_OF_OBJECTS = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "if", "maxProperties", "minProperties", "not", "oneOf"}
    | {"patternProperties", "properties", "propertyNames", "required", "unevaluatedProperties"}
)
"""Keywords of JSON Schema that say which arguments there are."""
_OPEN = frozenset({"$ref", "additionalProperties", "allOf", "anyOf", "if", "oneOf", "patternProperties"})
"""Those by which there may be others than `properties` names."""


def name_fault(name: str) -> str | None:
    """Why a tool cannot have this name, None if it can: `tool_choice` names tools, and has words of its own."""
    if name not in CHOICES:
        return None
    return f"tool {quote(name)}: that word means something else in `tool_choice`"


def whole_parameters(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's parameters with what APIs insist on: that they are an object's, and have `properties`."""
    return {"type": "object", "properties": {}, **parameters}


def parameters_fault(parameters: Mapping[str, Any]) -> str | None:
    """Why an author's parameters are none of an object, None if they are."""
    if "type" in parameters:
        kind = parameters["type"]
        return None if kind == "object" else f"type has to be object, for arguments have names, got {quote(kind)}"
    bare = [name for name, value in parameters.items() if isinstance(value, dict) and not name.startswith("$")]
    if bare and _OF_OBJECTS.isdisjoint(parameters):
        rule = f"write {{type: object, properties: {{{clip(bare[0], _SHOWN)}: ...}}}}"
        return f"{quote(bare[0])} is no keyword of a JSON Schema: {rule}"
    return None


def function_fault(function: Callable[..., object], parameters: Mapping[str, Any]) -> str | None:
    """Why no call by these parameters could reach a user's function, None if one can, or where nobody can tell."""
    try:
        taken = inspect.signature(function).parameters.values()
    except Exception:  # noqa: BLE001 - what is written in C has none, and an object of the user's may raise anything
        return None
    named, required = parameters.get("properties"), parameters.get("required")
    is_open = any(parameters.get(keyword, False) is not False for keyword in _OPEN)
    for one in taken:
        if one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        if one.kind is one.POSITIONAL_ONLY:
            return f"it takes {one.name!r} by position only, and gets its arguments by name: write it without `/`"
        if not is_open and isinstance(named, dict) and one.name not in named:
            return f"it needs {one.name!r}, which `parameters` do not have: add it there, or give it a default"
    if any(one.kind is one.VAR_KEYWORD for one in taken) or not isinstance(required, list):
        return None
    by_name = {one.name for one in taken if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    lacking = next((name for name in required if name not in by_name), None)
    return lacking and f"it does not take {quote(lacking)}, which `parameters` require: add it, or take `**arguments`"


def result_fault(result: Mapping[str, object]) -> str | None:
    """What looks like an entry of `results` with a slip of the pen in it; None for one, and for a plain mapping."""
    unknown = [key for key in result if key not in RESULT_KEYS]
    if len(unknown) != 1 or len(result) != 2:
        return None
    if isinstance(result.get("arguments"), Mapping):
        hint = nearest(unknown[0], ("result", "error"))
    elif isinstance(result[unknown[0]], Mapping):
        hint = nearest(unknown[0], ("arguments",))
    else:
        return None
    rule = "A result that is a mapping of such keys is written {result: ...}"
    return f"unknown key {quote(unknown[0])}{hint} {rule}" if hint else None
