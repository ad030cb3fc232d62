"""How far the session is, for displays."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pytest_benchmodels.core.result import Result

__all__ = ["Progress"]


@dataclass(slots=True)
class Progress:
    """Momentary figures. `nodeids` and `total` are known once all is collected; `done` counts ends, whatever they were.

    `answered` counts the runs that were work done: an error or a skip is none. `start` is on the clock of
    `time.perf_counter`.
    """

    total: int = 0
    done: int = 0
    answered: int = 0
    in_flight: Callable[[], int] = field(default=lambda: 0)
    start: float = field(default_factory=time.perf_counter)
    nodeids: tuple[str, ...] = ()
    _ended: Counter[str] = field(default_factory=Counter)
    _missing: list[str] | None = None  # looked for again when either changed: with 100,000 runs it takes a while

    def expect(self, nodeids: Iterable[str]) -> None:
        """These are going to be run."""
        self.nodeids = tuple(nodeids)
        self._missing = None
        self.total = len(self.nodeids)

    def begin(self, total: int, in_flight: Callable[[], int]) -> None:
        """The runs start now."""
        self.total, self.in_flight, self.start = total, in_flight, time.perf_counter()

    def count(self, result: Result) -> None:
        """A run ended."""
        self.done += 1
        self._ended[result.nodeid] += 1
        self._missing = None
        self.answered += result.status not in ("error", "skipped")

    def missing(self) -> list[str]:
        """The node ids that were expected and have not ended, each as often as it lacks a result."""
        if self._missing is None:
            self._missing = list((Counter(self.nodeids) - self._ended).elements())
        return self._missing

    def elapsed_s(self) -> float:
        return time.perf_counter() - self.start

    def runs_per_min(self) -> float:
        """Answered runs a minute, so far."""
        return self.answered / max(self.elapsed_s(), 1e-9) * 60

    def eta_s(self) -> float | None:
        """Seconds to the end at the pace so far; None where nothing has ended yet."""
        return self.elapsed_s() / self.done * (self.total - self.done) if self.done else None
