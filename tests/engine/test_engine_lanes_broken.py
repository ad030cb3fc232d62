"""Each run that lanes accept has a result, also where the executor fails or the event loop ends."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.lanes import Job, Lanes
from tests.engine.engine_parts import Says, check, run, scenario


class Broken:
    """An executor that raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def execute(self, run: Run, lane: object) -> Result:  # noqa: ARG002 - an Executor
        raise self._error

    async def recall(self, runs: Sequence[Run]) -> list[Result | None]:  # noqa: ARG002 - the same
        raise self._error


async def close() -> None:
    """Nothing is open."""


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(0), KeyboardInterrupt()])
@pytest.mark.parametrize("start", ["submit", "recall"])
def test_no_run_is_waited_for_for_ever(error: BaseException, start: str) -> None:
    result_queue: queue.SimpleQueue[tuple[int, Result]] = queue.SimpleQueue()
    broken: Any = Broken(error)
    lane_scheduler: Dispatch[int] = Dispatch(2)
    with Lanes(broken, lane_scheduler, lambda key, result: result_queue.put((key, result)), close) as lanes:
        getattr(lanes, start)([Job(key, run(scenario(check(Says("hello"))))) for key in range(5)])
        results = {}
        for _ in range(5):
            key, result = result_queue.get(timeout=30)
            lanes.reported(key)
            results[key] = result

    assert sorted(results) == list(range(5))
    failures = [result.error for result in results.values()]
    assert {failure.kind for failure in failures if failure} == {"internal"}
    assert all(failure and type(error).__name__ in failure.message for failure in failures)
