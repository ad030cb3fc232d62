"""Why a value does not fit its model: every reason, in an author's words. Used only when something is wrong."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from ..core.text import quote
from .document import Problems, Steps
from .foreign import foreign_key

__all__ = ["explain"]

_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "a mapping",
    "str": "text",
}
_EXPECTED = re.compile(r"Expected `(?P<types>[^`]+)`(?P<bound>[^,]*)(?:, got `(?P<got>\w+)`)?")
_PLACE = re.compile(r" - at `.*$", re.DOTALL)


def explain(
    value: Mapping[str, object], model: type[msgspec.Struct], steps: Steps, problems: Problems, what: str
) -> set[str]:
    """Note everything about a mapping that its model refuses, and return the keys concerned.

    `what` names the mapping in messages: `scenario 'add-two'`.
    """
    hints, names = _shape(model)
    bad = {key for key in value if key not in names}
    for key in value:
        if key in bad:
            problems.add(
                (*steps, key),
                f"unknown key {quote(key)} in {what}{foreign_key(key, names) or problems.hint(key, names)}",
            )
        elif _explain_part(value[key], hints[names[key].name], (*steps, key), problems):
            bad.add(key)
    for key, field in names.items():
        if field.required and key not in value:
            problems.add(steps, f"{what} lacks {key!r}")
            bad.add(key)
    return bad


@functools.cache  # both evaluate a class's annotations each time: 8 ms, for each of a file's wrong scenarios
def _shape(model: type[msgspec.Struct]) -> tuple[Mapping[str, Any], Mapping[str, msgspec.structs.FieldInfo]]:
    """A model's annotations by its fields' names, its fields by the keys that an author writes."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    return typing.get_type_hints(model, include_extras=True), fields


def _explain_part(value: object, hint: Any, steps: Steps, problems: Problems) -> bool:
    """Note what is wrong with one value of a mapping or list; return whether anything is."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        found = [_explain_inside(value, choice, steps, problems) for choice in _choices(hint)]
        if not any(found):
            problems.add(steps, _sentence(steps, value, str(error)))
        return True
    return False


def _explain_inside(value: object, hint: Any, steps: Steps, problems: Problems) -> bool:
    """Look for the reason in the value's parts; return whether it is there."""
    if isinstance(value, dict) and isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        what = f"this {steps[-1]}" if isinstance(steps[-1], str) else f"this entry of {_subject(steps[:-1])}"
        return bool(explain(value, hint, steps, problems, what))
    if isinstance(value, list) and typing.get_origin(hint) is list:
        item_hint = typing.get_args(hint)[0]
        found = [_explain_part(item, item_hint, (*steps, index), problems) for index, item in enumerate(value)]
        return any(found)
    if typing.get_origin(hint) is Literal and isinstance(value, str):
        known = [str(name) for name in typing.get_args(hint)]
        shown = ", ".join(map(repr, known))
        problems.add(
            steps, f"{_subject(steps)} must be one of {shown}, got {quote(value)}{problems.hint(value, known)}"
        )
        return True
    return False


def _subject(steps: Steps) -> str:
    name = next(step for step in reversed(steps) if isinstance(step, str))
    return name if name == steps[-1] else f"an entry of {name}"


def _choices(hint: Any) -> list[Any]:
    """The members of a union, freed of their annotations."""
    if typing.get_origin(hint) is Annotated:
        return _choices(typing.get_args(hint)[0])
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return [choice for member in typing.get_args(hint) for choice in _choices(member)]
    return [hint]


def _sentence(steps: Steps, value: object, reason: str) -> str:
    """`timeout must be a number >= 0, got -3`."""
    subject = _subject(steps)
    match = _EXPECTED.match(reason)
    if match is None:
        return f"{subject}: {_PLACE.sub('', reason)}, got {quote(value)}"
    if match["bound"] == " of length >= 1" and not match["got"]:
        return f"{subject} must not be empty"
    wanted = " or ".join(_WORDS.get(name, name) for name in match["types"].split(" | ") if name != "null")
    bound = match["bound"].removesuffix(".0")
    remedy = ": put it in quotes" if "str" in match["types"] and isinstance(value, int | float) else ""
    return f"{subject} must be {wanted}{bound}, got {quote(value)}{remedy}"
