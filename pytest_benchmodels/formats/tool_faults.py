"""What no API would take of a tool, and what an author cannot have meant: told when the file is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_benchmodels.core.text import clip, nearest, quote

__all__ = ["CHOICES", "RESULT_KEYS", "name_fault", "parameters_fault", "result_fault", "whole_parameters"]

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
