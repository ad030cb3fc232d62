"""The form in which a judge gives its verdict, and how what it wrote is read: mended where it is nearly JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from pytest_benchmodels.core.errors import CallError, CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.graders.documents import NotJsonError, documents_in, extract
from pytest_benchmodels.graders.normalization import shown

__all__ = ["document_of", "is_number", "object_of", "response_format"]


def object_of(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with all of these and no others, as strict structured output has to be told."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def response_format(schema: Mapping[str, Any]) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}}


def document_of(name: str, answer: Response, keys: Iterable[str]) -> Mapping[str, Any]:
    """The object that a judge wrote, mended where it is nearly JSON. Raises `CallError` where it cannot be told."""
    try:
        found = extract(answer.text)
    except (NotJsonError, CheckError) as reason:
        # Of what was cut off, the last word may be half a number.
        found = None if answer.is_truncated else _mended(answer.text, keys)
        if found is None:
            cut = ", and was cut off" if answer.is_truncated else ""
            if not answer.text.strip():  # as of a model that thinks until its tokens are spent
                raise CallError(f"{name} gave no verdict: its reply is empty{cut}") from None
            raise CallError(f"{name} gave no verdict that can be read ({reason}){cut}: {shown(answer.text)}") from None
    if not isinstance(found, dict):
        raise CallError(f"{name} gave no verdict: a JSON object is asked for, it said {shown(answer.text)}")
    return found


def _mended(text: str, keys: Iterable[str]) -> object:
    """A document of what is nearly one; None where that would be a guess: none, several, or a verdict given twice."""
    said = [len(re.findall(rf"\b{re.escape(key)}\b[\"']?\s*:", text)) for key in keys]
    if len(documents_in(text)) > 1 or max(said) > 1:
        return None
    import json_repair  # noqa: PLC0415 - few judges write what needs it

    start = text.find("{")
    mended = json_repair.loads(text[start:]) if start >= 0 else None
    return mended if isinstance(mended, dict) and mended else None


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN
