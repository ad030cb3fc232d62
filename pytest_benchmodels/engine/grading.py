"""Checks -> verdicts: each check's crash is an error, its score never is."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar, cast

from msgspec import convert, structs, to_builtins

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CallError, CheckError
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check, Combination, Grade, Grader, Scenario, Vote
from pytest_benchmodels.core.text import message, told
from pytest_benchmodels.core.user_code import in_task, in_thread, innermost

__all__ = ["Watch", "is_bounded", "judge", "settled", "unwatched"]


T = TypeVar("T")

_AT_ONCE_CHARS = 2_000
"""Longer answers take a check of ours tens of milliseconds and more, in which no other run would go on.

On a busy machine `number` takes 70 ms for nearly any text of 20,000 characters, and 60 ms for the worst found of 2,000
(`1 1 1 ...`). A thread takes 0.1 ms.
"""


class _StrayError(Exception):
    """Raised for what a check must not raise: `sys.exit()`, `pytest.skip()`, `next()` at an end."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(told(raised))
        self.raised = raised


Watch = Callable[[Run], AbstractContextManager[Callable[[], None]]]
"""Entered around the judging of a run. What it gives is called when the judging has not held up anything so far."""


def unwatched(run: Run) -> AbstractContextManager[Callable[[], None]]:  # noqa: ARG001 - a Watch
    """A watch that does nothing."""
    return nullcontext(_nothing)


def _nothing() -> None:
    """Nobody cares."""


def is_bounded(scenario: Scenario) -> bool:
    """Whether no check of this scenario may block."""
    return all(check.bounded for check in scenario.all_checks)


async def judge(checks: Iterable[Check], context: GradingContext, prefix: str = "") -> tuple[CheckResult, ...]:
    """Judge one answer by each check; raise `CheckError` where a check cannot judge."""
    return tuple([await _judge_one(check, context, prefix) for check in checks])


async def _judge_one(check: Check, context: GradingContext, prefix: str) -> CheckResult:
    label = f"{prefix}{check.label}"
    grade, inside = await _verdict(check, context, label)
    return _result(check, label, grade, inside)


def _result(check: Check, name: str, grade: Grade, inside: tuple[CheckResult, ...]) -> CheckResult:
    # As plain data: a score of a numpy type would not cross from a worker to its controller.
    score, passed, said = float(grade.score), bool(grade.passed), message(grade.explanation)
    return CheckResult(name, score, passed, said, check.weight, check.summary, grade.votes, inside)


def settled(run: Run, judged: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """The verdicts as they count: where the scenario has a scoring of its own, all others only inform."""
    scoring = run.scenario.scoring
    if scoring is None:
        return judged
    grade = scoring.grade(run.model.id, judged)
    whole = CheckResult(
        scoring.name, grade.score, grade.passed, grade.explanation, summary=scoring.summary, measures=grade.measures
    )
    return (*[structs.replace(each, weight=0.0) for each in judged], whole)


async def _verdict(check: Check, context: GradingContext, label: str) -> tuple[Grade, tuple[CheckResult, ...]]:
    """The verdict after `not`, and those of the checks inside.

    `label` names the check in errors, behind those that it is inside of.
    """
    part = await _guarded(_extracted(check, context), label) if check.extract else context
    if isinstance(part, Grade):
        return check.settled(part), ()
    if not isinstance(check.grader, Combination):
        return check.settled(await _guarded(_graded(check, part), label)), ()
    grades: list[Grade] = []
    inside: list[CheckResult] = []
    for inner in check.grader.checks:
        grade, further = await _verdict(inner, part, f"{label} > {inner.label}")
        grades.append(grade)
        inside.append(_result(inner, inner.label, grade, further))
    return check.settled(check.grader.combine(grades)), tuple(inside)


async def _guarded(judging: Awaitable[T], label: str) -> T:
    """What comes of a check's code; what it raises is told with the check's name."""
    try:
        return await judging
    except CallError as error:
        raise CallError(f"check {label!r} has no verdict: {told(error)}", error.answer) from error
    except CheckError as error:
        raise CheckError(f"check {label!r} cannot judge this answer: {told(error)}") from error
    except Exception as error:
        crash = error.raised if isinstance(error, _StrayError) else error
        raise CheckError(f"check {label!r} crashed: {innermost(crash)}") from error


async def _extracted(check: Check, context: GradingContext) -> GradingContext | Grade:
    """The context with the part of the answer that is to be judged; the verdict where there is none."""
    bounded = all(step.bounded for step in check.extract)
    found = await _called(lambda: check.extracted(context.text), context, bounded=bounded)
    return found if isinstance(found, Grade) else context.with_part(found)


async def _graded(check: Check, context: GradingContext) -> Grade:
    """Let the check judge."""
    takes_context, is_async = _manner(type(check.grader))
    subject = context if takes_context else context.response
    if is_async:
        grade = await _awaited(check.grader, subject)
    else:
        grade = await _called(lambda: check.grader.grade(subject), context, bounded=check.grader.bounded)
    _validate(grade)
    return replace(grade, votes=tuple(map(_vote, grade.votes))) if grade.votes else grade


async def _called(function: Callable[[], T], context: GradingContext, *, bounded: bool) -> T:
    """Call a check's code: on the loop if it promised to be quick, else in a thread that can be left behind."""
    is_quick = bounded and len(context.text) <= _AT_ONCE_CHARS
    # Not in the main thread: there the user's Ctrl-C would look as if the check had raised it.
    if is_quick and threading.current_thread() is not threading.main_thread():
        return _call(function)
    return await in_thread(lambda: _call(function), "benchmodels-check")


@cache
def _manner(grader: type[Grader]) -> tuple[bool, bool]:
    """Whether `grade` takes the whole context, by its parameter's name or annotation, and whether it is async."""
    parameters = list(inspect.signature(grader.grade, follow_wrapped=False).parameters.values())
    taken = parameters[1] if len(parameters) > 1 else None
    takes_context = taken is not None and (taken.name == "context" or "GradingContext" in str(taken.annotation))
    return takes_context, inspect.iscoroutinefunction(grader.grade)


async def _awaited(grader: Grader, subject: Any) -> Grade:
    """Let an async check judge in a task of its own: one that catches its cancellation holds no run past its limit."""
    grade, error = await in_task(lambda: grader.grade(subject))
    if error is not None:
        raise _stray(error) from error
    return cast("Grade", grade)


def _call(function: Callable[[], T]) -> T:
    try:
        return function()
    except BaseException as error:
        raise _stray(error) from error


def _stray(error: BaseException) -> Exception:
    """Wrap what would end the event loop (no `Exception`), and StopIteration, which no future accepts."""
    is_usual = isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration)
    return error if is_usual else _StrayError(error)  # type: ignore[return-value] # an Exception, see above


def _vote(vote: Vote) -> Vote:
    _validate_score(vote.score)
    plain = structs.replace(
        vote,
        judge=message(vote.judge),
        verdict=message(vote.verdict),
        score=float(vote.score),
        passed=bool(vote.passed),
    )
    # Nothing checked the user's code that may have made it, and the controller would refuse what is no vote.
    return convert(to_builtins(plain), Vote)


def _validate(grade: object) -> None:
    if not isinstance(grade, Grade):
        raise TypeError(f"grade() has to return a Grade, got {type(grade).__name__}")
    _validate_score(grade.score)
    if not isinstance(grade.explanation, str):
        raise TypeError(f"an explanation has to be a text, got {type(grade.explanation).__name__}")
    if strange := {type(vote) for vote in grade.votes} - {Vote}:
        raise TypeError(f"the votes of a Grade have to be of type Vote, got {strange.pop().__name__}")


def _validate_score(score: float) -> None:
    if not (math.isfinite(score) and 0 <= score <= 1):
        raise ValueError(f"a score has to be a number from 0 to 1, got {score!r}")
