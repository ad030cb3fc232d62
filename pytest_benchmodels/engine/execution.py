"""One run, from its first request to its Result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from pytest_benchmodels.core.errors import CheckError, ProviderError
from pytest_benchmodels.core.exchange import Message, Provider, Request, Response, Usage
from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry, Status
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import plain

from .backoff import Backoff
from .judging import judge, total

__all__ = ["Executor", "Watch"]

Watch = Callable[[Run], AbstractContextManager[object]]


@dataclass(slots=True)
class _Progress:
    """What a run has come to so far: whatever ends it, nothing of this is lost."""

    attempts: int = 0
    latency_s: float = 0.0
    wait_s: float = 0.0
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    response: Response | None = None
    verdicts: tuple[CheckResult, ...] = ()
    retries: list[Retry] = field(default_factory=list)
    doing: str = "no request was sent"
    started_at: float = field(default_factory=time.time)
    start: float = field(default_factory=time.perf_counter)

    def elapsed_s(self) -> float:
        return time.perf_counter() - self.start


class Executor:
    """Executes runs. One instance serves a session; `execute` may be called for many runs at once.

    `watch` is entered around the judging of each answer: user code runs there, and may end the process.
    """

    def __init__(
        self,
        provider_for: Callable[[Model], Provider],
        backoff: Backoff,
        watch: Watch = lambda _: nullcontext(),
    ) -> None:
        self._provider_for = provider_for
        self._backoff = backoff
        self._watch = watch

    async def execute(self, run: Run) -> Result:
        """Run to the end within the run's limit. Failures are in the Result; only cancellation is raised."""
        progress = _Progress()
        limit = asyncio.timeout(run.timeout_s)
        status: Status = "error"
        try:
            async with limit:
                await self._converse(run, progress)
        except TimeoutError as error:
            if limit.expired():
                status = "timeout"
                failure = Failure("timeout", f"Timeout (>{float(run.timeout_s or 0)}s): {progress.doing}")
            else:
                failure = Failure("provider", f"TimeoutError: {error}")
        except ProviderError as error:
            failure = Failure(error.kind, error.message)
        except CheckError as error:
            failure = Failure("check", str(error))
        except Exception as error:  # noqa: BLE001 - a provider of the user's may raise anything; the others go on
            failure = Failure("provider", f"{type(error).__name__}: {error}")
        else:
            return _graded(run, progress)
        return _result(run, progress, status, failure=failure)

    async def _converse(self, run: Run, progress: _Progress) -> None:
        """Send each turn with the conversation so far; judge each answer."""
        scenario, last = run.scenario, len(run.scenario.turns) - 1
        system = () if scenario.system is None else (Message("system", scenario.system),)
        request = Request(run.model, system, {**run.model.params, **scenario.params}, trial=run.trial)
        for number, turn in enumerate(scenario.turns):
            final = number == last
            request = replace(
                request,
                messages=request.messages + turn.messages,
                checks=turn.checks + scenario.checks if final else turn.checks,
                target=scenario.target if final else None,
            )
            response = await self._answer(run, request, progress)
            progress.response = _whole(response, progress)
            progress.doing = "the model answered, but a check did not finish"
            with self._watch(run):
                progress.verdicts += await judge(turn.checks, response, f"turn {number + 1}: " if last else "")
            request = replace(request, messages=(*request.messages, Message("assistant", response.text)))
        if progress.response is not None:
            with self._watch(run):
                progress.verdicts += await judge(scenario.checks, progress.response)

    async def _answer(self, run: Run, request: Request, progress: _Progress) -> Response:
        """Attempt one request until it is answered."""
        provider = self._provider_for(run.model)
        attempt = 1
        while True:
            progress.attempts += 1
            progress.doing = f"attempt {attempt} was not answered"
            started = time.perf_counter()
            try:
                return await provider.complete(replace(request, attempt=attempt) if attempt > 1 else request)
            except ProviderError as error:
                failed = error
            finally:
                progress.latency_s += time.perf_counter() - started
            await self._wait_for_next(run, progress, attempt, failed)
            attempt += 1

    async def _wait_for_next(self, run: Run, progress: _Progress, attempt: int, error: ProviderError) -> None:
        """Wait until the next attempt is due; raise the error if there is to be none within the limit."""
        wait_s = self._backoff.wait_s(attempt, error)
        if wait_s is None:
            raise error
        if run.timeout_s is not None and progress.elapsed_s() + wait_s >= run.timeout_s:
            beyond = f"the next attempt was due in {wait_s:.1f} s, beyond the limit of {run.timeout_s} s"
            raise ProviderError(error.kind, f"{error.message}; {beyond}", status=error.status) from error
        progress.retries.append(Retry(error.kind, error.message, wait_s))
        progress.doing = f"attempt {attempt} failed ({error.message}), the next was not due yet"
        started = time.perf_counter()
        try:
            await asyncio.sleep(wait_s)
        finally:
            progress.wait_s += time.perf_counter() - started


def _graded(run: Run, progress: _Progress) -> Result:
    score = total(progress.verdicts)
    return _result(run, progress, "passed" if score >= run.scenario.threshold else "failed", score=score)


def _result(
    run: Run, progress: _Progress, status: Status, *, score: float | None = None, failure: Failure | None = None
) -> Result:
    return Result(
        nodeid=run.nodeid,
        scenario=run.scenario.id,
        model=run.model.id,
        trial=run.trial,
        status=status,
        started_at=progress.started_at,
        duration_s=progress.elapsed_s(),
        latency_s=progress.latency_s,
        wait_s=progress.wait_s,
        attempts=progress.attempts,
        score=score,
        threshold=run.scenario.threshold,
        checks=progress.verdicts,
        response=progress.response,
        error=None if failure is None else Failure(failure.kind, plain(failure.message)),
        retries=tuple(progress.retries),
        cost_usd=_cost(run.model, progress.usage),
        fingerprint=fingerprint(run),
    )


def _whole(response: Response, progress: _Progress) -> Response:
    """The last answer, with the latency and the tokens of the whole conversation."""
    progress.usage = Usage(
        _sum(progress.usage.input_tokens, response.usage.input_tokens),
        _sum(progress.usage.output_tokens, response.usage.output_tokens),
    )
    return replace(response, usage=progress.usage, latency_s=progress.latency_s)


def _sum(so_far: int | None, more: int | None) -> int | None:
    return None if so_far is None or more is None else so_far + more


def _cost(model: Model, usage: Usage) -> float | None:
    """US dollars of the answered requests; None where the price or the tokens are unknown."""
    if model.price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return (usage.input_tokens * model.price.input + usage.output_tokens * model.price.output) / 1_000_000
