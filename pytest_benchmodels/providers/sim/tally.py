"""What the simulated server saw, per model and bucket: for tests and benchmarks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Tally"]

_MOST_SECONDS = 86_400


@dataclass(slots=True)
class Tally:
    """Counts of one model. `sent` has a status or a fault (`200`, `429`, `reset`) to its count.

    `refused` counts the requests beyond a limit; they were never in flight. `abandoned` counts those whose connection
    the client closed before the reply was out. `answered_each_second` counts the replies with status 200 by the second
    since the first request, for one day at most.
    """

    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    refused: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    abandoned: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    answered_each_second: list[int] = field(default_factory=list)
    _first_s: float | None = None

    def began(self) -> None:
        """A request was let in."""
        self._asked()
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def refuse(self) -> None:
        """A request was turned away at the door."""
        self._asked()
        self.refused += 1
        self.sent["429"] += 1

    def ended(self, outcome: str) -> None:
        """A reply is out."""
        self.in_flight -= 1
        self.sent[outcome] += 1
        if outcome == "200":
            self._answered()

    def left(self) -> None:
        """The client did not wait for the reply."""
        self.in_flight -= 1
        self.abandoned += 1

    def as_dict(self) -> dict[str, object]:
        """The counts as JSON holds them."""
        return {
            "requests": self.requests,
            "refused": self.refused,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "abandoned": self.abandoned,
            "sent": dict(self.sent),
            "answered_each_second": self.answered_each_second,
        }

    def _asked(self) -> None:
        self.requests += 1
        if self._first_s is None:
            self._first_s = self.clock()

    def _answered(self) -> None:
        second = int(self.clock() - (self._first_s or 0.0))
        if second < _MOST_SECONDS:
            self.answered_each_second += [0] * (second + 1 - len(self.answered_each_second))
            self.answered_each_second[second] += 1
