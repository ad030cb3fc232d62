"""Leave to send a request: limits, waited for and accounted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.exchange import Request, Usage
from pytest_benchmodels.core.model import Limit

from .limits.pace import Charge, Limiter
from .limits.seats import Seat, Seats
from .tokens import TokenEstimate

__all__ = ["Permit", "Permits"]

# A server counts by its own clock, and arrivals bunch up on the way: keep a hundredth below what it allows.
_MARGIN = 0.99


class Permit(NamedTuple):
    """Leave for one request: the limits that it waited for, each with its seconds, and the tokens that are reserved."""

    waits: tuple[tuple[str, float], ...] = ()
    tokens: int = 0


class Permits:
    """Lets requests go as fast as limits allow, which are shared with all who use the same `limiter` and `seats`."""

    def __init__(self, limiter: Limiter, seats: Seats) -> None:
        self._limiter = limiter
        self._seats = seats
        self._estimate = TokenEstimate()

    @asynccontextmanager
    async def hold(self, request: Request) -> AsyncIterator[Permit]:
        """Wait until the request may go, and count it as in flight until this is left."""
        # A place in a rate limit is a time, which would pass while the request waits for a seat: so that comes first.
        seat = await self._seats.take(request.model.caps)
        try:
            yield await self._obtain(request, seat)
        finally:
            self._seats.leave(seat)

    async def _obtain(self, request: Request, seat: Seat) -> Permit:
        tokens, wait_s, bucket = 0, 0.0, ""
        if request.model.limits:
            tokens = self._estimate.tokens(request)
            wait_s, bucket = await self._limiter.reserve(_charges(request.model.limits, tokens))
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        waits = ((seat.bucket, seat.wait_s), (bucket, wait_s))
        return Permit(tuple((name, seconds) for name, seconds in waits if seconds > 0), tokens)

    async def settle(self, permit: Permit, request: Request, usage: Usage) -> None:
        """Correct the reservation by what the answer took. Does not raise: there is an answer."""
        by_tokens = [limit for limit in request.model.limits if limit.kind == "tpm"]
        if not by_tokens or usage.input_tokens is None or usage.output_tokens is None:
            return
        self._estimate.learn(request, usage)
        beyond = usage.input_tokens + usage.output_tokens - permit.tokens
        with suppress(ConfigError):
            await self._limiter.settle(_charges(by_tokens, beyond))


def _charges(limits: Sequence[Limit], tokens: int) -> list[Charge]:
    return [
        Charge(limit.bucket, (1 if limit.kind == "rpm" else tokens) * 60 / (limit.per_minute * _MARGIN))
        for limit in limits
    ]
