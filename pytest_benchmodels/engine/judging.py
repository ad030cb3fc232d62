"""Checks -> verdicts: each check's crash is an error, its score never is."""

from __future__ import annotations

import asyncio
import math
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.grading import Grade
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check, Scenario
from pytest_benchmodels.core.text import message, told

__all__ = ["Watch", "is_bounded", "judge", "unwatched"]


_AT_ONCE_CHARS = 20_000
"""Up to this length no check of ours takes more than 50 ms; 10 MB take seconds, in which no other run would go on."""


class _StrayError(Exception):
    """What a check raised that is none of its errors: `sys.exit()`, `pytest.skip()`, `next()` at an end."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(told(raised))
        self.raised = raised


T = TypeVar("T")
Watch = Callable[[Run], AbstractContextManager[object]]


class _AbandonedError(BaseException):
    """Thrown into a thread whose run has ended."""


def unwatched(run: Run) -> AbstractContextManager[object]:  # noqa: ARG001 - a Watch
    """The watch of those who do not care."""
    return nullcontext()


def is_bounded(scenario: Scenario) -> bool:
    """Whether no check of this scenario may block."""
    return all(check.grader.bounded for check in scenario.all_checks)


async def judge(checks: Iterable[Check], response: Response, prefix: str = "") -> tuple[CheckResult, ...]:
    """Judge one answer by each check; raise `CheckError` where a check cannot judge."""
    return tuple([await _judge_one(check, response, prefix) for check in checks])


async def _judge_one(check: Check, response: Response, prefix: str) -> CheckResult:
    label = f"{prefix}{check.label}"
    try:
        grade = await _graded(check, response)
        return _result(check, label, grade)
    except CheckError as error:
        raise CheckError(f"check {label!r} cannot judge this answer: {told(error)}") from error
    except Exception as error:
        crash = error.raised if isinstance(error, _StrayError) else error
        raise CheckError(f"check {label!r} crashed: {_where(crash)}") from error


async def _graded(check: Check, response: Response) -> Grade:
    """Let the check judge: at once if it promised to be quick, else where it can be left behind."""
    is_quick = check.grader.bounded and len(response.text) <= _AT_ONCE_CHARS
    # In the main thread a Ctrl-C of the user's would look like one of the check's.
    if is_quick and threading.current_thread() is not threading.main_thread():
        return _call(check, response)
    return await _in_thread(lambda: _call(check, response))


def _call(check: Check, response: Response) -> Grade:
    """What is no `Exception` would end the event loop, and a StopIteration no future takes: both come as ours."""
    try:
        return check.grader.grade(response)
    except (StopIteration, StopAsyncIteration) as error:
        raise _StrayError(error) from error
    except BaseException as error:
        if isinstance(error, Exception):
            raise
        raise _StrayError(error) from error


def _result(check: Check, label: str, grade: Grade) -> CheckResult:
    """The verdict as plain data: a score of numpy's own type would not get from a worker to its controller."""
    _validate(grade)
    score, passed = float(grade.score), bool(grade.passed)
    if check.negate:
        score, passed = (0.0, False) if grade.undecided else (1 - score, not passed)
    return CheckResult(label, score, passed, message(grade.explanation), check.weight, check.summary)


def _validate(grade: object) -> None:
    if not isinstance(grade, Grade):
        raise TypeError(f"grade() has to return a Grade, got {type(grade).__name__}")
    if not (math.isfinite(grade.score) and 0 <= grade.score <= 1):
        raise ValueError(f"a score has to be a number from 0 to 1, got {grade.score!r}")
    if not isinstance(grade.explanation, str):
        raise TypeError(f"an explanation has to be a text, got {type(grade.explanation).__name__}")


def _where(error: BaseException) -> str:
    """`ValueError: no such unit (checks.py:12)`: the innermost frame is where the check's author looks first."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {told(error)}{place}"


async def _in_thread(function: Callable[[], T]) -> T:
    """Call a function that may block forever; cancelling this leaves the thread behind.

    A pool would be joined at exit and hang there, so each call has a daemon thread of its own (about 60 us).
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)  # type: ignore[arg-type] # None only beside an error, or where T is None

    def work() -> None:
        value, error = None, None
        try:
            value = function()
        except BaseException as caught:  # noqa: BLE001 - handed to the awaiting run
            error = caught
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits for this verdict any more

    thread = threading.Thread(target=work, name="benchmodels-check", daemon=True)
    thread.start()
    try:
        return await outcome
    except asyncio.CancelledError:
        _interrupt(thread)
        raise


def _interrupt(thread: threading.Thread) -> None:
    """Stop a thread that runs Python code in a loop; one that sleeps in C dies with the process."""
    import ctypes  # noqa: PLC0415 - 10 ms that only a blocked check pays

    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_AbandonedError))
