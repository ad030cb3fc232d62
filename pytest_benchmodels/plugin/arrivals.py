"""Results on their way from the lanes to the loop that reports them."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.scenario import Scenario

from .collect import RunItem

__all__ = ["Arrivals"]


def _nowhere(ended: Iterable[tuple[Scenario, Result]]) -> None:
    """Keeps nothing."""


class Arrivals:
    """A queue of results. `put` and `interrupt` may be called from any thread, and from a signal's handler.

    With `in_order`, results come out in that order, whichever came in first: `--sw` takes what stands before a failure
    for passed. An interrupt waits its turn: what has ended before it is reported. `keep` gets all that came in since
    it was called last, before any of it is taken.
    """

    def __init__(
        self, in_order: Sequence[RunItem] = (), keep: Callable[[Iterable[tuple[Scenario, Result]]], None] = _nowhere
    ) -> None:
        self._keep = keep
        self._waiting: deque[tuple[RunItem, Result] | str] = deque()
        self._queue: queue.SimpleQueue[tuple[RunItem, Result] | str] = queue.SimpleQueue()
        self._order = deque(in_order)
        self._early: dict[RunItem, Result] = {}

    def put(self, item: RunItem, result: Result) -> None:
        self._queue.put((item, result))

    def interrupt(self, signal_name: str) -> None:
        """Let the session end as by Ctrl-C, after what has come in so far."""
        self._queue.put(signal_name)

    def take(self) -> tuple[RunItem, Result]:
        """Wait for the next result; raise pytest's `Interrupted` if the session is to end."""
        if not self._order:
            return self._next()
        wanted = self._order.popleft()
        while wanted not in self._early:
            item, result = self._next()
            self._early[item] = result
        return wanted, self._early.pop(wanted)

    def _next(self) -> tuple[RunItem, Result]:
        if not self._waiting:
            self._receive()
        arrival = self._waiting.popleft()
        if isinstance(arrival, str):
            raise pytest.Session.Interrupted(f"{arrival}; runs in flight were given up")
        return arrival

    def _receive(self) -> None:
        """Wait for one arrival, and take all others that are there by then."""
        self._waiting.append(self._queue.get())
        while not self._queue.empty():
            self._waiting.append(self._queue.get())
        self._keep((arrival[0].scenario, arrival[1]) for arrival in self._waiting if not isinstance(arrival, str))
