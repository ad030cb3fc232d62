"""What a run has come to so far: whatever ends it, nothing of this is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pytest_benchmodels.core.exchange import Response, Usage
from pytest_benchmodels.core.fingerprint import fingerprint, grade_fingerprint
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry, Status
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import plain

__all__ = ["Progress", "conclude"]


@dataclass(slots=True)
class Progress:
    """One run's account.

    `doing` completes the sentence "when time ran out, ...". `fingerprint` is empty until somebody needs it. `cached`
    says that stored answers are judged, and `reuse` what was reused, or why nothing was.
    """

    attempts: int = 0
    latency_s: float = 0.0
    waits: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    response: Response | None = None
    answers: tuple[Response, ...] = ()
    verdicts: tuple[CheckResult, ...] = ()
    retries: list[Retry] = field(default_factory=list)
    doing: str = "no request was sent"
    fingerprint: str = ""
    reuse: str = ""
    cached: bool = False
    started_at: float = field(default_factory=time.time)
    _start: float = field(default_factory=time.perf_counter)

    def begin(self) -> None:
        """The first request goes out now: what was before does not count as the run's time."""
        self.started_at, self._start = time.time(), time.perf_counter()

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time inside as latency."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.latency_s += time.perf_counter() - start

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Count the time inside as waiting for `reason`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.waited(reason, time.perf_counter() - start)

    def waited(self, reason: str, seconds: float) -> None:
        self.waits[reason] = self.waits.get(reason, 0.0) + seconds

    def answered(self, response: Response) -> None:
        """Take an answer: the last one stands, with the latency and the tokens of the whole conversation."""
        self.usage = Usage(
            _sum(self.usage.input_tokens, response.usage.input_tokens),
            _sum(self.usage.output_tokens, response.usage.output_tokens),
        )
        self.answers += (response,)
        self.response = replace(response, usage=self.usage, latency_s=self.latency_s)
        self.doing = "the model answered, but a check did not finish"


def conclude(
    run: Run, progress: Progress, status: Status, *, score: float | None = None, failure: Failure | None = None
) -> Result:
    """The run's Result."""
    return Result(
        nodeid=run.nodeid,
        scenario=run.scenario.id,
        model=run.model.id,
        trial=run.trial,
        status=status,
        started_at=progress.started_at,
        duration_s=progress.elapsed_s(),
        latency_s=progress.latency_s,
        wait_s=sum(progress.waits.values()),
        waits=progress.waits,
        attempts=progress.attempts,
        score=score,
        threshold=run.scenario.threshold,
        timeout_s=run.timeout_s or 0.0,
        checks=progress.verdicts,
        response=progress.response,
        error=None if failure is None else Failure(failure.kind, plain(failure.message)),
        retries=tuple(progress.retries),
        cost_usd=_cost(run.model, progress.usage),
        fingerprint=progress.fingerprint or fingerprint(run),
        xfail=run.scenario.xfail,
        grade_fingerprint=grade_fingerprint(run.scenario) if progress.answers else "",
        answers=progress.answers if len(progress.answers) > 1 else (),
        cached=progress.cached,
        regraded=progress.cached,
        reuse=progress.reuse,
    )


def _sum(so_far: int | None, more: int | None) -> int | None:
    return None if so_far is None or more is None else so_far + more


def _cost(model: Model, usage: Usage) -> float | None:
    """US dollars of the answered requests; None where the price or the tokens are unknown."""
    if model.price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return (usage.input_tokens * model.price.input + usage.output_tokens * model.price.output) / 1_000_000
