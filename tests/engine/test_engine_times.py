"""What a run's times mean: the same, whichever way its result came about."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.plain_result import from_plain, to_plain
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Turn
from pytest_benchmodels.engine.backoff import Backoff
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.client import ModelClient
from pytest_benchmodels.engine.execution import Executor
from pytest_benchmodels.engine.known import Known, NothingStored
from pytest_benchmodels.engine.limiter import MemoryLimiter, RateLimits, Unlimited
from pytest_benchmodels.engine.scope import Alone
from pytest_benchmodels.graders.text import MaxLatency
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation, read_bench_json, write_bench_json
from pytest_benchmodels.solvers.conversation import Conversation
from pytest_benchmodels.statistics.metrics import Tally
from pytest_benchmodels.store.record import decode_answers, decode_result, encode_answers, encode_result
from tests.engine.engine_parts import check, executor, retryable, run, scenario

times = st.floats(0.001, 100)


@dataclass(frozen=True)
class Answered:
    """One turn: so many attempts fail, then this answer comes."""

    failures: int
    response: Response


turns = st.builds(
    Answered,
    st.integers(0, 2),
    st.builds(
        lambda latency_s, connect_s, client_s: Response(
            "4", latency_s=latency_s, connect_s=connect_s, client_s=client_s
        ),
        times,
        st.none() | times,
        times,
    ),
)


class Scripted:
    """Fails and answers turn by turn as it is told, and waits for nothing."""

    def __init__(self, script: Sequence[Answered]) -> None:
        self._steps = iter([step for turn in script for step in ([None] * turn.failures + [turn.response])])

    async def complete(self, request: Request) -> Response:  # noqa: ARG002 - a Provider
        step = next(self._steps)
        if step is None:
            raise retryable()
        return step


class Knows:
    """A Recall that knows one thing."""

    def __init__(self, memory: Known) -> None:
        self._memory = memory

    def of(self, run: Run) -> Known:  # noqa: ARG002 - a Recall
        return self._memory

    def expect(self, runs: Sequence[Run]) -> None:
        """There is nothing to make ready."""

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:  # noqa: ARG002 - a Recall
        return None

    def answer(self, run: Run) -> Response | None:  # noqa: ARG002 - a Recall
        return None


def conversation(script: Sequence[Answered], limit_s: float) -> Run:
    asked = [Turn((Message("user", str(number)),)) for number in range(len(script))]
    return run(scenario(check(MaxLatency(limit_s)), turns=asked))


def recalled(one: Run, memory: Known) -> Result:
    return asyncio.run(executor(None, recall=Knows(memory)).execute(one, Alone()))


def each_way(one: Run, live: Result) -> Iterator[tuple[str, Result]]:
    """The same run by every way to a result."""
    answers = live.answers or ((live.response,) if live.response is not None else ())
    yield "stored", decode_result(encode_result(live))
    yield "from a worker", from_plain(json.loads(json.dumps(to_plain(live))))
    yield "regraded or cached", recalled(one, Known(answers=decode_answers(encode_answers(answers))))
    yield "resumed", recalled(one, Known(result=live))
    yield "resumed with another check", recalled(one, Known(answers=answers, before=live))
    with tempfile.TemporaryDirectory() as folder:
        tally = Tally()
        tally.add(live)
        path = Path(folder) / "bench.json"
        write_bench_json(path, Evaluation(BenchRun(0.0, 1.0, "1", 1, 0), tally.figures(1)), [live])
        yield "read back", next(read_bench_json(path).results())


@settings(max_examples=40)
@given(st.lists(turns, min_size=1, max_size=3), st.floats(0.5, 2))
def test_a_run_has_the_same_times_and_the_same_verdict_by_every_way(script: list[Answered], share: float) -> None:
    served_s = sum(turn.response.latency_s for turn in script)
    one = conversation(script, served_s * share)

    live = asyncio.run(executor(Scripted(script)).execute(one, Alone()))

    assert live.latency_s == pytest.approx(served_s)
    assert live.client_s == pytest.approx(sum(turn.response.client_s or 0.0 for turn in script))
    told = [turn.response.connect_s for turn in script if turn.response.connect_s is not None]
    assert live.connect_s == (pytest.approx(sum(told)) if told else None)
    assert live.retry_s is not None
    assert (live.retry_s > 0) == any(turn.failures for turn in script)
    for way, result in each_way(one, live):
        same = (result.status, result.latency_s, result.connect_s, result.client_s)
        assert same == (live.status, live.latency_s, live.connect_s, live.client_s), way
        assert result.response is not None
        assert result.response.latency_s == live.latency_s, way


def test_judged_afresh_in_the_same_run_a_result_keeps_what_its_attempts_took() -> None:
    script = [Answered(2, Response("4", latency_s=0.5))]
    one = conversation(script, 1.0)
    live = asyncio.run(executor(Scripted(script)).execute(one, Alone()))
    assert live.response is not None

    afresh = recalled(one, Known(answers=(live.response,), before=live))
    elsewhere = recalled(one, Known(answers=(live.response,)))

    assert (afresh.retry_s, afresh.attempts) == (live.retry_s, 3)
    assert (elsewhere.retry_s, elsewhere.attempts) == (None, 0), "nobody knows it"


def test_a_provider_without_a_clock_gets_ours() -> None:
    live = asyncio.run(executor(Scripted([Answered(0, Response("4"))])).execute(run(scenario()), Alone()))
    assert live.response is not None
    assert 0 < live.latency_s == live.response.latency_s <= live.duration_s
    assert live.client_s is not None
    assert 0 <= live.client_s <= live.latency_s


def test_an_attempt_that_the_limit_ended_is_no_latency() -> None:
    class Never:
        async def complete(self, request: Request) -> Response:  # noqa: ARG002 - a Provider
            await asyncio.Event().wait()
            raise AssertionError

    late = asyncio.run(executor(Never()).execute(run(scenario(), timeout_s=0.1), Alone()))
    assert (late.status, late.latency_s) == ("timeout", 0.0)
    assert late.retry_s is not None
    assert 0 < late.retry_s <= late.duration_s


def test_a_timeout_that_is_known_stays_one() -> None:
    live = asyncio.run(executor(Scripted([])).execute(run(scenario(), timeout_s=30.0), Alone()))
    assert live.error is not None
    known = replace(live.error, kind="timeout")

    again = recalled(run(scenario()), Known(timeout=known, reason="it timed out"))

    assert (again.status, again.error, again.cached, again.reuse) == ("timeout", known, True, "it timed out")
    assert (again.attempts, again.was_run) == (0, False)


def test_what_requests_need_is_loaded_once_and_is_no_runs_time() -> None:
    loaded: list[tuple[float, str]] = []

    def load() -> None:
        loaded.append((time.time(), threading.current_thread().name))

    answers = [Answered(0, Response("4", latency_s=0.5))] * 3
    client = ModelClient(
        lambda _: Scripted(answers),
        Backoff(0),
        RateLimits(MemoryLimiter(), Unlimited()),
        load,
    )
    each = Executor(client, Conversation(), CircuitBreaker(), NothingStored())

    async def at_once() -> list[Result]:
        return await asyncio.gather(*(each.execute(run(scenario()), Alone()) for _ in answers))

    ended = asyncio.run(at_once())

    ((loaded_at, thread),) = loaded
    assert thread != threading.main_thread().name, "the loop goes on meanwhile"
    assert {result.status for result in ended} == {"passed"}
    assert all(result.started_at >= loaded_at for result in ended)
