"""What the simulated server saw, per model: for tests and benchmarks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """Counts of one model. `sent` has a status or a fault (`200`, `429`, `reset`) to its count.

    `abandoned` counts requests whose connection the client closed before the reply was out.
    """

    requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    abandoned: int = 0
    sent: Counter[str] = field(default_factory=Counter)

    def began(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def ended(self, outcome: str) -> None:
        self.in_flight -= 1
        self.sent[outcome] += 1

    def left(self) -> None:
        self.in_flight -= 1
        self.abandoned += 1

    def as_dict(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "abandoned": self.abandoned,
            "sent": dict(self.sent),
        }
