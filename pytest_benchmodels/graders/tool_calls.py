"""Checks of the tools that a model called on its way to the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.message import ToolCall, arguments_text, text_of
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders import json_value
from pytest_benchmodels.graders.documents import composed
from pytest_benchmodels.graders.nested_values import WantedValue
from pytest_benchmodels.graders.normalization import compose, shown

__all__ = ["CHECKS", "StepsAtMost", "ToolCalled", "ToolNotCalled", "ToolsCalled"]

ToolName = Annotated[str, msgspec.Meta(min_length=1)]
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
        return not any(value.has_checks for value in self._wanted.values())

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
        arguments = {name: value.example() for name, value in self._wanted.items()}
        call = {"name": self.tool_called, "arguments": arguments}
        return [call] * (self.times or 1)

    @cached_property
    def _wanted(self) -> Mapping[str, WantedValue]:
        others = (*json_value.CHECKS, *CHECKS)
        return {
            compose(name): WantedValue(value, f"argument {quote(name)}", others)
            for name, value in self.arguments.items()
        }


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
    """The run took at most so many answers of the model, those that call tools among them.

    Of a command-line agent these are the steps that it tells of; where it tells none, nobody knows, and it fails.
    """

    steps_at_most: Annotated[int, msgspec.Meta(ge=1)]

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Count the answers, and of an agent what it says."""
        steps = 0
        for call in context.transcript.calls:
            if call.response is None or call.purpose != "answer":
                continue
            if call.response.steps is None and call.request.model.agent is not None:
                said = "does not tell how many steps it took: output.steps of its table says where that stands"
                return Grade(0.0, passed=False, explanation=f"{call.model} {said}", undecided=True)
            steps += 1 if call.response.steps is None else call.response.steps
        return Grade.of(steps <= self.steps_at_most, f"expected at most {self.steps_at_most} steps, got {steps}")


def _fault(wanted: Mapping[str, WantedValue], call: ToolCall) -> str | None:
    """What is wrong with a call's arguments; None if nothing is."""
    if not wanted:
        return None
    if isinstance(call.arguments, str):
        return f"its arguments are no JSON object: {shown(call.arguments)}"
    given = composed(call.arguments)
    missing = next((name for name in wanted if name not in given), None)
    if missing is not None:
        return f"it has no argument {quote(missing)}"
    faults = (value.fault(given[name], f"its argument {quote(name)}") for name, value in wanted.items())
    return next(filter(None, faults), None)


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
