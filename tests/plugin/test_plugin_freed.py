"""Places of runs that ended together are freed together, and none is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.items.collection import RunItem
from pytest_benchmodels.plugin.loop.session_loop import LanesToFree, ResultQueue
from tests.core.made_results import made


def item() -> RunItem:
    """The queue looks at nothing of it."""
    return cast("RunItem", cast("Any", object()))


def result() -> Result:
    return made(nodeid="suite.yaml::a[m]", scenario="a", model="m", trial=1, status="error", started_at=0, duration_s=0)


class Freed(list[int]):
    """How many places were freed at each time, and whose."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[RunItem] = []

    def __call__(self, *items: RunItem) -> None:
        self.append(len(items))
        self.items += items


def report(result_queue: ResultQueue, lanes_to_free: LanesToFree, count: int) -> list[RunItem]:
    reported = []
    for _ in range(count):
        taken, _result = result_queue.take()
        lanes_to_free.add(taken)
        reported.append(taken)
    return reported


def put(result_queue: ResultQueue, items: Sequence[RunItem]) -> None:
    for ended in items:
        result_queue.put(ended, result())


def no_scenarios(_: object) -> None:
    """Keeps nothing, and looks at no item."""


@pytest.mark.parametrize(
    ("together", "freed"), [(1, [1]), (5, [5]), (32, [32]), (33, [32, 1]), (64, [32, 32]), (100, [32, 32, 32, 4])]
)
def test_places_of_runs_that_ended_together_are_freed_together(together: int, freed: list[int]) -> None:
    result_queue, seen = ResultQueue(keep=no_scenarios), Freed()
    items = [item() for _ in range(together)]
    put(result_queue, items)

    reported = report(result_queue, LanesToFree(result_queue, seen), together)

    assert (seen, seen.items) == (freed, items)
    assert reported == items


def test_what_came_in_later_waits_for_no_more_than_itself() -> None:
    result_queue, seen = ResultQueue(keep=no_scenarios), Freed()
    lanes_to_free = LanesToFree(result_queue, seen)
    for together in (3, 1, 40):
        put(result_queue, [item() for _ in range(together)])
        report(result_queue, lanes_to_free, together)

    assert seen == [3, 1, 32, 8]


def test_in_order_no_place_is_kept_while_the_next_result_is_waited_for() -> None:
    """The next run may need just that place: of a model with one lane it would never start."""
    first, second, third = item(), item(), item()
    result_queue, seen = ResultQueue((first, second, third), no_scenarios), Freed()
    lanes_to_free = LanesToFree(result_queue, seen)
    put(result_queue, [first, third])  # of another model, and ended at the same time

    report(result_queue, lanes_to_free, 1)

    assert seen.items == [first]
    put(result_queue, [second])
    report(result_queue, lanes_to_free, 2)
    assert seen.items == [first, second, third]
