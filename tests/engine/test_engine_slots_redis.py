"""Requests in flight, counted together by sessions on several machines, through a real Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Cap
from pytest_benchmodels.engine.limiter import Charge
from pytest_benchmodels.engine.redis_limits import RedisLimiter, RedisLink, RedisSlots
from tests.redis_server import running_redis


@pytest.fixture
def stalling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A Redis that the test may stop, and its process."""
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


LOOK_AGAIN_S = 60.0
"""Longer than any test: who is not woken is told apart from who looks again by itself."""
TWO = Cap("max_in_flight of m", 2)
THREE = Cap("max_in_flight of provider p", 3)


def with_sessions(redis_url: str, scene: Callable[[list[RedisSlots]], Awaitable[None]], count: int = 2) -> None:
    """Play a scene with so many sessions' slots; whoever waits longer than the test may take is a failure."""

    async def play() -> None:
        async with AsyncExitStack() as closing, asyncio.timeout(120):
            sessions = [RedisSlots(RedisLink(redis_url), lease_s=15.0, look_again_s=LOOK_AGAIN_S) for _ in range(count)]
            for session in sessions:
                closing.push_async_callback(session.aclose)
            await scene(sessions)

    asyncio.run(play())


async def until_blocked(redis_url: str, count: int = 1) -> None:
    """Return when so many clients of the Redis wait for something."""
    redis: Any = Redis.from_url(redis_url)
    while (await redis.info("clients"))["blocked_clients"] != count:
        pass
    await redis.aclose()


async def until_free(redis_url: str) -> None:
    """Return when nobody has a slot of two."""
    redis: Any = Redis.from_url(redis_url)
    while await redis.zcard(f"benchmodels:{TWO.bucket}"):
        pass
    await redis.aclose()


def test_two_sessions_share_the_seats_and_hear_when_one_is_left(redis_url: str) -> None:
    async def scene(sessions: list[RedisSlots]) -> None:
        here, there = sessions
        first, second = await here.take([TWO]), await there.take([TWO])
        third = asyncio.ensure_future(there.take([TWO]))
        await until_blocked(redis_url)
        here.leave(first)
        slot = await third

        assert (first.bucket, first.wait_s, second.bucket) == ("", 0.0, "")
        assert slot.bucket == "max_in_flight of m"
        assert 0 < slot.wait_s < LOOK_AGAIN_S, "woken, and not by the timer"
        for session, taken in ((there, second), (there, slot)):
            session.leave(taken)

    with_sessions(redis_url, scene)


def test_the_cap_that_is_full_decides_and_the_other_is_not_taken(redis_url: str) -> None:
    async def scene(sessions: list[RedisSlots]) -> None:
        (slots,) = sessions
        others = [await slots.take([THREE]) for _ in range(3)]
        waiting = asyncio.ensure_future(slots.take([TWO, THREE]))
        await until_blocked(redis_url)
        both = [await slots.take([TWO]) for _ in range(2)]
        slots.leave(both.pop())
        slots.leave(others.pop())
        slot = await waiting
        assert slot.bucket == "max_in_flight of provider p"
        for taken in (*others, *both, slot):
            slots.leave(taken)

    with_sessions(redis_url, scene, count=1)


def test_whoever_gives_up_leaves_no_seat_taken(redis_url: str) -> None:
    """A run whose time is up, in the queue for a slot or about to have one."""

    async def scene(sessions: list[RedisSlots]) -> None:
        here, there = sessions
        held = [await here.take([TWO]) for _ in range(2)]
        given_up = [asyncio.ensure_future(there.take([TWO])) for _ in range(3)]
        await until_blocked(redis_url)
        for task in given_up:
            task.cancel()
        assert all(isinstance(end, BaseException) for end in await asyncio.gather(*given_up, return_exceptions=True))
        for slot in held:
            here.leave(slot)
        await until_free(redis_url)
        again = [await there.take([TWO]) for _ in range(2)]
        assert [slot.bucket for slot in again] == ["", ""]
        for slot in again:
            there.leave(slot)

    with_sessions(redis_url, scene)


def test_the_seats_of_a_session_that_died_are_free_when_their_leases_end(redis_url: str) -> None:
    """It is closed without leaving, which ends its renewals; the living session's own are renewed all the while."""

    async def scene(_: list[RedisSlots]) -> None:
        dying, living = (RedisSlots(RedisLink(redis_url), lease_s=1.5, look_again_s=0.05) for _ in range(2))
        await dying.take([TWO])
        await dying.aclose()
        mine = await living.take([TWO])
        after = await living.take([TWO])
        assert after.wait_s > 0

        third = asyncio.ensure_future(living.take([TWO]))
        redis: Any = Redis.from_url(redis_url)
        leases = before = await redis.zrange(f"benchmodels:{TWO.bucket}", 0, -1, withscores=True)
        while any(lease <= before[0][1] + 1.0 for _, lease in leases):
            leases = await redis.zrange(f"benchmodels:{TWO.bucket}", 0, -1, withscores=True)
            assert {holder.decode() for holder, _ in leases} == {mine.id, after.id}
        await redis.aclose()

        living.leave(mine)
        for slot in (after, await third):
            living.leave(slot)
        await living.aclose()

    with_sessions(redis_url, scene)


def test_a_redis_that_forgot_its_seats_is_told_of_them_again(redis_url: str) -> None:
    """As when it was started anew: until the next renewal, nobody knows of them."""

    async def scene(_: list[RedisSlots]) -> None:
        slots = RedisSlots(RedisLink(redis_url), lease_s=0.6, look_again_s=0.05)
        held = [await slots.take([TWO]) for _ in range(2)]
        redis: Any = Redis.from_url(redis_url)
        await redis.flushall()
        while await redis.zcard(f"benchmodels:{TWO.bucket}") != 2:
            pass
        for slot in held:
            slots.leave(slot)
        await redis.aclose()
        await slots.aclose()

    with_sessions(redis_url, scene)


def test_an_answer_does_not_wait_for_a_redis_that_stands_still(stalling: tuple[str, int]) -> None:
    url, process = stalling

    async def scene(_: list[RedisSlots]) -> None:
        link = RedisLink(url)
        slots = RedisSlots(link)
        slot = await slots.take([TWO])
        os.kill(process, signal.SIGSTOP)
        try:
            slots.leave(slot)
            await RedisLimiter(link).settle([Charge("tpm", 1.0)])
        finally:
            os.kill(process, signal.SIGCONT)
        await until_free(url)
        await slots.aclose()

    with_sessions(url, scene)


def test_a_redis_may_be_away_for_a_while(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is started again on the same socket, and has forgotten all."""
    folder = tmp_path_factory.mktemp("redis")

    async def scene(_: list[RedisSlots]) -> None:
        with running_redis(folder) as (url, _process):
            slots = RedisSlots(RedisLink(url, may_be_away_s=20.0), look_again_s=0.05)
            first = await slots.take([TWO])
            slots.leave(first)
            await until_free(url)
        waiting = asyncio.ensure_future(slots.take([TWO]))
        await asyncio.sleep(0)
        with running_redis(folder):
            assert (await waiting).caps == (TWO,)
            await slots.aclose()

    with_sessions("unix:///unused", scene)


def test_a_redis_that_does_not_come_back_is_said_with_the_remedy(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def scene(_: list[RedisSlots]) -> None:
        with running_redis(tmp_path_factory.mktemp("redis")) as (url, _process):
            slots = RedisSlots(RedisLink(url, may_be_away_s=0.0))
            slots.leave(await slots.take([TWO]))
            await until_free(url)
        for _attempt in range(2):
            with pytest.raises(ConfigError, match=r"cannot be reached: .*; start it again, or go on without sharing"):
                await slots.take([TWO])
        await slots.aclose()

    with_sessions("unix:///unused", scene)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30))
def test_never_more_than_the_caps_in_any_schedule_and_all_get_their_turn(
    redis_url: str, requests: list[tuple[int, bool, int]]
) -> None:
    """Each request: its session, whether it is under both caps, for how many turns of the loop it is in flight."""
    inside = {TWO: 0, THREE: 0}
    most = {TWO: 0, THREE: 0}

    async def request(session: RedisSlots, caps: list[Cap], turns: int) -> None:
        slot = await session.take(caps)
        for cap in caps:
            inside[cap] += 1
            most[cap] = max(most[cap], inside[cap])
        for _ in range(turns):
            await asyncio.sleep(0)
        for cap in caps:
            inside[cap] -= 1
        session.leave(slot)

    async def scene(sessions: list[RedisSlots]) -> None:
        await asyncio.gather(
            *(request(sessions[of], [TWO, THREE] if both else [THREE], turns) for of, both, turns in requests)
        )

    with_sessions(redis_url, scene, count=3)
    assert most[TWO] <= 2
    assert most[THREE] <= 3
    assert inside == {TWO: 0, THREE: 0}


def test_a_redis_that_is_not_there_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def scene(sessions: list[RedisSlots]) -> None:
        with pytest.raises(ConfigError, match="the limits in Redis cannot be reached"):
            await sessions[0].take([TWO])

    with_sessions(f"unix://{tmp_path_factory.mktemp('redis')}/nothing.sock", scene, count=1)
