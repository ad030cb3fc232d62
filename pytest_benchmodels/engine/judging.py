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


class _StrayError(Exception):
    """What a check raised that is none of its errors: `sys.exit()`, `pytest.skip()`."""

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
        if check.grader.bounded:
            grade = check.grader.grade(response)
        else:
            grade = await _in_thread(lambda: check.grader.grade(response))
        _validate(grade)
    except CheckError as error:
        raise CheckError(f"check {label!r} cannot judge this answer: {told(error)}") from error
    except Exception as error:
        crash = error.raised if isinstance(error, _StrayError) else error
        raise CheckError(f"check {label!r} crashed: {_where(crash)}") from error
    score, passed = grade.score, grade.passed
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
        except Exception as caught:  # noqa: BLE001 - handed to the awaiting run
            error = caught
        except BaseException as caught:  # noqa: BLE001 - sys.exit() or pytest.skip() in a check must not end a lane
            error = _StrayError(caught)
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
