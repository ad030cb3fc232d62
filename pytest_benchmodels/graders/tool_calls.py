"""Checks of the tools that a model called on its way to the answer."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.message import Response, ToolCall, arguments_text, text_of
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.graders import (
    code,
    combinations,
    embedding,
    judge,
    language,
    markdown,
    math_equal,
    overlap,
    patterns,
    sets,
    structure,
    text,
    usage,
    valid,
    values,
)
from pytest_benchmodels.graders.documents import composed, difference
from pytest_benchmodels.graders.normalization import compose, shown

__all__ = ["CHECKS", "StepsAtMost", "ToolCalled", "ToolNotCalled", "ToolsCalled", "WantedValue"]

_FAMILIES = (
    text.CHECKS,
    (text.Similar, text.MinWords, text.MaxWords),
    patterns.CHECKS,
    values.CHECKS,
    structure.CHECKS,
    valid.CHECKS,
    markdown.CHECKS,
    sets.CHECKS,
)
_OF_VALUES: Mapping[str, type[Grader]] = {grader.kind(): grader for family in _FAMILIES for grader in family}
"""The checks that may stand for an argument's value."""
_ABOUT_ANSWERS = (
    *text.MEASURES,
    *overlap.CHECKS,
    *math_equal.CHECKS,
    *language.CHECKS,
    *embedding.CHECKS,
    *usage.CHECKS,
    *judge.CHECKS,
    *code.CHECKS,
    *combinations.CHECKS,
)
_OF_ANSWERS = frozenset(grader.kind() for grader in _ABOUT_ANSWERS if grader.kind() not in _OF_VALUES)
_OF_ANSWERS |= {"json_path"}  # which uses `WantedValue`
ToolName = Annotated[str, msgspec.Meta(min_length=1)]
_LITERAL = "literal"
_NOT = "not"
_BESIDE = (_NOT, "weight", "name")
_NEAR = 0.8
_LONGEST_NAME = 100
_OTHER = "other"
_REMEDY = "a value that looks like a check is written {literal: ...}"

_MOST_SHOWN = 10
_REJECTED = ""  # no tool's name


@dataclass(frozen=True, slots=True)
class _Made:
    """A call that the model made. `rejected` says why nothing was done; empty where it was right."""

    call: ToolCall
    rejected: str

    @property
    def told(self) -> str:
        said = shown(f"{self.call.name}({arguments_text(self.call.arguments)})")
        return f"{said} (rejected: {shown(self.rejected)})" if self.rejected else said


def _calls(context: GradingContext) -> list[_Made]:
    """All calls of the run, in their order."""
    pairs = (pair for response in context.transcript.responses for pair in response.told_calls)
    return [_Made(call, text_of(told.content) if told is not None and told.is_rejected else "") for call, told in pairs]


def _told(calls: Sequence[_Made]) -> str:
    if not calls:
        return "no tool was called"
    more = f" and {len(calls) - _MOST_SHOWN} more" if len(calls) > _MOST_SHOWN else ""
    return f"called were {', '.join([call.told for call in calls[:_MOST_SHOWN]])}{more}"


class ToolCalled(Grader, frozen=True, dict=True):
    """The model called this tool, in any answer of the run. A call that was rejected, being wrong, does not count.

    `arguments`: a call counts that has at least these. In place of a value, at any depth, may stand a check of it,
    such as `{contains: Paris}`, `{number: 4, tolerance: 1}` or `{equals: "", not: true}`; a value that looks like a
    check is `{literal: ...}`. `times` is how many calls count, no more and no fewer; without it one is enough.
    """

    tool_called: ToolName
    arguments: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it
    times: int | None = None

    @property
    def bounded(self) -> bool:  # type: ignore[override] # a promise of each instance, for it has checks within
        """Only without checks within: some take their time, all may on long arguments, however short the answer is."""
        return not _has_checks(self._wanted)

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times has to be 1 or more; a tool that must not be called: tool_not_called")
        _ = self._wanted  # now, so that what is wrong is reported with its line

    def grade(self, context: GradingContext) -> Grade:
        """Count the calls that fit."""
        calls = _calls(context)
        named = [made for made in calls if made.call.name == self.tool_called]
        done = [made for made in named if not made.rejected]
        fitting = [made for made in done if _fault(self._wanted, made.call) is None]
        is_right = len(fitting) == self.times if self.times is not None else bool(fitting)
        if is_right:
            return Grade.of(passed=True, explanation=_told(fitting))
        if done and not fitting:
            return Grade.of(passed=False, explanation=f"{_told(named)}, but {_fault(self._wanted, done[-1].call)}")
        if self.times is not None and fitting:
            return Grade.of(
                passed=False, explanation=f"expected {self.times} such calls, got {len(fitting)}: {_told(fitting)}"
            )
        return Grade.of(passed=False, explanation=f"expected a call of {quote(self.tool_called)}: {_told(calls)}")

    def named_tools(self) -> tuple[str, ...]:
        """Its own."""
        return (self.tool_called,)

    def example_calls(self) -> list[dict[str, Any]]:
        """Calls that satisfy it: how `sim/*` calls the right tools."""
        call = {"name": self.tool_called, "arguments": _example(self._wanted)}
        return [call] * (self.times or 1)

    @cached_property
    def _wanted(self) -> Mapping[str, _Wanted]:
        return {compose(name): _read(value, f"argument {quote(name)}") for name, value in self.arguments.items()}


class ToolsCalled(Grader, frozen=True):
    """The model called these tools, each as often as it is listed, and no others; over all answers of the run.

    A call that was rejected, being wrong, is one too many, and none of those listed.

    `order`: `any` (the default), `in_order` (others may come between), `exact` (these, in this order, and no others).
    The score is the F1 of calls that were wanted and calls that were made.
    """

    tools_called: list[ToolName]
    order: Literal["any", "in_order", "exact"] = "any"

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Compare the names of calls."""
        calls = _calls(context)
        made = [_REJECTED if call.rejected else call.call.name for call in calls]
        if self.order == "any":
            passed = Counter(made) == Counter(self.tools_called)
        elif self.order == "exact":
            passed = made == self.tools_called
        else:
            passed = _common(made, self.tools_called) == len(self.tools_called)
        matched = (
            (Counter(made) & Counter(self.tools_called)).total()
            if self.order == "any"
            else _common(made, self.tools_called)
        )
        total = len(made) + len(self.tools_called)
        score = 1.0 if passed or not total else 2 * matched / total
        wanted = ", ".join(map(quote, self.tools_called)) or "none"
        return Grade(score, passed, f"expected {wanted} ({self.order}): {_told(calls)}")

    def named_tools(self) -> tuple[str, ...]:
        """Those of its list."""
        return tuple(dict.fromkeys(self.tools_called))

    def example_calls(self) -> list[dict[str, Any]]:
        """Calls that satisfy it."""
        return [{"name": name, "arguments": {}} for name in self.tools_called]


class ToolNotCalled(Grader, frozen=True):
    """The model called this tool in no answer of the run, not even wrongly; `true` stands for any tool."""

    tool_not_called: ToolName | Literal[True]

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Look for a call."""
        calls = [made for made in _calls(context) if self.tool_not_called in (True, made.call.name)]
        wanted = "no tool" if self.tool_not_called is True else f"no call of {quote(self.tool_not_called)}"
        return Grade.of(not calls, f"expected {wanted}: {_told(calls)}" if calls else f"{wanted}: none was made")

    def named_tools(self) -> tuple[str, ...]:
        """Its own; none where it is about any."""
        return () if self.tool_not_called is True else (self.tool_not_called,)


class StepsAtMost(Grader, frozen=True):
    """The run took at most so many answers of the model, those that call tools among them."""

    steps_at_most: Annotated[int, msgspec.Meta(ge=1)]

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Count the answers."""
        steps = len(context.transcript.responses)
        return Grade.of(steps <= self.steps_at_most, f"expected at most {self.steps_at_most} steps, got {steps}")


@dataclass(frozen=True, slots=True)
class _Nested:
    """A check in place of a value."""

    grader: Grader
    negate: bool

    def fault(self, given: Any, where: str) -> str | None:
        grade: Grade = self.grader.grade(Response(_written(given)))
        if grade.undecided if self.negate else not grade.passed:
            return f"{where}: {grade.explanation}"
        return f"{where} is as it must not be: {grade.explanation}" if self.negate and grade.passed else None

    def example(self) -> object:
        return _OTHER if self.negate else self.grader.example()


@dataclass(frozen=True, slots=True)
class _Literal:
    """A value in which nothing is a check."""

    value: object


_Wanted = Any
"""A plain value, `_Nested`, `_Literal`, or a mapping or list of these."""


def _read(value: object, where: str) -> _Wanted:
    """What an author wrote, with its checks made. Raises ValueError for what looks like a check and is none."""
    if isinstance(value, list | tuple):
        return [_read(each, f"{where}[{place}]") for place, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) == {_LITERAL}:
        return _Literal(value[_LITERAL])
    if (kind := _kind(value, where)) is not None:
        return _made(kind, value, where)
    return {compose(name): _read(each, f"{where}, {quote(name)}") for name, each in value.items()}


def _kind(value: Mapping[str, object], where: str) -> str | None:
    """The check that a mapping is; None where it is none."""
    named = [name for name in value if name in _OF_VALUES]
    fitting = [name for name in named if set(named) <= _options(name)]
    if len(fitting) == 1:
        return fitting[0]
    if named:
        raise ValueError(f"{where}: a check has one name, got {' and '.join(map(quote, named))}; {_REMEDY}")
    for name in value:
        if name in _OF_ANSWERS or name in _OF_CALLS:
            raise ValueError(f"{where}: check {quote(name)} judges answers, no arguments; {_REMEDY}")
        near = difflib.get_close_matches(name, _OF_VALUES, n=1, cutoff=_NEAR) if len(name) <= _LONGEST_NAME else []
        if near and set(value) - {name} <= _options(near[0]):
            raise ValueError(f"{where}: {quote(name)} is no check, did you mean {quote(near[0])}? {_REMEDY}")
    return None


def _options(kind: str) -> set[str]:
    return {*_OF_VALUES[kind].__struct_fields__, *_BESIDE}


def _made(kind: str, value: Mapping[str, object], where: str) -> _Nested:
    model, negate = _OF_VALUES[kind], value.get(_NOT, False)
    for name in value:
        if name in _BESIDE[1:]:
            raise ValueError(f"{where}: {name!r} has no meaning beside a check of an argument: leave it out")
        if name not in _options(kind):
            hint = nearest(name, _options(kind)) or f"; {_REMEDY}"
            raise ValueError(f"{where}: check {kind!r} has no option {quote(name)}{hint}")
    if not isinstance(negate, bool):
        raise ValueError(f"{where}: check {kind!r}: `not` is true or false, got {quote(negate)}")  # noqa: TRY004 - see `_read`
    try:
        grader = msgspec.convert({name: each for name, each in value.items() if name != _NOT}, model)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: check {kind!r}: {error}; {_REMEDY}") from None
    return _Nested(grader, negate)


def _has_checks(wanted: _Wanted) -> bool:
    if isinstance(wanted, Mapping | list):
        return any(map(_has_checks, wanted.values() if isinstance(wanted, Mapping) else wanted))
    return isinstance(wanted, _Nested)


def _fault(wanted: Mapping[str, _Wanted], call: ToolCall) -> str | None:
    """What is wrong with a call's arguments; None if nothing is."""
    if not wanted:
        return None
    if isinstance(call.arguments, str):
        return f"its arguments are no JSON object: {shown(call.arguments)}"
    given = composed(call.arguments)
    missing = next((name for name in wanted if name not in given), None)
    if missing is not None:
        return f"it has no argument {quote(missing)}"
    faults = (_differs(value, given[name], f"its argument {quote(name)}") for name, value in wanted.items())
    return next(filter(None, faults), None)


def _differs(wanted: _Wanted, given: Any, where: str) -> str | None:
    """Where a value is not as wanted first; None where it is. Objects may have further keys."""
    if isinstance(wanted, _Nested):
        return wanted.fault(given, where)
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        missing = next((name for name in wanted if name not in given), None)
        if missing is not None:
            return f"{where}: expected key {quote(missing)}, found none"
        pairs = [(each, given[name], f"{where}, {quote(name)}") for name, each in wanted.items()]
    elif isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = [(each, given[place], f"{where}[{place}]") for place, each in enumerate(wanted)]
    elif isinstance(wanted, Mapping | list):
        kind = "an object" if isinstance(wanted, Mapping) else f"a list of {len(wanted)}"
        return f"{where}: expected {kind}, got {shown(_written(given))}"
    else:
        plain = wanted.value if isinstance(wanted, _Literal) else wanted
        fault = difference(composed(plain), given, subset=True)
        return f"{where}: {fault}" if fault else None
    return next(filter(None, (_differs(*pair) for pair in pairs)), None)


class WantedValue:
    """What a value of an answer has to be: a plain value, or one in which checks stand, as in `tool_called`.

    Raises ValueError, with `where`, for what looks like a check and is none.
    """

    def __init__(self, value: object, where: str) -> None:
        self._wanted = _read(value, where)

    @property
    def is_check(self) -> bool:
        """Whether it is one check as a whole."""
        return isinstance(self._wanted, _Nested)

    def fault(self, given: Any, where: str) -> str | None:
        """What is wrong with a value that stands at `where`; None if nothing is."""
        return _differs(self._wanted, composed(given), where)

    def example(self) -> Any:
        """A value that is right."""
        return _example(self._wanted)


def _written(given: Any) -> str:
    return given if isinstance(given, str) else arguments_text(given)


def _example(wanted: _Wanted) -> Any:
    if isinstance(wanted, _Nested):
        return wanted.example()
    if isinstance(wanted, Mapping):
        return {name: _example(each) for name, each in wanted.items()}
    if isinstance(wanted, list):
        return [_example(each) for each in wanted]
    return wanted.value if isinstance(wanted, _Literal) else wanted


def _common(made: Sequence[str], wanted: Sequence[str]) -> int:
    """How many of the wanted were made in that order (the longest common subsequence)."""
    row = [0] * (len(wanted) + 1)
    for name in made:
        before = 0
        for place, other in enumerate(wanted, 1):
            before, row[place] = row[place], before + 1 if name == other else max(row[place], row[place - 1])
    return row[-1]


CHECKS: tuple[type[Grader], ...] = (ToolCalled, ToolsCalled, ToolNotCalled, StepsAtMost)
"""The checks of this family, in the order in which they are told."""
_OF_CALLS = frozenset(grader.kind() for grader in CHECKS)
