"""Reads an answer as a JSON document, and tells two documents apart."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ..core.text import quote

__all__ = ["NotJsonError", "difference", "identity", "parse"]

_FENCE = re.compile(r"```[A-Za-z0-9]{0,20}[ \t]*\n(.*)```", re.DOTALL)
_DEPTH = 64
_SHOWN = 60


class NotJsonError(Exception):
    """An answer that is no JSON document; its text says why."""


def parse(text: str) -> object:
    """Return the document that a text is, alone or as one Markdown code block; raise `NotJsonError` for anything else.

    NaN, numbers beyond the range of a double and documents nested more than 64 levels deep are refused.
    """
    text = text.strip()
    if text.startswith("```") and (fenced := _FENCE.fullmatch(text)):
        text = fenced[1]
    try:
        document: object = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise NotJsonError(str(error)) from None
    except RecursionError:
        raise NotJsonError(f"it is nested more than {_DEPTH} levels deep") from None
    if _is_deeper_than(document, _DEPTH):
        raise NotJsonError(f"it is nested more than {_DEPTH} levels deep")
    return document


def difference(expected: object, actual: object, *, subset: bool = False, path: str = "$") -> str | None:
    """Say where two documents differ first, None where they are equal.

    Order of keys does not matter, 1 equals 1.0, true is no 1. With `subset`, objects may have further keys.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _keys_differ(expected, actual, subset, path)
    if isinstance(expected, list | tuple) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"expected {len(expected)} items at {path}, got {len(actual)}"
        pairs = zip(expected, actual, strict=True)
        found = (difference(*pair, subset=subset, path=f"{path}[{index}]") for index, pair in enumerate(pairs))
        return next(filter(None, found), None)
    if isinstance(expected, bool) == isinstance(actual, bool) and expected == actual:
        return None
    return f"expected {_brief(expected)} at {path}, got {_brief(actual)}"


def _keys_differ(expected: dict[str, object], actual: dict[str, object], subset: bool, path: str) -> str | None:  # noqa: FBT001 - private, handed on
    for key, value in expected.items():
        if key not in actual:
            return f"expected key {quote(key, _SHOWN)} at {path}, found none"
        if found := difference(value, actual[key], subset=subset, path=f"{path}.{quote(key, _SHOWN)[1:-1]}"):
            return found
    extra = next((key for key in actual if key not in expected), None)
    return None if subset or extra is None else f"unexpected key {quote(extra, _SHOWN)} at {path}"


def _brief(value: object) -> str:
    """A value on one line, cut; only the size of what holds others."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return quote(value[: _SHOWN + 1], _SHOWN)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return quote(value, _SHOWN)


def _is_deeper_than(document: object, limit: int) -> bool:
    level = _containers([document])
    for _ in range(limit):
        level = _containers(child for node in level for child in (node.values() if isinstance(node, dict) else node))
    return bool(level)


def _containers(nodes: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [node for node in nodes if isinstance(node, dict | list)]


def identity(value: object) -> object:
    """Return something hashable that two documents share exactly if they are equal as JSON."""
    if isinstance(value, dict):
        return frozenset((key, identity(child)) for key, child in value.items())
    if isinstance(value, list | tuple):
        return ("list", *map(identity, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Hashes of numbers can be made to collide, those of texts cannot.
        return ("number", repr(int(value) if value == int(value) else value))
    return (type(value).__name__, value)
