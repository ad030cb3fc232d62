"""The seam: one method that works on a run's task."""

from __future__ import annotations

from typing import Protocol

from pytest_benchmodels.core.call import Call, Purpose, Transcript
from pytest_benchmodels.core.request import Request
from pytest_benchmodels.core.run import Run

__all__ = ["Client", "Solver"]


class Client(Protocol):
    """A client as a solver has it: what it asks is a part of one run, with its limits, account and lane."""

    async def ask(self, request: Request, purpose: Purpose = "answer") -> Call:
        """Ask one question. A failure of the model's is in the Call."""


class Solver(Protocol):
    """Works on a run's task, by asking its model."""

    async def solve(self, run: Run, client: Client) -> Transcript:
        """Return all calls that were made for it; the last one's failure, if it has one, is the run's."""
