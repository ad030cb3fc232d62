"""Rate limits: no window holds more than allowed, whoever asks, in whatever order."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.engine.limiter import Charge, Limiter, MemoryLimiter, SqliteLimiter

REQUEST = Charge("rpm", 0.1)  # one of 600 a minute


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(limiter: Limiter, *charges: Charge, times: int = 1) -> list[float]:
    async def take() -> list[float]:
        return [round((await limiter.reserve(charges))[0], 6) for _ in range(times)]

    return asyncio.run(take())


@pytest.fixture(params=["memory", "sqlite"])
def limiter(request: pytest.FixtureRequest, tmp_path: Path) -> Limiter:
    if request.param == "memory":
        return MemoryLimiter(Clock())
    return SqliteLimiter(str(tmp_path / "limits.sqlite"), Clock())


def test_requests_are_spaced_evenly(limiter: Limiter) -> None:
    assert waits(limiter, REQUEST, times=4) == [0.0, 0.1, 0.2, 0.3]


def test_the_fullest_bucket_decides_and_is_named(limiter: Limiter) -> None:
    async def take() -> list[tuple[float, str]]:
        tokens = Charge("tpm", 5.0)
        return [await limiter.reserve([REQUEST, tokens]) for _ in range(2)]

    (first, _), (second, bucket) = asyncio.run(take())
    assert (first, round(second, 6), bucket) == (0.0, 5.0, "tpm")


def test_buckets_do_not_disturb_each_other(limiter: Limiter) -> None:
    assert waits(limiter, REQUEST, times=3)[-1] == 0.2
    assert waits(limiter, Charge("another model's", 0.1)) == [0.0]


def test_what_was_not_used_is_not_saved_up(limiter: Limiter) -> None:
    clock: Clock = limiter._clock  # type: ignore[attr-defined] # both have it
    waits(limiter, REQUEST)
    clock.now += 3600
    assert waits(limiter, REQUEST, times=3) == [0.0, 0.1, 0.2]


def test_a_correction_moves_those_who_come_later(limiter: Limiter) -> None:
    async def correct() -> None:
        await limiter.settle([Charge("rpm", 2.0)])
        await limiter.settle([Charge("rpm", -0.5)])

    waits(limiter, REQUEST)
    asyncio.run(correct())
    assert waits(limiter, REQUEST) == [1.6]


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 4)), min_size=1, max_size=80),
    st.sampled_from([6, 60, 600]),
)
def test_no_minute_ever_holds_more_than_allowed(asked: list[tuple[float, int]], per_minute: int) -> None:
    """Any pattern of asking: bursts, gaps, several at once."""
    clock = Clock()
    limiter = MemoryLimiter(clock)
    sent = []
    for gap, burst in asked:
        clock.now += gap
        sent += [clock.now + wait for wait in waits(limiter, Charge("rpm", 60 / per_minute), times=burst)]
    sent.sort()
    for first in sent:
        assert sum(first <= at < first + 60 - 1e-6 for at in sent) <= per_minute


@given(st.lists(st.sampled_from(["a", "b"]), max_size=60))
def test_nobody_waits_longer_than_all_before_it(order: list[str]) -> None:
    limiter = MemoryLimiter(Clock())
    for number, bucket in enumerate(order):
        (wait,) = waits(limiter, Charge(bucket, 0.1))
        assert wait <= number * 0.1 + 1e-6


def reserve_many(path: str, count: int, results: multiprocessing.Queue[list[float]]) -> None:
    """What a worker does; the clock stands still so that the places can be compared."""
    limiter = SqliteLimiter(path, Clock())
    results.put(waits(limiter, REQUEST, times=count))


def test_processes_share_the_buckets_of_a_file_and_none_is_left_out(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[float]] = context.Queue()
    path = str(tmp_path / "limits.sqlite")
    workers = [context.Process(target=reserve_many, args=(path, 50, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    lane_scheduler = [place for _ in workers for place in results.get(timeout=300)]
    for worker in workers:
        worker.join(timeout=300)

    assert sorted(lane_scheduler) == [round(number * 0.1, 6) for number in range(150)]
