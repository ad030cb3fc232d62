"""Rate limits: what a request is charged, and how estimates learn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.message import Message, Usage
from pytest_benchmodels.core.model import Limit
from pytest_benchmodels.engine.limiter import Charge, Lease, RateLimits, TokenEstimate, Unlimited
from tests.engine.engine_parts import MODEL

LIMITED = replace(MODEL, limits=(Limit("rpm of m", "rpm", 600), Limit("tpm of m", "tpm", 6000)))


def request(text: str = "x" * 400, **params: object) -> Request:
    return Request(LIMITED, (Message("user", text),), params)


async def take(rate_limits: RateLimits, wanted: Request) -> Lease:
    async with rate_limits.hold(wanted) as lease:
        return lease


@dataclass
class Ledger:
    """A limiter that lets all go and remembers what it was asked."""

    reserved: list[Sequence[Charge]] = field(default_factory=list)
    settled: list[Sequence[Charge]] = field(default_factory=list)

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        self.reserved.append(charges)
        return 0.0, ""

    async def settle(self, corrections: Sequence[Charge]) -> None:
        self.settled.append(corrections)

    async def aclose(self) -> None:
        return


def test_a_request_takes_its_share_of_a_minute_with_a_margin_of_one_percent() -> None:
    ledger = Ledger()
    lease = asyncio.run(take(RateLimits(ledger, Unlimited()), request()))

    by_requests, by_tokens = ledger.reserved[0]
    assert (by_requests.bucket, by_tokens.bucket) == ("rpm of m", "tpm of m")
    assert by_requests.seconds == pytest.approx(0.1 / 0.99)
    assert by_tokens.seconds == pytest.approx(lease.tokens / 100 / 0.99)
    assert lease.tokens == 101 + 256


def test_the_answers_tokens_correct_the_reservation() -> None:
    async def exchange(rate_limits: RateLimits) -> None:
        await rate_limits.settle(await take(rate_limits, request()), request(), Usage(101, 56))

    ledger = Ledger()
    asyncio.run(exchange(RateLimits(ledger, Unlimited())))

    ((correction,),) = ledger.settled
    assert correction.bucket == "tpm of m"
    assert correction.seconds == pytest.approx(-200 / 100 / 0.99)


def test_a_model_without_limits_asks_nobody() -> None:
    ledger = Ledger()
    lease = asyncio.run(take(RateLimits(ledger, Unlimited()), Request(MODEL, (Message("user", "x"),))))
    assert (lease.waits, ledger.reserved) == ((), [])


def test_an_answer_without_a_count_corrects_nothing() -> None:
    async def exchange(rate_limits: RateLimits) -> None:
        await rate_limits.settle(await take(rate_limits, request()), request(), Usage())

    ledger = Ledger()
    asyncio.run(exchange(RateLimits(ledger, Unlimited())))
    assert ledger.settled == []


def test_estimates_learn_from_answers_and_respect_max_tokens() -> None:
    estimate = TokenEstimate()
    assert estimate.tokens(request()) == 101 + 256
    estimate.learn(request(), Usage(202, 40))
    assert estimate.tokens(request()) == 202 + 40
    assert estimate.tokens(request(max_tokens=10)) == 202 + 10
    estimate.learn(request(), Usage(202, 140))
    assert estimate.tokens(request()) == 202 + 50
