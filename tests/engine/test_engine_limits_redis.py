"""Rate limits shared across machines, through a real Redis."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.engine.limiter import Charge
from pytest_benchmodels.engine.redis_limits import RedisLimiter, RedisLink

REQUEST = Charge("rpm", 10.0)


def test_two_machines_share_a_bucket(redis_url: str) -> None:
    async def take() -> list[tuple[float, str]]:
        here, there = RedisLimiter(RedisLink(redis_url)), RedisLimiter(RedisLink(redis_url))
        lane_scheduler = [await limiter.reserve([REQUEST]) for limiter in (here, there, here, there)]
        await here.aclose()
        await there.aclose()
        return lane_scheduler

    waits, buckets = zip(*asyncio.run(take()), strict=True)
    assert [round(wait / 10) for wait in waits] == [0, 1, 2, 3]
    assert buckets == ("", "rpm", "rpm", "rpm")


def test_the_fullest_bucket_decides_and_corrections_count(redis_url: str) -> None:
    async def take() -> list[tuple[float, str]]:
        limiter = RedisLimiter(RedisLink(redis_url))
        charges = [Charge("a", 10.0), Charge("b", 50.0)]
        first = await limiter.reserve(charges)
        await limiter.settle([Charge("b", -30.0)])
        await limiter.aclose()  # waits until the correction is there, which settling does not
        later = RedisLimiter(RedisLink(redis_url))
        second = await later.reserve(charges)
        await later.aclose()
        return [first, second]

    (first, _), (second, bucket) = asyncio.run(take())
    assert (first, round(second), bucket) == (0.0, 20, "b")


def test_a_redis_that_is_not_there_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{unused.getsockname()[1]}"

    async def take() -> None:
        limiter = RedisLimiter(RedisLink(url))
        try:
            await limiter.reserve([REQUEST])
        finally:
            await limiter.aclose()

    with pytest.raises(ConfigError, match="the limits in Redis cannot be reached"):
        asyncio.run(take())
