"""Leave to send a request: rate limits, waited for and accounted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from pytest_benchmodels.core.exchange import Request, Usage
from pytest_benchmodels.core.model import Limit

from .limits.pace import Charge, Limiter
from .tokens import TokenEstimate

__all__ = ["Permit", "Permits"]

# A server counts by its own clock, and arrivals bunch up on the way: keep a hundredth below what it allows.
_MARGIN = 0.99


class Permit(NamedTuple):
    """Leave for one request. `bucket` is the limit that it waited for, for `wait_s` seconds; `tokens` were reserved."""

    bucket: str = ""
    wait_s: float = 0.0
    tokens: int = 0


class Permits:
    """Lets requests go as fast as their models' limits allow, shared with all who use the same `limiter`."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._estimate = TokenEstimate()

    async def obtain(self, request: Request) -> Permit:
        """Wait until the request may go."""
        limits = request.model.limits
        if not limits:
            return Permit()
        tokens = self._estimate.tokens(request)
        wait_s, bucket = await self._limiter.reserve(_charges(limits, tokens))
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return Permit(bucket, max(wait_s, 0.0), tokens)

    async def settle(self, permit: Permit, request: Request, usage: Usage) -> None:
        """Correct the reservation by what the answer took."""
        by_tokens = [limit for limit in request.model.limits if limit.kind == "tpm"]
        if not by_tokens or usage.input_tokens is None or usage.output_tokens is None:
            return
        self._estimate.learn(request, usage)
        beyond = usage.input_tokens + usage.output_tokens - permit.tokens
        await self._limiter.settle(_charges(by_tokens, beyond))


def _charges(limits: Sequence[Limit], tokens: int) -> list[Charge]:
    return [
        Charge(limit.bucket, (1 if limit.kind == "rpm" else tokens) * 60 / (limit.per_minute * _MARGIN))
        for limit in limits
    ]
