"""What a simulated model says where it is asked for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["as_json", "wants_json"]

_DEEPEST = 20


def wants_json(document: Mapping[str, object]) -> bool:
    """Whether the request's `response_format` asks for JSON, with a schema or without."""
    wanted = document.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def as_json(text: str, document: Mapping[str, Any]) -> str:
    """The answer as it is where it is such JSON already, else a document that holds it, and fits the schema if any.

    Of a schema its types, `properties`, `required`, `items`, `enum` and `const` are seen to, no bounds or patterns.
    """
    described = document["response_format"].get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    try:
        if _is_of_type(json.loads(text), schema):
            return text
    except (ValueError, RecursionError):
        pass
    fitting = {"answer": text} if schema is None else _fitting(schema, text, _DEEPEST)
    return json.dumps(fitting, ensure_ascii=False)


def _is_of_type(value: object, schema: object) -> bool:
    kind = schema.get("type", "object" if "properties" in schema else None) if isinstance(schema, dict) else None
    wanted = {"object": dict, "array": list}.get(kind) if isinstance(kind, str) else None
    return wanted is None or isinstance(value, wanted)


def _fitting(schema: object, text: str, deeper: int) -> object:
    """The smallest document that has what the schema demands, with the text where it may stand."""
    if not isinstance(schema, dict) or not deeper:
        return text
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list) and values:
        return text if text in values else values[0]
    if (options := schema.get("anyOf") or schema.get("oneOf")) and isinstance(options, list):
        return _fitting(options[0], text, deeper - 1)
    return _of_type(schema, text, deeper)


def _of_type(schema: dict[str, Any], text: str, deeper: int) -> object:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "string"
    if kind == "object":
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        needed = schema.get("required")
        named = needed if isinstance(needed, list) else list(properties)
        return {name: _fitting(properties.get(name), text, deeper - 1) for name in named if isinstance(name, str)}
    if kind == "array":
        least = schema.get("minItems")
        return [_fitting(schema.get("items"), text, deeper - 1)] * (least if type(least) is int else 0)
    return _plain(kind, text)


def _plain(kind: object, text: str) -> object:
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        return int(text) if text.lstrip("-").isdecimal() and text.isascii() else 0
    return text
