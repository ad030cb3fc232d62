"""A scenario's turns: each is sent with the conversation so far."""

from __future__ import annotations

from msgspec.structs import replace

from pytest_benchmodels.core.call import Call, Transcript
from pytest_benchmodels.core.exchange import Message
from pytest_benchmodels.core.request import Request
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Turn
from pytest_benchmodels.solvers.solver import Client

__all__ = ["Conversation"]


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
