"""The loop of tools where some of a run's answers are stored and the others are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace as with_fields

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.call import Call, Purpose, Request
from pytest_benchmodels.core.message import Response, ToolCall, ToolResult
from pytest_benchmodels.core.tool import Tool, ToolAnswer
from pytest_benchmodels.solvers.conversation import Conversation
from tests.engine.engine_parts import MODEL, run, scenario

NEXT = Tool("next", "", {}, tuple(map(ToolAnswer, ("one", "two", "three"))))


class Answers:
    """Implements `Client`: gives these answers in turn, each with the results that were stored with it."""

    def __init__(self, responses: Sequence[Response]) -> None:
        self._responses = iter(responses)

    @property
    def workspace(self) -> None:
        """None: nothing runs."""

    async def ask(self, request: Request, purpose: Purpose = "answer") -> Call:
        return Call(purpose, request, next(self._responses))

    def keep_results(self, call: Call, results: tuple[ToolResult, ...]) -> Call:
        assert call.response is not None
        return replace(call, response=replace(call.response, tool_results=results))


@pytest.mark.parametrize("stored", range(4))
def test_results_in_turn_go_on_after_those_that_were_stored(stored: int) -> None:
    given = ("one", "two", "three")
    steps = [
        Response(
            "",
            tool_calls=(ToolCall(f"c{number}", "next", {}),),
            tool_results=(ToolResult(f"c{number}", text),) if number < stored else (),
        )
        for number, text in enumerate(given)
    ]
    of = with_fields(scenario(), tools=(NEXT,))

    transcript = asyncio.run(Conversation().solve(run(of), Answers([*steps, Response("done")])))

    told = [result.content for each in transcript.responses for result in each.tool_results]
    assert told == list(given)


@pytest.mark.parametrize(
    ("provider", "builtin", "names"), [("fake", True, ["next"]), ("command", True, []), ("command", False, ["next"])]
)
def test_a_command_line_agent_is_offered_the_authors_tools_only(
    provider: str, names: list[str], *, builtin: bool
) -> None:
    # Its provider says that it cannot take those: a check of them could never be right.
    of = with_fields(scenario(), tools=(with_fields(NEXT, builtin=builtin),), tool_choice="required")
    model = with_fields(MODEL, provider=provider)

    transcript = asyncio.run(Conversation().solve(run(of, model=model), Answers([Response("done")])))

    (call,) = transcript.calls
    assert [tool.name for tool in call.request.tools] == names
    assert call.request.tool_choice == ("required" if names else None)
