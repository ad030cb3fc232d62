"""A check out of a plain function: `def polite(context, tone: str) -> bool` is what `- polite: formal` calls.

The function's name is the check's. Its first option holds the check's value, the others are keys beside it; one without
options is written `- polite: true`. It returns whether the answer is right, a score from 0 to 1 (right from 0.5 on), or
a `Grade`; it may be async.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from ..core.errors import ConfigError
from ..core.grading import Grade, Grader
from ..core.grading_context import GradingContext

__all__ = ["grader_of"]

_RIGHT_FROM = 0.5
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

_Field = tuple[str, object] | tuple[str, object, object]


@functools.cache
def grader_of(function: Callable[..., object]) -> type[Grader]:
    """The check that calls this function. Raises `ConfigError` where it cannot be one."""
    options = _options(function)
    value, *others = options or [inspect.Parameter(function.__name__, _NAMED[0], annotation=Literal[True])]
    fields = [_field(value, function.__name__), *(_field(option, option.name) for option in others)]
    names = [option.name for option in options]
    made = msgspec.defstruct(
        function.__name__,
        fields,
        bases=(Grader,),
        namespace={"grade": _grade(function, names), "__doc__": function.__doc__},
        module=function.__module__,
        frozen=True,
        forbid_unknown_fields=True,
    )
    return cast("type[Grader]", made)


def _options(function: Callable[..., object]) -> list[inspect.Parameter]:
    """The parameters after the context, with their types."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ConfigError(f"{_where(function)}: its annotations cannot be read: {error}") from error
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or any(parameter.kind not in _NAMED for parameter in parameters):
        wanted = "a check takes the context first, then its options by name, as in `def polite(context, tone: str)`"
        raise ConfigError(f"{_where(function)}: {wanted}")
    return [parameter.replace(annotation=hints.get(parameter.name, Any)) for parameter in parameters[1:]]


def _field(option: inspect.Parameter, name: str) -> _Field:
    if option.default is inspect.Parameter.empty:
        return name, option.annotation
    return name, option.annotation, option.default


def _grade(function: Callable[..., object], options: list[str]) -> Callable[[Grader, GradingContext], object]:
    """The check's `grade`, async if the function is."""

    def given(grader: Grader) -> dict[str, object]:
        values = [getattr(grader, field) for field in grader.__struct_fields__]
        return dict(zip(options, values, strict=False))

    async def grade_async(self: Grader, context: GradingContext) -> Grade:
        options = given(self)
        return _told(await function(context, **options), function, options)  # type: ignore[misc] # see `grader_of`

    def grade(self: Grader, context: GradingContext) -> Grade:
        options = given(self)
        return _told(function(context, **options), function, options)

    # Its code is the user's: what it is judged by changes with that file, and an error names it.
    return functools.wraps(function, assigned=())(grade_async if inspect.iscoroutinefunction(function) else grade)


def _told(verdict: object, function: Callable[..., object], options: dict[str, object]) -> Grade:
    if isinstance(verdict, Grade):
        return verdict
    said = f"{function.__name__}({', '.join(f'{name}={value!r}' for name, value in options.items())}) says {verdict!r}"
    if isinstance(verdict, bool):
        return Grade.of(verdict, said)
    if isinstance(verdict, int | float):
        return Grade(float(verdict), verdict >= _RIGHT_FROM, said)
    raise TypeError(f"{function.__name__} has to return a bool, a number or a Grade, got {type(verdict).__name__}")


def _where(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
