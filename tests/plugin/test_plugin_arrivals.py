"""Results between the lanes' thread and the loop that reports them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.items.collection import RunItem
from pytest_benchmodels.plugin.loop.session_loop import ResultQueue
from tests.core.made_results import made


def item(number: int) -> RunItem:
    """As much of an item as a queue needs: its name, and the node id that its hash is made of."""
    made: Any = object.__new__(RunItem)
    made.name, made._nodeid = str(number), f"s.yaml::{number}"
    found: RunItem = made
    return found


def result(number: int) -> Result:
    return made(f"s.yaml::{number}", str(number), "m", 1, "passed", started_at=0.0, duration_s=float(number))


def take_all(result_queue: ResultQueue, count: int) -> list[tuple[str, str]]:
    """Names of items, and of the results that came with them."""
    return [(taken.name, found.scenario) for taken, found in (result_queue.take() for _ in range(count))]


def pairs(numbers: Sequence[int]) -> list[tuple[str, str]]:
    return [(str(number), str(number)) for number in numbers]


@given(order=st.permutations(range(6)))
def test_results_come_out_as_they_came_in(order: list[int]) -> None:
    result_queue = ResultQueue()
    for number in order:
        result_queue.put(item(number), result(number))

    assert take_all(result_queue, 6) == pairs(order)


@given(order=st.permutations(range(6)))
def test_results_come_out_in_the_order_that_was_asked_for(order: list[int]) -> None:
    items = [item(number) for number in range(6)]
    result_queue = ResultQueue(items)
    for number in order:
        result_queue.put(items[number], result(number))

    assert take_all(result_queue, 6) == pairs(range(6))


def test_taking_waits_for_another_thread() -> None:
    result_queue = ResultQueue()
    other = threading.Thread(target=result_queue.put, args=(item(1), result(1)))
    other.start()

    assert take_all(result_queue, 1) == pairs([1])
    other.join()


def test_an_interrupt_waits_its_turn() -> None:
    result_queue = ResultQueue()
    result_queue.put(item(1), result(1))
    result_queue.interrupt("SIGINT")

    assert take_all(result_queue, 1) == pairs([1])
    with pytest.raises(pytest.Session.Interrupted, match=r"^SIGINT; runs in flight were given up$"):
        result_queue.take()


def test_an_interrupt_ends_the_wait_for_the_next_in_order() -> None:
    """What came in early and does not stand at the front cannot be reported: `--sw` would take the rest for passed."""
    items = [item(0), item(1)]
    result_queue = ResultQueue(items)
    result_queue.put(items[1], result(1))
    result_queue.interrupt("SIGTERM")

    with pytest.raises(pytest.Session.Interrupted, match="SIGTERM"):
        result_queue.take()
