"""Checks of the tools that a model called on its way to the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response, ToolCall, arguments_text
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders import patterns, structure, text, values
from pytest_benchmodels.graders.documents import composed, difference
from pytest_benchmodels.graders.normalization import shown

__all__ = ["CHECKS", "StepsAtMost", "ToolCalled", "ToolNotCalled", "ToolsCalled"]

_OF_VALUES: Mapping[str, type[Grader]] = {
    grader.kind(): grader
    for family in (text.CHECKS, patterns.CHECKS, values.CHECKS, structure.CHECKS)
    for grader in family
}
"""The checks that may stand for an argument's value."""

_MOST_SHOWN = 10


def _calls(context: GradingContext) -> list[ToolCall]:
    """All calls of the run, in their order."""
    return [call for response in context.transcript.responses for call in response.tool_calls]


def _told(calls: Sequence[ToolCall]) -> str:
    if not calls:
        return "no tool was called"
    more = f" and {len(calls) - _MOST_SHOWN} more" if len(calls) > _MOST_SHOWN else ""
    told = (shown(f"{call.name}({arguments_text(call.arguments)})") for call in calls[:_MOST_SHOWN])
    return f"called were {', '.join(told)}{more}"


class ToolCalled(Grader, frozen=True, dict=True):
    """The model called this tool, in any answer of the run.

    `arguments`: a call counts that has at least these. In place of a value may stand a check of it, such as
    `{contains: Paris}` or `{number: 4, tolerance: 1}`. `times` is how many calls count, no more and no fewer; without
    it one is enough.
    """

    tool_called: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it
    times: int | None = None

    @property
    def bounded(self) -> bool:  # type: ignore[override] # a promise of each instance, for it has checks within
        """Only without checks within: some take their time, all may on long arguments, however short the answer is."""
        return not any(isinstance(_as_check(value), Grader) for value in self.arguments.values())

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times has to be 1 or more; a tool that must not be called: tool_not_called")
        for name, value in self.arguments.items():
            try:
                _as_check(value)
            except CheckError as error:  # now, so that it is reported with its line
                raise ValueError(f"argument {quote(name)}: {error}") from None

    def grade(self, context: GradingContext) -> Grade:
        """Count the calls that fit."""
        calls = _calls(context)
        named = [call for call in calls if call.name == self.tool_called]
        fitting = [call for call in named if _fault(self.arguments, call) is None]
        is_right = len(fitting) == self.times if self.times is not None else bool(fitting)
        if is_right:
            return Grade.of(passed=True, explanation=_told(fitting))
        if named and not fitting:
            return Grade.of(passed=False, explanation=f"{_told(named)}, but {_fault(self.arguments, named[-1])}")
        if self.times is not None and fitting:
            return Grade.of(
                passed=False, explanation=f"expected {self.times} such calls, got {len(fitting)}: {_told(fitting)}"
            )
        return Grade.of(passed=False, explanation=f"expected a call of {quote(self.tool_called)}: {_told(calls)}")

    def example_calls(self) -> list[dict[str, Any]]:
        """Calls that satisfy it: how `sim/*` calls the right tools."""
        call = {"name": self.tool_called, "arguments": {name: _example(each) for name, each in self.arguments.items()}}
        return [call] * (self.times or 1)


class ToolsCalled(Grader, frozen=True):
    """The model called these tools, each as often as it is listed, and no others; over all answers of the run.

    `order`: `any` (the default), `in_order` (others may come between), `exact` (these, in this order, and no others).
    The score is the F1 of calls that were wanted and calls that were made.
    """

    tools_called: list[str]
    order: Literal["any", "in_order", "exact"] = "any"

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Compare the names of calls."""
        calls = _calls(context)
        made = [call.name for call in calls]
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

    def example_calls(self) -> list[dict[str, Any]]:
        """Calls that satisfy it."""
        return [{"name": name, "arguments": {}} for name in self.tools_called]


class ToolNotCalled(Grader, frozen=True):
    """The model called this tool in no answer of the run; `true` stands for any tool."""

    tool_not_called: str | Literal[True]

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Look for a call."""
        calls = [call for call in _calls(context) if self.tool_not_called in (True, call.name)]
        wanted = "no tool" if self.tool_not_called is True else f"no call of {quote(self.tool_not_called)}"
        return Grade.of(not calls, f"expected {wanted}: {_told(calls)}" if calls else f"{wanted}: none was made")


class StepsAtMost(Grader, frozen=True):
    """The run took at most so many answers of the model, those that call tools among them."""

    steps_at_most: int

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Count the answers."""
        steps = len(context.transcript.responses)
        return Grade.of(steps <= self.steps_at_most, f"expected at most {self.steps_at_most} steps, got {steps}")


def _fault(wanted: Mapping[str, Any], call: ToolCall) -> str | None:
    """What is wrong with a call's arguments; None if nothing is."""
    if not wanted:
        return None
    if isinstance(call.arguments, str):
        return f"its arguments are no JSON object: {shown(call.arguments)}"
    return next(_faults(wanted, call.arguments), None)


def _faults(wanted: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in arguments:
            yield f"it has no argument {quote(name)}"
        elif (grader := _as_check(value)) is not None:
            given = arguments[name]
            grade: Grade = grader.grade(Response(given if isinstance(given, str) else arguments_text(given)))
            if not grade.passed:
                yield f"its argument {quote(name)}: {grade.explanation}"
        elif fault := difference(composed(value), composed(arguments[name]), subset=True):
            yield f"its argument {quote(name)}: {fault}"


def _as_check(value: object) -> Grader | None:
    """A check in place of a value: a mapping with one check's name and its options."""
    if not isinstance(value, dict):
        return None
    named = [name for name in value if name in _OF_VALUES]
    if len(named) != 1:
        return None
    model = _OF_VALUES[named[0]]
    if not set(value) <= set(model.__struct_fields__):
        return None
    try:
        return msgspec.convert(value, model)
    except msgspec.ValidationError as error:
        raise CheckError(f"check {named[0]!r} of an argument: {error}") from None


def _example(value: object) -> object:
    grader = _as_check(value)
    return value if grader is None else grader.example()


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
