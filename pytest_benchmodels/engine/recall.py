"""What is known of a run before it is run: nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.result import Failure, Result
from pytest_benchmodels.core.run import Run

__all__ = ["Forgetful", "Memory", "Recall"]


class Memory(Struct, frozen=True):
    """What is known of one run.

    `result`: it is finished already. `answers`: its model answered each of its turns already, they are to be judged.
    Neither: it has to be run, unless `must_not_run`. `reason` says for a reader what was reused, or why nothing was.
    `fingerprint` is the run's, if it was needed to find out. `before` is the result that the answers had in the run
    that is being finished: they are judged afresh, and took then what they took. `timeout`: it timed out unanswered
    when it was run last, as `before`, and no model is to be asked again: it costs what it cost then.
    """

    result: Result | None = None
    answers: tuple[Response, ...] = ()
    must_not_run: bool = False
    reason: str = ""
    fingerprint: str = ""
    before: Result | None = None
    timeout: Failure | None = None


class Recall(Protocol):
    """The seam to whatever keeps results and answers."""

    def of(self, run: Run) -> Memory:
        """What is known of a run. Quick: it is asked on the event loop, once for each run."""

    def expect(self, runs: Sequence[Run]) -> None:
        """Make ready to be asked for these next: together they cost less than one by one."""


class Forgetful:
    """Knows nothing: each run is run."""

    def of(self, run: Run) -> Memory:  # noqa: ARG002 - a Recall
        return Memory()

    def expect(self, runs: Sequence[Run]) -> None:
        """There is nothing to make ready."""
