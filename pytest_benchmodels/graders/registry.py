"""Which checks there are.

The function's name is the check's. Its first option holds the check's value, the others are keys beside it; one without
options is written `- polite: true`. It returns whether the answer is right, a score from 0 to 1 (right from 0.5 on), or
a `Grade`; it may be async.
"""

from __future__ import annotations

import functools
import inspect
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, permutations
from types import MappingProxyType
from typing import Any, Literal, cast

import msgspec

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.scenario import Check, Combination, Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders import (
    changes,
    code,
    combinations,
    commands,
    embedding,
    files,
    json_value,
    judge,
    language,
    markdown,
    math_equal,
    overlap,
    patterns,
    sets,
    structure,
    text,
    tool_calls,
    usage,
    valid,
    values,
)
from pytest_benchmodels.graders.extras import FromExtra

__all__ = ["BUILTIN", "example_answer", "grader_of", "registry"]

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
        raise ConfigError(f"{_named(function)}: its annotations cannot be read: {error}") from error
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or any(parameter.kind not in _NAMED for parameter in parameters):
        wanted = "a check takes the context first, then its options by name, as in `def polite(context, tone: str)`"
        raise ConfigError(f"{_named(function)}: {wanted}")
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


def _named(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


_FAMILIES = (
    text.CHECKS,
    patterns.CHECKS,
    values.CHECKS,
    structure.CHECKS,
    tool_calls.CHECKS,
    text.MEASURES,
    overlap.CHECKS,
    math_equal.CHECKS,
    language.CHECKS,
    embedding.CHECKS,
    usage.CHECKS,
    judge.CHECKS,
    combinations.CHECKS,
    json_value.CHECKS,
    valid.CHECKS,
    markdown.CHECKS,
    sets.CHECKS,
    code.CHECKS,
    commands.CHECKS,
    files.CHECKS,
    changes.CHECKS,
)
BUILTIN: Mapping[str, type[Grader]] = MappingProxyType(
    {grader.kind(): grader for family in _FAMILIES for grader in family}
)
"""The checks that come with the package, by name; each module of a family says which are its own."""

_RESERVED = ("weight", "not", "name", "extract")


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


_FALLBACK = "ok"
_SECONDS = 1.0
_ORDERS = 120


def example_answer(checks: tuple[Check, ...], target: str | None) -> str:
    """Return the best answer that can be made: the scenario's target, an example of a check, or these joined.

    Candidates are graded by all checks, `not` and weights included, but a user's that is not `bounded`: that one is
    taken at its example's word. The first that passes all of them is taken, else the one with the highest score. Never
    raises, and starts no further candidate after a second.
    """
    best, highest = target if target is not None else _FALLBACK, -1.0
    deadline = time.monotonic() + _SECONDS
    for candidate in _candidates(checks, target):
        score = sum(_points(check, candidate) for check in checks)
        if score > highest:
            best, highest = candidate, score
        if highest >= sum(check.weight for check in checks) or time.monotonic() > deadline:
            break
    return best


def _candidates(checks: tuple[Check, ...], target: str | None) -> Iterator[str]:
    """What might be right, the likeliest first."""
    told = (_example(check) for check in _promising(checks))
    examples = list(dict.fromkeys(example for example in told if example is not None))
    targets = [] if target is None else [target]
    yield from (*targets, *examples)
    for parts in (examples, [*targets, *examples]):
        for order in islice(permutations(parts), _ORDERS if len(parts) > 1 else 0):
            yield " ".join(order)
            yield "\n".join(order)
    yield from (_FALLBACK, "")


def _promising(checks: Iterable[Check]) -> Iterator[Check]:
    """Those that an answer is to satisfy; of an `any_of` the first will do."""
    for check in (each for each in checks if not each.negate):
        if isinstance(check.grader, combinations.AllOf):
            yield from _promising(check.grader.checks)
        elif isinstance(check.grader, combinations.AnyOf):
            yield from islice(_promising(check.grader.checks), 1)
        else:
            yield check


def _example(check: Check) -> str | None:
    try:
        example = check.grader.example()
        for step in reversed(check.extract):
            example = None if example is None else step.around(example)
    except BaseException:  # noqa: BLE001 - a user's grader may raise anything, and an example is no verdict
        return None
    return example if isinstance(example, str) else None


def _points(check: Check, text: str) -> float:
    try:
        return check.weight * _verdict(check, text).passed
    except BaseException:  # noqa: BLE001 - as above: a candidate that cannot be graded is no good one
        return 0.0


def _verdict(check: Check, text: str) -> Grade:
    grader = check.grader
    asks = inspect.iscoroutinefunction(grader.grade)
    if grader.needs_workspace:  # which no answer changes
        return Grade.of(passed=True)
    if asks or isinstance(grader, FromExtra) or not (grader.bounded or BUILTIN.get(check.kind) is type(grader)):
        # A user's check may block or end the process, a package takes seconds to load, others ask a model: only the
        # engine calls these.
        return Grade.of(check.negate or (_example(check) or "") in text)
    part = check.extracted(text)
    if isinstance(part, Grade):
        return check.settled(part)
    if isinstance(grader, Combination):
        return check.settled(grader.combine([_verdict(inner, part) for inner in grader.checks]))
    # It ended as it should, and took nothing: only what it says is chosen here.
    return check.settled(grader.grade(Response(part, "stop", Usage(output_tokens=0))))
