"""What a run has come to so far: whatever ends it, nothing of this is lost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from pytest_benchmodels.core.bill import bill
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.exchange import Response, Usage
from pytest_benchmodels.core.fingerprint import fingerprint, grade_fingerprint
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry, Status
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import message

__all__ = ["Progress", "conclude"]

_UNKNOWN = Usage()


@dataclass(slots=True)
class Progress:
    """One run's account.

    `latency_s` is that of the answers, as `Response.latency_s` has it, and so are `connect_s` and `client_s`, None
    where no answer told them. `retry_s` is the time in flight of attempts that were not answered. All in seconds, over
    all turns. `requests` are those that were billed or may have been, each with what its provider counted. `refusal` is
    the 429 that the run waits out at this moment. `doing` completes the sentence "when time ran out, ...".
    `fingerprint` is empty until somebody needs it. `cached` says that stored answers are judged, and `reuse` what was
    reused, or why nothing was. `clock` tells the time in seconds since the epoch.
    """

    attempts: int = 0
    latency_s: float = 0.0
    retry_s: float = 0.0
    connect_s: float | None = None
    client_s: float | None = None
    waits: dict[str, float] = field(default_factory=dict)
    requests: list[Usage] = field(default_factory=list)
    response: Response | None = None
    answers: tuple[Response, ...] = ()
    verdicts: tuple[CheckResult, ...] = ()
    retries: list[Retry] = field(default_factory=list)
    doing: str = "no request was sent"
    fingerprint: str = ""
    reuse: str = ""
    cached: bool = False
    refusal: ProviderError | None = None
    clock: Callable[[], float] = time.time
    started_at: float = 0.0
    _start: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def begin(self) -> None:
        """The first request goes out now: what was before does not count as the run's time."""
        self.started_at, self._start = self.clock(), time.perf_counter()

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

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

    def asked(self, doing: str) -> None:
        """A request goes out: until its provider says what it took, that is unknown."""
        self.requests.append(_UNKNOWN)
        self.refusal = None
        self.attempts += 1
        self.doing = doing

    def counted(self, usage: Usage) -> None:
        """The provider said what the last request took."""
        self.requests[-1] = usage

    def refused(self, error: ProviderError) -> None:
        """The last request failed: it counts if it was billed, or if nobody knows."""
        if not error.may_be_billed:
            self.requests.pop()
        elif error.usage is not None:
            self.counted(error.usage)

    def answered(self, response: Response) -> None:
        """Take an answer: the last one stands, with the times and the tokens of the whole conversation."""
        self.latency_s += response.latency_s
        self.connect_s = _add(self.connect_s, response.connect_s)
        self.client_s = _add(self.client_s, response.client_s)
        self.answers += (response,)
        self.doing = "the model answered, but a check did not finish"
        if len(self.answers) == 1:
            self.response = response
            return
        self.response = replace(
            response,
            usage=bill(None, [answer.usage for answer in self.answers]).usage,
            latency_s=self.latency_s,
            connect_s=self.connect_s,
            client_s=self.client_s,
        )


def conclude(
    run: Run, progress: Progress, status: Status, *, score: float | None = None, failure: Failure | None = None
) -> Result:
    """The run's Result."""
    took = bill(run.model.price, progress.requests)
    return Result(
        nodeid=run.nodeid,
        scenario=run.scenario.id,
        model=run.model.id,
        trial=run.trial,
        status=status,
        started_at=progress.started_at,
        duration_s=progress.elapsed_s(),
        latency_s=progress.latency_s,
        wait_s=math.fsum(progress.waits.values()),
        waits=progress.waits,
        attempts=progress.attempts,
        score=score,
        threshold=run.scenario.threshold,
        timeout_s=run.timeout_s or 0.0,
        checks=progress.verdicts,
        response=progress.response,
        error=None if failure is None else Failure(failure.kind, message(failure.message)),
        retries=tuple(progress.retries),
        cost_usd=took.cost_usd,
        known_cost_usd=took.known_cost_usd,
        usage=took.usage if progress.requests else None,
        known_usage=took.known_usage if progress.requests else None,
        fingerprint=progress.fingerprint or fingerprint(run),
        xfail=run.scenario.xfail,
        grade_fingerprint=grade_fingerprint(run.scenario) if progress.answers else "",
        answers=progress.answers if len(progress.answers) > 1 else (),
        cached=progress.cached,
        regraded=progress.cached,
        reuse=progress.reuse,
        retry_s=progress.retry_s if progress.attempts else None,
        connect_s=progress.connect_s,
        client_s=progress.client_s,
    )


def _add(so_far: float | None, more: float | None) -> float | None:
    return so_far if more is None else (so_far or 0.0) + more
