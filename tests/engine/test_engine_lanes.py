"""Lanes: runs end in any order, windows hold, an end cancels what is left."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.engine.dispatch import Dispatch, Window
from pytest_benchmodels.engine.known import Known
from pytest_benchmodels.engine.lanes import Job, Lanes
from tests.engine.engine_parts import MODEL, Calls, FakeProvider, Says, check, executor, retryable, run, scenario

ResultQueue = queue.SimpleQueue[tuple[int, Result]]


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
        return Response(request.messages[-1].text)


@dataclass
class Closing:
    closed: int = 0

    async def close(self) -> None:
        self.closed += 1


def lanes(provider: object, window: int, result_queue: ResultQueue, closing: Closing, retries: int = 4) -> Lanes[int]:
    """Lanes whose windows adapt, for one model."""
    lane_scheduler: Dispatch[int] = Dispatch(window, {MODEL.id: Window(window)})
    return Lanes(
        executor(provider, retries), lane_scheduler, lambda key, result: result_queue.put((key, result)), closing.close
    )


def take(open_lanes: Lanes[int], result_queue: ResultQueue, count: int = 1) -> list[tuple[int, Result]]:
    """Report as many results as are asked for, as they arrive."""
    ended = []
    for _ in range(count):
        key, result = result_queue.get(timeout=300)
        open_lanes.reported(key)
        ended.append((key, result))
    return ended


def test_as_many_run_at_once_as_the_window_allows_and_all_arrive() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    gate, closing = Gate(5), Closing()
    with lanes(gate, 5, result_queue, closing) as open_lanes:
        open_lanes.submit(Job(key, run(scenario(check(Says("hello"))))) for key in range(23))
        ended = take(open_lanes, result_queue, 23)

    assert sorted(key for key, _ in ended) == list(range(23))
    assert {result.status for _, result in ended} == {"passed"}
    assert (gate.most, closing.closed) == (5, 1)


def test_a_run_keeps_its_place_until_its_result_is_reported() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = FakeProvider(["first", "second", "third"])
    with lanes(provider, 2, result_queue, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(3))
        unreported = [result_queue.get(timeout=300) for _ in range(2)]
        assert (len(provider.requests), open_lanes.in_flight) == (2, 2)
        open_lanes.reported(unreported[0][0])
        assert take(open_lanes, result_queue)[0][0] == 2


def test_the_end_cancels_what_is_in_flight_and_starts_nothing_more() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider, closing = FakeProvider(["first", None, None, "never sent"]), Closing()
    with lanes(provider, 3, result_queue, closing) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(3))
        assert take(open_lanes, result_queue)[0][1].status == "passed"

    assert (provider.cancelled, len(provider.requests), closing.closed) == (2, 3, 1)
    assert result_queue.empty()


def test_a_late_run_does_not_hold_its_neighbours() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = FakeProvider([None, "one", "two", "three"])
    with lanes(provider, 2, result_queue, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario(), timeout_s=1.0)) for key in range(4))
        ended = take(open_lanes, result_queue, 4)

    assert [result.status for _, result in ended].count("passed") == 3
    assert ended[-1][1].status == "timeout"


@dataclass
class Busy:
    """Refuses what is beyond `bears` at once with `error`; counts requests."""

    bears: int
    retry_after_s: float | None = None
    now: int = 0
    most: int = 0
    refused: int = 0

    async def complete(self, request: Request) -> Response:
        if self.now >= self.bears:
            self.refused += 1
            raise retryable("rate-limit", self.retry_after_s)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for _ in range(5):
                await asyncio.sleep(0)
        finally:
            self.now -= 1
        return Response(request.messages[-1].text)


def test_refused_runs_leave_their_lanes_and_all_are_answered_in_the_end() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    busy = Busy(bears=3)
    with lanes(busy, 10, result_queue, Closing(), retries=1000) as open_lanes:
        open_lanes.submit(Job(key, run(scenario(check(Says("hello"))))) for key in range(40))
        ended = take(open_lanes, result_queue, 40)

    assert {result.status for _, result in ended} == {"passed"}
    assert busy.most == 3
    assert busy.refused == sum(result.attempts - 1 for _, result in ended) > 0


def test_a_run_that_waits_for_its_next_attempt_lets_others_go_first() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = FakeProvider([retryable(retry_after_s=1.0), "b", "c", "a"])
    with lanes(provider, 1, result_queue, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(3))
        ended = take(open_lanes, result_queue, 3)

    assert [key for key, _ in ended] == [1, 2, 0]
    waiting = ended[-1][1]
    assert (waiting.attempts, waiting.response.text if waiting.response else "") == (2, "a")
    assert waiting.waits.keys() == {"the next attempt"}
    assert waiting.wait_s >= 1.0


def test_a_servers_retry_after_holds_all_runs_of_the_model() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = FakeProvider([retryable("rate-limit", 0.05), "b", "c"])
    with lanes(provider, 1, result_queue, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(2))
        ended = take(open_lanes, result_queue, 2)

    first, second = (result for _, result in sorted(ended))
    assert second.started_at >= first.started_at + 0.05


def test_an_answer_that_uses_up_the_quota_holds_the_model() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = Quota(pause_s=0.05)
    with lanes(provider, 1, result_queue, Closing()) as open_lanes:
        open_lanes.submit(Job(key, run(scenario())) for key in range(2))
        ended = take(open_lanes, result_queue, 2)

    first, second = (result for _, result in sorted(ended))
    assert second.started_at >= first.started_at + 0.05


@dataclass
class Quota:
    """Answers, and says that this was the last request for so long."""

    pause_s: float

    async def complete(self, request: Request) -> Response:
        return Response(request.messages[-1].text, pause_s=self.pause_s)


def test_a_run_whose_time_runs_out_while_it_rests_is_a_timeout_and_frees_all() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    provider = FakeProvider([retryable(retry_after_s=0.2), None, "c"])
    with lanes(provider, 1, result_queue, Closing()) as open_lanes:
        open_lanes.submit([Job(0, run(scenario(), timeout_s=1.2)), Job(1, run(scenario(), timeout_s=1.8))])
        ended = dict(take(open_lanes, result_queue, 2))
        open_lanes.submit([Job(2, run(scenario()))])
        ended.update(take(open_lanes, result_queue))

    assert [ended[key].status for key in range(3)] == ["timeout", "timeout", "passed"]


@dataclass
class Half:
    """Knows the answer to every second run."""

    expected: list[list[str]] = field(default_factory=list)

    def expect(self, runs: Sequence[Run]) -> None:
        self.expected.append([run.nodeid for run in runs])

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:  # noqa: ARG002 - a Recall
        return None

    def answer(self, run: Run) -> Response | None:  # noqa: ARG002 - a Recall
        return None

    def of(self, run: Run) -> Known:
        known = int(run.nodeid) % 2 == 0
        return Known(answers=(Response("known"),) if known else (), reason="asked for")


def test_runs_that_need_no_model_end_without_a_place_and_the_others_have_one() -> None:
    """More than are recalled at a time, through a window of one."""
    result_queue: ResultQueue = queue.SimpleQueue()
    provider, recall = FakeProvider(["new"] * 1201), Half()
    lane_scheduler: Dispatch[int] = Dispatch(1, {MODEL.id: Window(1)})
    executing = executor(provider, recall=recall)
    judged = scenario(check(Says("known")))
    with Lanes(
        executing, lane_scheduler, lambda key, result: result_queue.put((key, result)), Closing().close
    ) as open_lanes:
        open_lanes.recall([Job(key, replace(run(judged), nodeid=str(key))) for key in range(2402)])
        ended = dict(take(open_lanes, result_queue, 2402))

    assert {key: (result.status, result.cached) for key, result in ended.items()} == {
        key: ("failed", False) if key % 2 else ("passed", True) for key in range(2402)
    }
    assert {result.reuse for result in ended.values()} == {"asked for"}
    assert len(provider.requests) == 1201
    assert [len(some) for some in recall.expected] == [1000, 1000, 402]


def test_a_known_answer_whose_check_may_take_its_time_is_judged_in_a_place() -> None:
    result_queue: ResultQueue = queue.SimpleQueue()
    slow = scenario(check(Calls(lambda response: Grade.of(response.text == "known", "so"))))
    lane_scheduler: Dispatch[int] = Dispatch(2, {MODEL.id: Window(2)})
    executing = executor(FakeProvider([]), recall=Half())
    with Lanes(
        executing, lane_scheduler, lambda key, result: result_queue.put((key, result)), Closing().close
    ) as open_lanes:
        open_lanes.recall([Job(key, replace(run(slow), nodeid=str(2 * key))) for key in range(5)])
        ended = take(open_lanes, result_queue, 5)

    assert {(result.status, result.cached, result.regraded) for _, result in ended} == {("passed", True, True)}
