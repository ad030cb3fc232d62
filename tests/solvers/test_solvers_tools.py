"""What a tool box makes of the calls of an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from pytest_benchmodels import ToolCall, ToolResult
from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.scenario import Tool, ToolAnswer
from pytest_benchmodels.graders import schema_faults
from pytest_benchmodels.solvers.conversation import ToolBox

HARD = {"type": "object", "properties": {"q": {"type": "string", "pattern": "(a|aa)+$"}}}


def results(tool: Tool, *calls: ToolCall) -> Sequence[ToolResult]:
    return asyncio.run(ToolBox([tool]).results(calls))


def test_arguments_are_looked_at_beside_the_event_loop() -> None:
    seen: list[str] = []

    def fault(_: object) -> None:
        seen.append(threading.current_thread().name)

    (result,) = results(Tool("t", "", {}, (ToolAnswer("x"),), fault=fault), ToolCall("1", "t", {"q": "x"}))

    assert (result.content, seen) == ("x", ["benchmodels-check"])


def test_a_pattern_that_does_not_end_is_told_with_tool_and_parameter() -> None:
    tool = Tool("look_up", "", HARD, (ToolAnswer("x"),), fault=schema_faults(HARD))

    with pytest.raises(ToolError, match=r"tool 'look_up': its parameters .*: 'q': pattern .* took more than 1 s"):
        results(tool, ToolCall("1", "look_up", {"q": "a" * 1000 + "b"}))


def test_of_more_calls_than_an_answer_may_have_the_rest_is_told_so() -> None:
    calls = [ToolCall(str(number), "t", {}) for number in range(20_000)]

    given = results(Tool("t", "", {}, (ToolAnswer("x"),)), *calls)

    assert [result.call_id for result in given] == [call.id for call in calls]
    assert {result.content for result in given[:128]} == {"x"}
    (rest,) = {result.content for result in given[128:]}
    assert "may call tools 128 times, this one did 20,000 times" in str(rest)
    assert all(result.is_error for result in given[128:])


def test_results_that_no_model_could_read_end_the_run() -> None:
    calls = [ToolCall(str(number), "t", {}) for number in range(100)]

    with pytest.raises(ToolError, match=r"more than 5,000,000 characters with 't': let each give back less"):
        results(Tool("t", "", {}, (ToolAnswer("x" * 60_000),)), *calls)
