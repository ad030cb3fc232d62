"""One run, from its first request to its Result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from msgspec.structs import replace

from pytest_benchmodels.core.errors import CheckError, ConfigError, ProviderError
from pytest_benchmodels.core.result import Failure, Result, Status
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scoring import passes, total
from pytest_benchmodels.core.text import told

from .admission import Admission, RefusedError
from .attempts import Attempts
from .conversation import Partner, converse
from .flight import Alone, Flight, Lane
from .judging import Watch, is_bounded, unwatched
from .progress import Progress, conclude
from .recall import Memory, Recall, Replay

__all__ = ["Executor"]


class Executor:
    """Executes runs. One instance serves a session; `execute` may be called for many runs at once.

    `watch` is entered around the judging of each answer: user code runs there, and may end the process. `clock` tells
    when a run began, in seconds since the epoch.
    """

    def __init__(
        self,
        attempts: Attempts,
        admission: Admission,
        recall: Recall,
        watch: Watch = unwatched,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attempts = attempts
        self._admission = admission
        self._recall = recall
        self._watch = watch
        self._clock = clock

    async def execute(self, run: Run, lane: Lane) -> Result:
        """Run to the end within the run's limit. Failures are in the Result; only cancellation is raised.

        What is known already is not run again: a finished result is taken over, a stored answer judged afresh.
        """
        known = self._recall.of(run)
        flight = Flight(run, lane, asyncio.timeout(None), self._account(known))
        return await self._reuse(known, flight) or await self._call(flight)

    async def recall(self, runs: Sequence[Run]) -> list[Result | None]:
        """The Results of those that need no model; None for one that is to be executed.

        One after another, so that a run whose checks may take their time is executed as well.
        """
        self._recall.expect(runs)
        return [await self._recalled(run) if is_bounded(run.scenario) else None for run in runs]

    async def _recalled(self, run: Run) -> Result | None:
        known = self._recall.of(run)
        return await self._reuse(known, Flight(run, Alone(), None, self._account(known)))

    async def _reuse(self, known: Memory, flight: Flight) -> Result | None:
        """The Result, if it is known or follows from what is."""
        if known.result is not None:
            return replace(known.result, cached=True, reuse=known.reason)
        if known.answers:
            result = await self._execute(flight, Replay(known.answers))
            return result if known.before is None else _as_it_was_run(result, known.before)
        if known.timeout is not None:
            result = conclude(flight.run, flight.progress, "timeout", failure=known.timeout)
            return result if known.before is None else _at_the_cost_of(result, known.before)
        if known.must_not_run:
            failure = Failure("not-stored", known.reason)
            return conclude(flight.run, flight.progress, "skipped", failure=failure)
        return None

    async def _call(self, flight: Flight) -> Result:
        """Have the model answer, unless it is out of order or the money is spent.

        Asked twice: before a place in a rate limit is taken, and when the request is about to go, maybe much later.
        """
        model = flight.run.model.id
        flight.admit = lambda: self._admission.admit(model)
        flight.is_hopeless = lambda: model in self._admission.closed
        try:
            flight.admit()
        except RefusedError as error:
            return conclude(flight.run, flight.progress, error.status, failure=error.cause)
        result = await self._execute(flight, self._attempts)
        if result.attempts:
            self._admission.count(result)
        return result

    async def _execute(self, flight: Flight, partner: Partner) -> Result:
        run, progress = flight.run, flight.progress
        try:
            async with flight.limit or nullcontext():
                await converse(flight, partner, self._watch)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            # Nobody gave the run up: code of the user's raised this, as it may raise anything.
            failure = Failure("provider", "CancelledError: raised by what was to answer")
            return conclude(run, progress, "error", failure=failure)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a provider of the user's may raise anything; the others go on
            status, failure = _ended_by(error, flight)
            return conclude(run, progress, status, failure=failure)
        passed = passes(progress.verdicts, run.scenario.threshold)
        return conclude(run, progress, "passed" if passed else "failed", score=total(progress.verdicts))

    def _account(self, known: Memory) -> Progress:
        """The account of a run of which so much is known."""
        is_stored = bool(known.answers) or known.timeout is not None
        return Progress(fingerprint=known.fingerprint, reuse=known.reason, cached=is_stored, clock=self._clock)


def _as_it_was_run(result: Result, before: Result) -> Result:
    """A new verdict on an answer, with what the answer took."""
    return replace(
        _at_the_cost_of(result, before),
        started_at=before.started_at,
        duration_s=before.duration_s,
        wait_s=before.wait_s,
        waits=before.waits,
        attempts=before.attempts,
        retry_s=before.retry_s,
        retries=before.retries,
        session=before.session,
    )


def _at_the_cost_of(result: Result, before: Result) -> Result:
    return replace(
        result,
        cost_usd=before.cost_usd,
        known_cost_usd=before.known_cost_usd,
        usage=before.usage,
        known_usage=before.known_usage,
    )


def _ended_by(error: BaseException, flight: Flight) -> tuple[Status, Failure]:
    """The status and the cause of a run that has no verdict."""
    if isinstance(error, TimeoutError) and flight.limit is not None and flight.limit.expired():
        return _out_of_time(flight)
    if isinstance(error, RefusedError):
        return error.status, error.cause
    if isinstance(error, ProviderError):
        return "error", Failure(error.kind, error.message)
    if isinstance(error, CheckError):
        return "error", Failure("check", told(error))
    if isinstance(error, ConfigError):
        return "error", Failure("limits", told(error))
    return "error", Failure("provider", f"{type(error).__name__}: {told(error)}")


def _out_of_time(flight: Flight) -> tuple[Status, Failure]:
    limit_s = float(flight.run.timeout_s or 0)
    if (refusal := flight.progress.refusal) is not None:
        # The server said to come back later until the time was over: that tells nothing of the model.
        return "error", Failure(refusal.kind, f"{refusal.message}; so it was until the limit of {limit_s} s")
    return "timeout", Failure("timeout", f"Timeout (>{limit_s}s): {flight.progress.doing}")
