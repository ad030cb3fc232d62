"""A worker's lanes: what it may start, and what it tells the scheduler of the runs that it holds."""

from __future__ import annotations

import pytest

from pytest_benchmodels.plugin.workers.lanes import GrantedLanes
from pytest_benchmodels.plugin.workers.messages import Signal


class Started:
    """Places of which run 7 was taken, and the signals that they sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Signal, int]] = []
        self.lane_scheduler = GrantedLanes(lambda signal, index, _number, _text: self.sent.append((signal, index)))
        self.lane_scheduler.add(7, "sim/steady")
        assert self.lane_scheduler.take() == 7


@pytest.fixture
def started() -> Started:
    return Started()


def test_whatever_was_sent_starts_at_once_and_in_order(started: Started) -> None:
    lane_scheduler = started.lane_scheduler
    for key in (3, 1, 2):
        lane_scheduler.add(key, "sim/steady", expected_s=float(key))

    assert [lane_scheduler.take() for _ in range(4)] == [3, 1, 2, None]
    assert lane_scheduler.in_flight == 4
    lane_scheduler.done(3)
    assert lane_scheduler.in_flight == 3
    assert started.sent == []


@pytest.mark.parametrize(("limited", "signal"), [(False, Signal.LEFT), (True, Signal.LIMITED)])
def test_leaving_frees_the_place_and_says_why(started: Started, signal: Signal, *, limited: bool) -> None:
    started.lane_scheduler.leave(7, limited=limited)

    assert started.lane_scheduler.in_flight == 0
    assert started.sent == [(signal, 7)]


def test_a_run_that_wants_its_place_back_asks_once_and_waits_until_it_is_sent_again(started: Started) -> None:
    lane_scheduler = started.lane_scheduler
    lane_scheduler.leave(7)

    assert [lane_scheduler.reenter(7), lane_scheduler.reenter(7)] == [False, False]
    assert started.sent == [(Signal.LEFT, 7), (Signal.WANTED, 7)]
    assert lane_scheduler.grant(7)
    assert lane_scheduler.reenter(7)
    assert lane_scheduler.in_flight == 1


def test_a_run_may_leave_again_after_it_came_back(started: Started) -> None:
    lane_scheduler = started.lane_scheduler
    for _ in range(2):
        lane_scheduler.leave(7)
        assert not lane_scheduler.reenter(7)
        assert lane_scheduler.grant(7)
        assert lane_scheduler.reenter(7)

    assert started.sent == [(Signal.LEFT, 7), (Signal.WANTED, 7)] * 2


def test_a_run_that_is_sent_for_the_first_time_is_to_start(started: Started) -> None:
    assert not started.lane_scheduler.grant(8)


def test_a_place_that_comes_too_late_does_not_start_a_run_again(started: Started) -> None:
    """Its time limit ended the run while the scheduler's answer was on its way."""
    lane_scheduler = started.lane_scheduler
    lane_scheduler.leave(7)
    lane_scheduler.reenter(7)
    lane_scheduler.done(7)

    assert lane_scheduler.grant(7)
    assert lane_scheduler.take() is None
    assert lane_scheduler.in_flight == 0


def test_holds_are_told_with_the_run_that_asked_for_them(started: Started) -> None:
    started.lane_scheduler.hold(7, "sim/steady")
    started.lane_scheduler.release(7, "sim/steady")

    assert started.sent == [(Signal.HELD, 7), (Signal.RELEASED, 7)]
