"""The event loop's lag, on a loop whose clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels.engine.clocks import LoopLag

PERIOD_S = 0.01


class Clock(asyncio.SelectorEventLoop):
    """Time passes where the loop would wait for a timer, and where `now` is moved: there the loop was busy."""

    def __init__(self) -> None:
        self.now = 0.0
        self._clock_resolution = 1e-9
        super().__init__()

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if not self._ready and timers:  # type: ignore[attr-defined]
            self.now = max(self.now, min(timers))
        super()._run_once()  # type: ignore[misc]


def on_a_clock(story: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    loop = Clock()
    try:
        loop.run_until_complete(story(loop))
    finally:
        loop.close()


def seen_by(arrived_s: float, busy_from_s: float, busy_s: float) -> float:
    """What is measured of an answer that arrives at a time, on a loop that is busy from another on for so long."""
    measured: list[float] = []

    async def story(loop: Clock) -> None:
        lag, answer = LoopLag(PERIOD_S), loop.create_future()

        def be_busy() -> None:
            loop.now += busy_s

        # Registered first: of two that are due, the socket's reader comes before timers.
        loop.call_at(arrived_s, answer.set_result, None)
        loop.call_at(busy_from_s, be_busy)
        lag.watch()
        await answer
        measured.append(lag.seconds())
        lag.unwatch()

    on_a_clock(story)
    return measured[0]


@settings(max_examples=100)
@given(st.floats(0.05, 1), st.floats(0, 1), st.floats(0.02, 2))
def test_it_is_never_less_than_what_the_answer_was_late(arrived_s: float, from_share: float, busy_s: float) -> None:
    """An answer in the middle of a busy stretch is seen at its end."""
    busy_from_s = arrived_s - from_share * busy_s
    if busy_from_s <= 0:
        return
    late_s = busy_from_s + busy_s - arrived_s
    measured = seen_by(arrived_s, busy_from_s, busy_s)
    assert measured <= busy_s + PERIOD_S + 1e-9
    assert measured >= late_s - 1e-9 or late_s < PERIOD_S


def test_a_loop_that_is_free_has_none() -> None:
    assert seen_by(0.995, busy_from_s=2.0, busy_s=1.0) == pytest.approx(0.0, abs=1e-9)


def test_a_busy_stretch_long_before_the_answer_is_forgotten() -> None:
    assert seen_by(1.0, busy_from_s=0.1, busy_s=0.5) == pytest.approx(0.0, abs=1e-9)


def test_no_timer_is_due_while_nothing_is_watched() -> None:
    async def story(loop: Clock) -> None:
        lag = LoopLag(PERIOD_S)
        lag.watch()
        lag.watch()
        assert len(loop._scheduled) == 1  # type: ignore[attr-defined]
        lag.unwatch()
        assert not any(timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]
        lag.unwatch()
        assert all(timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]
        loop.now += 5.0
        lag.watch()
        assert lag.seconds() == 0.0, "what was before does not count"
        lag.unwatch()

    on_a_clock(story)
