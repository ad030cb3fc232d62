"""A scenario's turns: each is sent with the conversation so far, each answer is judged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

from pytest_benchmodels.core.exchange import Message, Request, Response
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Turn
from pytest_benchmodels.core.thinking import AT_ONCE_CHARS, without_thinking

from .flight import Flight
from .judging import Watch, judge

__all__ = ["Partner", "converse"]


class Partner(Protocol):
    """Whoever answers: a model, or what it answered before."""

    async def answer(self, request: Request, flight: Flight) -> Response:
        """Return the answer; raise `ProviderError` if there is to be none."""


async def converse(flight: Flight, partner: Partner, watch: Watch) -> None:
    """Hold the whole conversation; answers and verdicts are in the flight's progress."""
    run, progress = flight.run, flight.progress
    scenario, last = run.scenario, len(run.scenario.turns) - 1
    request = _opening(run)
    for number, turn in enumerate(scenario.turns):
        request = _with_turn(request, turn, run, final=number == last)
        # Whoever answered: a model, a function of the user's, a store that once took thinking for a part of the answer.
        response = await _without_thinking(await partner.answer(request, flight))
        progress.answered(response)
        with watch(run):
            progress.verdicts += await judge(turn.checks, response, f"turn {number + 1}: " if last else "")
        if number < last:
            request = replace(request, messages=(*request.messages, Message("assistant", response.text)))
    if progress.response is not None:
        with watch(run):
            progress.verdicts += await judge(scenario.checks, progress.response)


async def _without_thinking(response: Response) -> Response:
    if len(response.text) <= AT_ONCE_CHARS:
        return without_thinking(response)
    return await asyncio.to_thread(without_thinking, response)


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
