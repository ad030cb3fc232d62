"""A run in flight: what its calls share, and what they have come to so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from pytest_benchmodels.core.bill import bill
from pytest_benchmodels.core.call import Call, Purpose
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.exchange import Response, Usage
from pytest_benchmodels.core.request import Request
from pytest_benchmodels.core.result import CheckResult, Failure, Retry
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import message

__all__ = ["Alone", "Lane", "OpenCall", "Scope"]

_UNKNOWN = Usage()
_ANSWERED = "the model answered, but a check did not finish"


@dataclass(slots=True)
class OpenCall:
    """The account of one call.

    `failed_s` is the time in flight of attempts that were not answered, in seconds. `billed` are the requests that were
    billed or may have been, each with what its provider counted. `refusal` is the 429 that is waited out at this
    moment. `doing` completes the sentence "when time ran out, ...".
    """

    request: Request
    purpose: Purpose
    cached: bool = False
    attempts: int = 0
    failed_s: float = 0.0
    waits_s: dict[str, float] = field(default_factory=dict)
    billed: list[Usage] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    response: Response | None = None
    refusal: ProviderError | None = None
    doing: str = "no request was sent"

    @classmethod
    def of_stored(cls, request: Request, purpose: Purpose, response: Response) -> Self:
        """One that was answered before."""
        return cls(request, purpose, cached=True, billed=[response.usage], response=response, doing=_ANSWERED)

    def attempt(self) -> None:
        """A request goes out: until its provider says what it took, that is unknown."""
        self.billed.append(_UNKNOWN)
        self.refusal = None
        self.attempts += 1
        self.doing = f"attempt {self.attempts} was not answered"

    def failed(self, error: BaseException, took_s: float) -> None:
        """The attempt ended without an answer. It is billed if it may have been, or if nobody knows."""
        self.failed_s += took_s
        if not isinstance(error, ProviderError):
            return
        if not error.may_be_billed:
            self.billed.pop()
        elif error.usage is not None:
            self.billed[-1] = error.usage

    def answered(self, response: Response) -> None:
        """The attempt was answered; so was the call."""
        self.billed[-1] = response.usage
        self.response = response
        self.doing = _ANSWERED

    def rests(self, error: ProviderError, wait_s: float, *, limited: bool) -> None:
        """Another attempt follows after so many seconds."""
        self.retries.append(Retry(error.kind, message(error.message), wait_s))
        self.doing = f"attempt {self.attempts} failed ({error.message}), the next was not due yet"
        self.refusal = error if limited else None

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Count the time inside as waiting for `reason`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.waited(reason, time.perf_counter() - start)

    def waited(self, reason: str, seconds: float) -> None:
        self.waits_s[reason] = self.waits_s.get(reason, 0.0) + seconds

    def ended(self, failure: Failure | None = None) -> Call:
        """The call as it came to its end."""
        return Call(
            purpose=self.purpose,
            request=self.request,
            response=self.response,
            failure=failure,
            attempts=self.attempts,
            retries=tuple(self.retries),
            waits_s=self.waits_s,
            failed_s=self.failed_s,
            bill=bill(self.request.model.price, self.billed) if self.billed else None,
            cached=self.cached,
        )


class Lane(Protocol):
    """The place in which a run's call is in flight."""

    async def rest(self, seconds: float, *, limited: bool) -> None:
        """Leave the place to others for so long, then have one again. `limited`: the server said "too many"."""

    def pause(self, seconds: float) -> None:
        """Let no run of the same model start, or come back from its rest, for so long."""


class Alone:
    """The lane of a run that nobody else runs beside."""

    async def rest(self, seconds: float, *, limited: bool) -> None:  # noqa: ARG002 - nobody takes the place
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Nothing: there is no other run to hold back."""


def _admitted() -> None:
    """Nobody objects."""


def _never() -> bool:
    return False


@dataclass(slots=True)
class Scope:
    """One run's time limit, lane and account.

    `limit` is None where nothing can take long. `is_hopeless` says that the run's model is out of order by now. `clock`
    tells the time in seconds since the epoch. `calls` are those that began, in their order, with what each took so far;
    `verdicts` those of the checks. `doing` completes the sentence "when time ran out, ...". `fingerprint` is empty
    until somebody needs it. `cached` says that stored answers are judged, and `reuse` what was reused, or why nothing
    was.
    """

    run: Run
    lane: Lane
    limit: asyncio.Timeout | None = None
    clock: Callable[[], float] = time.time
    fingerprint: str = ""
    reuse: str = ""
    cached: bool = False
    admit: Callable[[], None] = _admitted
    is_hopeless: Callable[[], bool] = _never
    calls: list[OpenCall] = field(default_factory=list)
    verdicts: tuple[CheckResult, ...] = ()
    started_at: float = 0.0
    _start: float = field(default_factory=time.perf_counter)
    _begun: bool = False

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def begin(self) -> None:
        """The first request goes out, if it is still admitted, and the run's time begins. Later ones change nothing."""
        if self._begun:
            return
        self.admit()
        self._begun = True
        # What was before does not count as the run's time.
        self.started_at, self._start = self.clock(), time.perf_counter()
        if self.limit is not None and self.run.timeout_s is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout_s)

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

    def reaches(self, seconds: float) -> bool:
        """Whether so many seconds from now are still within the limit."""
        return self.run.timeout_s is None or self.elapsed_s() + seconds < self.run.timeout_s

    @property
    def responses(self) -> tuple[Response, ...]:
        """The model's answers so far, one a turn."""
        return tuple([call.response for call in self.answers if call.response is not None])

    @property
    def answers(self) -> list[OpenCall]:
        """The calls by which the run's own model was asked for an answer."""
        return [call for call in self.calls if call.purpose == "answer"]

    @property
    def refusal(self) -> ProviderError | None:
        """The 429 that the run waits out at this moment."""
        return self.calls[-1].refusal if self.calls else None

    @property
    def doing(self) -> str:
        return self.calls[-1].doing if self.calls else "no request was sent"
