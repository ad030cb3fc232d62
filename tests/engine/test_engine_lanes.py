"""Lanes: runs end in any order, windows hold, an end cancels what is left."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import dataclass, field

from pytest_benchmodels.core.exchange import Request, Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.lanes import Job, Lanes
from tests.engine.engine_parts import FakeProvider, Says, check, executor, run, scenario

Arrivals = queue.SimpleQueue[tuple[int, Result]]


@dataclass
class Gate:
    """Holds every request until `width` of them are there, and counts them."""

    width: int
    now: int = 0
    most: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == self.width:
            self.full.set()
        await self.full.wait()
        self.now -= 1
        return Response(request.messages[-1].content)


@dataclass
class Closing:
    closed: int = 0

    async def close(self) -> None:
        self.closed += 1


def lanes(provider: object, window: int, arrivals: Arrivals, closing: Closing) -> Lanes[int]:
    return Lanes(
        executor(provider, 0), Dispatch(window), lambda key, result: arrivals.put((key, result)), closing.close
    )


def test_as_many_run_at_once_as_the_window_allows_and_all_arrive() -> None:
    arrivals: Arrivals = queue.SimpleQueue()
    gate, closing = Gate(5), Closing()
    with lanes(gate, 5, arrivals, closing) as open_lanes:
        open_lanes.submit(Job(key, run(scenario(check(Says("hello"))))) for key in range(23))
        ended = [arrivals.get(timeout=30) for _ in range(23)]

    assert sorted(key for key, _ in ended) == list(range(23))
    assert {result.status for _, result in ended} == {"passed"}
    assert (gate.most, closing.closed) == (5, 1)


def test_the_end_cancels_what_is_in_flight_and_starts_nothing_more() -> None:
    arrivals: Arrivals = queue.SimpleQueue()
    provider, closing = FakeProvider(["first", None, None, "never sent"]), Closing()
    with lanes(provider, 3, arrivals, closing) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(3))
        assert arrivals.get(timeout=30)[1].status == "passed"

    assert (provider.cancelled, len(provider.requests), closing.closed) == (2, 3, 1)
    assert arrivals.empty()


def test_a_late_run_does_not_hold_its_neighbours() -> None:
    arrivals: Arrivals = queue.SimpleQueue()
    provider = FakeProvider([None, "one", "two", "three"])
    with lanes(provider, 2, arrivals, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario(), timeout_s=0.2)) for key in range(4))
        ended = [arrivals.get(timeout=30) for _ in range(4)]

    assert [result.status for _, result in ended].count("passed") == 3
    assert ended[-1][1].status == "timeout"
