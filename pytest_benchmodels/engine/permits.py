"""Leave to send a request: limits, waited for and accounted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.exchange import Usage
from pytest_benchmodels.core.message import prompt_tokens
from pytest_benchmodels.core.model import Limit
from pytest_benchmodels.core.request import Request
from pytest_benchmodels.engine.limits.limiter import Charge, Limiter, Seat, Seats

__all__ = ["Permit", "Permits", "TokenEstimate"]

_FIRST_GUESS = 256.0
_WEIGHT = 0.1


class TokenEstimate:
    """A guess for each model that learns from its answers.

    Input: a token for every four characters, times how far that was off so far. Output: an exponentially weighted mean
    of the answers so far, never above `max_tokens` where a request sets it.
    """

    def __init__(self) -> None:
        self._output: dict[str, float] = {}
        self._ratio: dict[str, float] = {}

    def tokens(self, request: Request) -> int:
        """Input and output tokens that the request is expected to take."""
        model = request.model.id
        output = self._output.get(model, _FIRST_GUESS)
        most = request.params.get("max_tokens")
        if isinstance(most, int) and not isinstance(most, bool):
            output = min(output, most)
        return round(_raw_input(request) * self._ratio.get(model, 1.0) + output)

    def learn(self, request: Request, usage: Usage) -> None:
        """Take account of what an answer took."""
        model = request.model.id
        if usage.output_tokens is not None:
            _approach(self._output, model, float(usage.output_tokens))
        if usage.input_tokens is not None:
            _approach(self._ratio, model, usage.input_tokens / _raw_input(request))


def _raw_input(request: Request) -> float:
    return 1 + prompt_tokens(request.messages)


def _approach(means: dict[str, float], key: str, value: float) -> None:
    mean = means.get(key)
    means[key] = value if mean is None else mean + (value - mean) * _WEIGHT


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
