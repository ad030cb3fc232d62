"""Tools in a request: each API's documented form."""

from __future__ import annotations

import json
from typing import cast

import pytest

from pytest_benchmodels import Message, Model, Request, Response, ToolCall, ToolResult
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.dialect import Dialect
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.openai import OpenAI
from pytest_benchmodels.providers.responses import Responses

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = Tool("get_weather", "The weather of a city.", SCHEMA)
NAMED = {"name": "get_weather", "description": "The weather of a city."}
GOOGLE = {"tools": [{"functionDeclarations": [{**NAMED, "parametersJsonSchema": SCHEMA}]}]}
# https://platform.openai.com/docs/api-reference/chat/create, https://docs.anthropic.com/en/api/messages,
# https://ai.google.dev/api/caching#FunctionDeclaration and #FunctionCallingConfig
FORMS: list[tuple[Dialect, dict[str, object], dict[str, object]]] = [
    (
        OpenAI(),
        {"tools": [{"type": "function", "function": {**NAMED, "parameters": SCHEMA}}]},
        {
            "auto": "auto",
            "none": "none",
            "required": "required",
            "get_weather": {"type": "function", "function": {"name": "get_weather"}},
        },
    ),
    (
        Anthropic(),
        {"tools": [{**NAMED, "input_schema": SCHEMA}]},
        {
            "auto": {"type": "auto"},
            "none": {"type": "none"},
            "required": {"type": "any"},
            "get_weather": {"type": "tool", "name": "get_weather"},
        },
    ),
]


def body(dialect: Dialect, choice: str | None, tools: tuple[Tool, ...] = (TOOL,)) -> dict[str, object]:
    model = Model("m", "openai", "x", "http://host/v1")
    request = Request(model, (Message("user", "Hi"),), {"tools": "of params"}, tools=tools, tool_choice=choice)
    return dict(dialect.body(request))


@pytest.mark.parametrize(("dialect", "tools", "choices"), FORMS, ids=["openai", "anthropic"])
def test_tools_and_the_choice_of_one(dialect: Dialect, tools: dict[str, object], choices: dict[str, object]) -> None:
    assert body(dialect, None).items() >= tools.items()
    assert "tool_choice" not in body(dialect, None)
    for choice, written in choices.items():
        assert body(dialect, choice)["tool_choice"] == written


@pytest.mark.parametrize(
    "dialect", [OpenAI(), Responses(), Anthropic(), Google()], ids=["openai", "responses", "anthropic", "google"]
)
def test_tools_of_the_providers_own_are_sent_beside_the_scenarios(dialect: Dialect) -> None:
    search, model = {"type": "web_search"}, Model("m", "openai", "x", "http://host/v1")
    request = Request(model, (Message("user", "Hi"),), {"tools": [search]}, tools=(TOOL,))

    first, second = cast("list[object]", dialect.body(request)["tools"])

    assert first == search
    assert [second] == body(dialect, None)["tools"]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("get_weather", {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ],
)
def test_google_has_a_configuration_for_the_choice(choice: str, calling: dict[str, object]) -> None:
    assert body(Google(), None).items() >= GOOGLE.items()
    assert body(Google(), choice)["toolConfig"] == {"functionCallingConfig": calling}


@pytest.mark.parametrize("dialect", [OpenAI(), Anthropic(), Google()], ids=["openai", "anthropic", "google"])
def test_without_tools_of_the_scenario_those_of_params_are_sent(dialect: Dialect) -> None:
    assert body(dialect, None, ())["tools"] == "of params"


def test_anthropic_gets_its_thinking_back_with_the_results() -> None:
    """ "Extended thinking with tool use": the blocks of the turn come back unchanged, before its calls."""
    thought = {"type": "thinking", "thinking": "Look it up.", "signature": "EqQB"}
    sealed = {"type": "redacted_thinking", "data": "gAAA"}
    used = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
    reading = Anthropic().read({"content": [thought, sealed, used], "stop_reason": "tool_use"})
    answer = Response("", tool_calls=reading.tool_calls, thinking_parts=reading.thinking_parts)
    talk = (Message("user", "Hi"), answer.message, Message("tool", (ToolResult("toolu_1", "rain"),)))

    def sent(dialect: Dialect) -> str:
        return json.dumps(dialect.body(Request(Model("m", "x", "x", "http://host"), talk)))

    written = json.loads(sent(Anthropic()))["messages"]
    assert written[1] == {"role": "assistant", "content": [thought, sealed, used]}
    for other in (OpenAI(), Google()):
        assert "EqQB" not in sent(other)
        assert "Look it up" not in sent(other)


def test_anthropic_keeps_no_thinking_of_an_answer_that_calls_nothing() -> None:
    thought = {"type": "thinking", "thinking": "Easy.", "signature": "EqQB"}

    reading = Anthropic().read({"content": [thought, {"type": "text", "text": "4"}]})

    assert (reading.thinking, reading.thinking_parts) == ("Easy.", ())


@pytest.mark.parametrize("written", ['{"city": "Par', "[1]", '"Paris"', '{"n": 1e999}', '{"a": ' * 60 + "1" + "}" * 60])
@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        (OpenAI(), ("messages", 1, "tool_calls", 0, "function", "arguments")),
        (Responses(), ("input", 1, "arguments")),
        (Anthropic(), ("messages", 1, "content", 0, "input")),
        (Google(), ("contents", 1, "parts", 0, "functionCall", "args")),
    ],
    ids=["openai", "responses", "anthropic", "google"],
)
def test_arguments_that_are_no_object_go_back_within_one(
    dialect: Dialect, path: tuple[str | int, ...], written: str
) -> None:
    """A model's mistake is no reason to refuse its conversation, and no API has to parse what it wrote."""
    answer = Message("assistant", (ToolCall("c1", "f", written),))
    talk = (Message("user", "Hi"), answer, Message("tool", (ToolResult("c1", "no JSON object", is_error=True),)))

    sent: object = json.loads(json.dumps(dialect.body(Request(Model("m", "x", "x", "http://host"), talk))))
    for step in path:
        sent = sent[step]  # type: ignore[index] # plain JSON

    assert (json.loads(sent) if isinstance(sent, str) else sent) == {"INVALID_JSON": written}
