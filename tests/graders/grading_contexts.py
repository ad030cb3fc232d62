"""An answer as a check sees it."""

from __future__ import annotations

from pytest_benchmodels.core.call import Call, GradingContext, Request, Transcript
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.program import RunProgram, no_programs
from pytest_benchmodels.core.scenario import Check, Scenario, Turn


def context(answer: str | Response, *checks: Check, running: RunProgram = no_programs) -> GradingContext:
    """The answer to a scenario with one turn."""
    scenario = Scenario("s", "s.yaml:1", (Turn((Message("user", "?"),)),), checks)
    response = Response(answer) if isinstance(answer, str) else answer
    call = Call("answer", Request(Model("m", "openai", "m", ""), scenario.turns[0].messages), response)
    return GradingContext(response, Transcript((call,)), scenario, running=running)
