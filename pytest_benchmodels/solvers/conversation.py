"""How a run's task is worked on: the seam, and the conversation of a scenario's turns."""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.call import Call, Purpose, Request, Transcript
from pytest_benchmodels.core.message import Message
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Turn

__all__ = ["Client", "Conversation", "Solver"]


class Client(Protocol):
    """A client as a solver has it: what it asks is a part of one run, with its limits, account and lane."""

    async def ask(self, request: Request, purpose: Purpose = "answer") -> Call:
        """Ask one question. A failure of the model's is in the Call."""


class Solver(Protocol):
    """Works on a run's task, by asking its model."""

    async def solve(self, run: Run, client: Client) -> Transcript:
        """Return all calls that were made for it; the last one's failure, if it has one, is the run's."""


class Conversation:
    """Implements `Solver`: what the user says stands in the scenario."""

    async def solve(self, run: Run, client: Client) -> Transcript:
        """Hold the whole conversation, up to the first turn without an answer."""
        calls: list[Call] = []
        turns = run.scenario.turns
        request = _opening(run)
        for number, turn in enumerate(turns, 1):
            request = _with_turn(request, turn, run, final=number == len(turns))
            call = await client.ask(request)
            calls.append(call)
            if call.response is None:
                break
            if number < len(turns):
                request = replace(request, messages=(*request.messages, Message("assistant", call.response.text)))
        return Transcript(tuple(calls))


def _opening(run: Run) -> Request:
    system = () if run.scenario.system is None else (Message("system", run.scenario.system),)
    return Request(run.model, system, {**run.model.params, **run.scenario.params}, trial=run.trial)


def _with_turn(request: Request, turn: Turn, run: Run, *, final: bool) -> Request:
    return replace(
        request,
        messages=request.messages + turn.messages,
        checks=turn.checks + run.scenario.checks if final else turn.checks,
        target=run.scenario.target if final else None,
    )
