"""A check in a reader's words."""

from __future__ import annotations

import functools
import json

import msgspec

from ..core.grading import Grader
from ..core.text import quote

__all__ = ["summary"]


def summary(grader: Grader) -> str:
    """`contains 'Paris' (ignore_case)`: the check's value, and the options that differ from their defaults."""
    (first, usual), *rest = _defaults(type(grader))
    value = getattr(grader, first)
    words = first if value == usual else f"{first} {_shown(value)}"
    options = [
        name if option is True else f"{name}={_shown(option)}"
        for name, usual in rest
        if (option := getattr(grader, name)) != usual
    ]
    return f"{words} ({', '.join(options)})" if options else words


@functools.cache  # msgspec evaluates a class's annotations each time: 0.1 ms
def _defaults(grader: type[Grader]) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, _default(field)) for field in msgspec.structs.fields(grader))


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _shown(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else quote(value, 60)
