"""Tools in a request: each API's documented form."""

from __future__ import annotations

import pytest

from pytest_benchmodels import Message, Model, Request
from pytest_benchmodels.core.scenario import Tool
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.dialect import Dialect
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.openai import OpenAI

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
