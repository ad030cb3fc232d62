"""A run in flight: its account, its place among others, its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_benchmodels.core.run import Run

from .progress import Progress

__all__ = ["Alone", "Flight", "Lane"]


class Lane(Protocol):
    """The place in which a run is in flight."""

    async def rest(self, seconds: float, *, limited: bool) -> None:
        """Leave the place to others for so long, then have one again. `limited`: the server said "too many"."""

    def pause(self, seconds: float) -> None:
        """Let no run of the same model start, or come back from its rest, for so long."""


class Alone:
    """The lane of a run that nobody else runs beside."""

    async def rest(self, seconds: float, *, limited: bool) -> None:  # noqa: ARG002 - nobody takes the place
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Nothing: there is no other run to hold back."""


def _admitted() -> None:
    """Nobody objects."""


def _never() -> bool:
    return False


@dataclass(slots=True)
class Flight:
    """What the parts of a run's execution share.

    `limit` is None where nothing can take long. `is_hopeless` says that the run's model is out of order by now.
    """

    run: Run
    lane: Lane
    limit: asyncio.Timeout | None
    progress: Progress
    admit: Callable[[], None] = _admitted
    is_hopeless: Callable[[], bool] = _never
    _begun: bool = False

    def begin(self) -> None:
        """The first request goes out, if it is still admitted, and the run's time begins. Later ones change nothing."""
        if self._begun:
            return
        self.admit()
        self._begun = True
        self.progress.begin()
        if self.limit is not None and self.run.timeout_s is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout_s)

    def reaches(self, seconds: float) -> bool:
        """Whether so many seconds from now are still within the limit."""
        return self.run.timeout_s is None or self.progress.elapsed_s() + seconds < self.run.timeout_s
