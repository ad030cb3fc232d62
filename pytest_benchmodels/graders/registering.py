"""Which checks there are."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ..core.errors import ConfigError
from ..core.grading import Grader
from ..core.text import quote
from .choices import Choice, Label
from .numbers import Number
from .patterns import Regex
from .similarity import Similar
from .size import MaxLatency, MaxWords, MinWords
from .structure import Json, JsonSchema
from .text import Contains, ContainsAll, ContainsAny, Equals, OneOf, StartsWith

__all__ = ["BUILTIN", "registry"]

_CLASSES: tuple[type[Grader], ...] = (
    Equals,
    OneOf,
    Contains,
    ContainsAny,
    ContainsAll,
    StartsWith,
    Regex,
    Number,
    Choice,
    Label,
    Json,
    JsonSchema,
    Similar,
    MinWords,
    MaxWords,
    MaxLatency,
)
BUILTIN: Mapping[str, type[Grader]] = MappingProxyType({grader.kind(): grader for grader in _CLASSES})
"""The checks that come with the package by name, in the order of the documentation."""

_RESERVED = ("weight", "not", "name")


def registry(extra: Iterable[object] = ()) -> dict[str, type[Grader]]:
    """Return the built-in checks and a user's own by name; `ConfigError` for a class that cannot be one."""
    known = dict(BUILTIN)
    for candidate in extra:
        grader = _checked(candidate)
        kind = grader.kind()
        if kind in known:
            raise ConfigError(
                f"{_where(grader)}: a check {kind!r} exists already, as {_where(known[kind])}; "
                "give the first field another name",
            )
        known[kind] = grader
    return known


def _checked(grader: object) -> type[Grader]:
    """Return the class if it can be a check; raise `ConfigError` that names it, the rule and the remedy otherwise."""
    if inspect.isfunction(grader):
        from .functions import grader_of  # noqa: PLC0415 - only for a user's own

        grader = grader_of(grader)
    if not (isinstance(grader, type) and issubclass(grader, Grader)):
        rule = "derive a class from Grader and give the class itself, or give a function that takes the context"
        raise ConfigError(f"{quote(grader)} is no grader: {rule}")
    if not grader.__struct_fields__:
        raise ConfigError(f"{_where(grader)} has no fields: the first one names the check, as in `contains: str`")
    if grader.grade is Grader.grade:
        wanted = "grade(self, response) or grade(self, context) that returns a Grade"
        raise ConfigError(f"{_where(grader)} has no grade() method: write {wanted}")
    taken = next((name for name in grader.__struct_encode_fields__ if name in _RESERVED), None)
    if taken is not None:
        raise ConfigError(f"{_where(grader)}: every check has {taken!r} already; give the field another name")
    _check_types(grader)
    return grader


def _check_types(grader: type[Grader]) -> None:
    import msgspec  # noqa: PLC0415 - `msgspec.json.schema` loads more, and only for a user's own classes

    try:
        msgspec.json.schema(grader)
    except (TypeError, NameError) as error:
        reason = str(error).splitlines()[-1]
        raise ConfigError(
            f"{_where(grader)}: its fields cannot be read from a file: {reason}; use text, numbers, lists or mappings",
        ) from error


def _where(grader: type[Grader]) -> str:
    return f"{grader.__module__}.{grader.__qualname__}"
