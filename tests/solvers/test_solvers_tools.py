"""What a tool box makes of the calls of an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

import msgspec
import pytest

from pytest_benchmodels import ToolCall, ToolResult
from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.tool import Tool, ToolAnswer
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


class Colour(Enum):
    RED = "red"


class Place(msgspec.Struct):
    name: str
    when: date


@dataclass
class Weather:
    sky: Colour
    places: tuple[Place, ...]


class Model:
    """As pydantic's are."""

    def model_dump(self, *, mode: str) -> dict[str, object]:
        return {"mode": mode, "price": Decimal("1.20")}


def gives(value: object) -> Tool:
    def lookup() -> object:
        return value

    return Tool("lookup", "", {}, function=lookup)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a text", "a text"),
        (None, "null"),
        ([1, 2.5, True, {"a": None}], '[1, 2.5, true, {"a": null}]'),
        ({1: "x"}, '{"1": "x"}'),
        (
            Weather(Colour.RED, (Place("Rome", date(2026, 1, 2)),)),
            '{"sky": "red", "places": [{"name": "Rome", "when": "2026-01-02"}]}',
        ),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), '"2026-01-02T03:00:00+00:00"'),
        (Model(), '{"mode": "json", "price": "1.20"}'),
    ],
)
def test_what_json_can_say_is_told_as_such(value: object, told: str) -> None:
    (result,) = results(gives(value), ToolCall("1", "lookup", {}))

    assert result.content == told


def circle() -> object:
    value: dict[str, object] = {}
    value["a"] = value
    return value


def deep() -> object:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    return value


def generator() -> Iterator[int]:
    yield 1


class Nameless:
    def __repr__(self) -> str:
        raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [{1, 2}]}, r"a set at \$.a\[0\], which JSON has no form for: return a sorted list of it"),
        ({(1, 2): 3}, r"a mapping at \$ with a tuple as key: keys are texts or numbers"),
        (circle(), "nested more than 50 levels deep, or holds itself"),
        (deep(), "nested more than 50 levels deep"),
        (Nameless(), r"a Nameless at \$, which JSON has no form for: return texts, numbers"),
        (b"x", "a bytes at .*: decode it"),
        (generator(), "a generator at .*: return a list of it"),
        (10**5000, "a number of more than 4,000 digits"),
        ({10**5000: 1}, "a number of more than 4,000 digits"),
    ],
    ids=["set", "tuple", "circle", "deep", "object", "bytes", "generator", "number", "key"],
)
def test_what_json_has_no_form_for_is_told_with_the_function(value: object, said: str) -> None:
    with pytest.raises(ToolError, match=r"tool 'lookup' \(.*test_solvers_tools.py:\d+\) gave back .*" + said):
        results(gives(value), ToolCall("1", "lookup", {}))
