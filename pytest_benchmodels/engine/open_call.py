"""A call that is under way: whatever ends it, nothing of what it took is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from pytest_benchmodels.core.bill import bill
from pytest_benchmodels.core.call import Call, Purpose
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.exchange import Request, Response, Usage
from pytest_benchmodels.core.result import Failure, Retry
from pytest_benchmodels.core.text import message

__all__ = ["OpenCall"]

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
            model=self.request.model.id,
            messages=self.request.messages,
            response=self.response,
            failure=failure,
            attempts=self.attempts,
            retries=tuple(self.retries),
            waits_s=self.waits_s,
            failed_s=self.failed_s,
            bill=bill(self.request.model.price, self.billed) if self.billed else None,
            cached=self.cached,
        )
