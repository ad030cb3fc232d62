"""Parameters with one name for all APIs, in each one's form; the documents are those of the APIs' own pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.openai import Azure, OpenAI
from pytest_benchmodels.providers.params import JSON_TOOL
from pytest_benchmodels.providers.responses import Responses

if TYPE_CHECKING:
    from pytest_benchmodels.providers.dialect import Dialect

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
JSON = {"type": "json_object"}
DIALECTS: Mapping[str, Callable[[], Dialect]] = {
    "openai": OpenAI,
    "azure": Azure,
    "openrouter": OpenAI,
    "ollama": OpenAI,
    **dict.fromkeys(("mistral", "deepseek", "groq"), OpenAI),
    "openai-responses": Responses,
    "anthropic": Anthropic,
    "google": Google,
}


def sent(provider: str, name: str, **params: object) -> Mapping[str, object]:
    """What goes out beside the conversation."""
    model = Model("m", provider, name, "http://host")
    body = DIALECTS[provider]().body(Request(model, (Message("user", "Hi"),), params))
    return {key: value for key, value in body.items() if key not in {"model", "messages", "input", "contents"}}


SPOKEN = ("openai", "openai-responses", "anthropic", "google")
CHAT = {"stream": False}
NEW = {"stream": False, "store": False}
CLAUDE = {"stream": False, "max_tokens": 1024}


@pytest.mark.parametrize(
    ("provider", "params", "body"),
    [
        # OpenAI, "Structured model outputs"; Ollama, "OpenAI compatibility".
        ("openai", {"response_format": BY_SCHEMA}, {**CHAT, "response_format": BY_SCHEMA}),
        ("openai", {"response_format": JSON}, {**CHAT, "response_format": JSON}),
        ("ollama", {"response_format": BY_SCHEMA}, {**CHAT, "response_format": BY_SCHEMA}),
        (
            "openai-responses",
            {"response_format": BY_SCHEMA},
            {**NEW, "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}},
        ),
        (
            "openai-responses",
            {"response_format": JSON, "text": {"verbosity": "low"}},
            {**NEW, "text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        ),
        # Anthropic, "Structured outputs".
        (
            "anthropic",
            {"response_format": BY_SCHEMA},
            {**CLAUDE, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        # Mistral, "Chat completion API"; DeepSeek, "Create chat completion".
        ("mistral", {"seed": 7, "max_completion_tokens": 9}, {**CHAT, "random_seed": 7, "max_tokens": 9}),
        ("mistral", {"seed": 7, "random_seed": 8}, {**CHAT, "random_seed": 8}),
        ("deepseek", {"max_completion_tokens": 9}, {**CHAT, "max_tokens": 9}),
        ("groq", {"seed": 7, "max_completion_tokens": 9}, {**CHAT, "seed": 7, "max_completion_tokens": 9}),
        # Google, "Structured outputs".
        (
            "google",
            {"response_format": BY_SCHEMA},
            {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        ),
        ("google", {"response_format": JSON}, {"generationConfig": {"responseMimeType": "application/json"}}),
        ("google", {"response_format": {"type": "text"}}, {}),
        ("anthropic", {"response_format": {"type": "text"}}, CLAUDE),
        # Thinking: OpenAI, "Reasoning models".
        ("openai", {"reasoning_effort": "low"}, {**CHAT, "reasoning_effort": "low"}),
        ("openai-responses", {"reasoning_effort": "low"}, {**NEW, "reasoning": {"effort": "low"}}),
        (
            "openai-responses",
            {"reasoning_effort": "low", "reasoning": {"summary": "auto"}},
            {**NEW, "reasoning": {"effort": "low", "summary": "auto"}},
        ),
        # OpenRouter, "Reasoning tokens".
        ("openrouter", {"thinking_budget": 2000}, {**CHAT, "reasoning": {"max_tokens": 2000}}),
        # Anthropic, "Effort", "Extended thinking": max_tokens has to be larger than the budget.
        ("anthropic", {"reasoning_effort": "low"}, {**CLAUDE, "output_config": {"effort": "low"}}),
        (
            "anthropic",
            {"thinking_budget": 2000},
            {**CLAUDE, "max_tokens": 3024, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        (
            "anthropic",
            {"thinking_budget": 2000, "max_tokens": 5000},
            {**CLAUDE, "max_tokens": 5000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        # Google, "Thinking".
        (
            "google",
            {"reasoning_effort": "low"},
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}},
        ),
        (
            "google",
            {"thinking_budget": 512},
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}}},
        ),
        (
            "google",
            {"thinking_budget": 0},
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}}},
        ),
        # The author's own wins, field by field.
        (
            "google",
            {"reasoning_effort": "low", "temperature": 1, "generationConfig": {"temperature": 0, "topK": 4}},
            {
                "generationConfig": {"temperature": 0, "topK": 4}
                | {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}
            },
        ),
        (
            "google",
            {"reasoning_effort": "low", "generationConfig": {"thinkingConfig": {"thinkingBudget": 5}}},
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 5, "includeThoughts": True}}},
        ),
        (
            "google",
            {"thinking_budget": 512, "generationConfig": {"thinkingConfig": {"includeThoughts": False}}},
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": False}}},
        ),
        ("google", {"generationConfig": {"thinkingConfig": {}}}, {"generationConfig": {"thinkingConfig": {}}}),
        ("anthropic", {"stop": "a", "stop_sequences": ["b"]}, {**CLAUDE, "stop_sequences": ["b"]}),
        # The answer's length.
        ("openai-responses", {"max_tokens": 9}, {**NEW, "max_output_tokens": 9}),
        ("anthropic", {"max_completion_tokens": 9}, {**CLAUDE, "max_tokens": 9}),
        ("google", {"max_completion_tokens": 9}, {"generationConfig": {"maxOutputTokens": 9}}),
    ],
)
def test_each_api_gets_it_in_its_form(provider: str, params: dict[str, object], body: dict[str, object]) -> None:
    assert sent(provider, "a-model", **params) == body


@pytest.mark.parametrize(
    ("provider", "name", "new"),
    [
        *(("openai", name, True) for name in ("o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1-mini", "gpt-6")),
        *(("openai", name, False) for name in ("gpt-4o", "gpt-4.1", "gpt-oss-120b", "qwen3-8b", "olmo-2", "our-gpt-5")),
        ("azure", "gpt-5-mini", True),
        ("azure", "my-deployment", False),
        ("openrouter", "openai/gpt-5", False),
    ],
)
def test_max_tokens_has_the_name_that_the_model_takes(provider: str, name: str, new: bool) -> None:  # noqa: FBT001 - of a table
    limit = "max_completion_tokens" if new else "max_tokens"

    assert sent(provider, name, max_tokens=9) == {**CHAT, limit: 9}


@pytest.mark.parametrize(("effort", "budget"), [("none", 0), ("minimal", 1024), ("low", 1024), ("high", 24_576)])
def test_gemini_2_knows_budgets_only(effort: str, budget: int) -> None:
    config = sent("google", "gemini-2.5-flash", reasoning_effort=effort)["generationConfig"]

    assert config == {"thinkingConfig": {"thinkingBudget": budget, "includeThoughts": budget != 0}}


@pytest.mark.parametrize(
    ("provider", "params", "message"),
    [
        ("anthropic", {"response_format": JSON, "tools": []}, "which leaves no choice of other tools: write a JSON"),
        ("anthropic", {"response_format": JSON, "thinking_budget": 2000}, "by force while it thinks: write a JSON"),
        ("anthropic", {"response_format": JSON, "thinking": {"type": "adaptive"}}, "by force while it thinks"),
        ("google", {"response_format": "yaml"}, "response_format 'yaml': write `response_format: json`, or a JSON"),
        ("google", {"response_format": {"type": "json_schema"}}, "write `response_format: json`, or a JSON Schema"),
        *(
            (provider, {"reasoning_effort": ["low"]}, "reasoning_effort ['low']: write one word, such as low, medium")
            for provider in SPOKEN
        ),
        *(
            (provider, {"thinking_budget": budget}, f"thinking_budget {budget!r}: write a whole number of tokens")
            for provider in SPOKEN
            for budget in ("lots", True, 0.5)
        ),
        ("google", {"reasoning_effort": "huge"}, "reasoning_effort 'huge': write none, minimal, low, medium, high"),
    ],
)
def test_what_an_api_has_no_place_for_is_not_sent(provider: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(ProviderError) as caught:
        sent(provider, "gemini-2.5-pro", **params)

    assert (caught.value.kind, caught.value.sent) == ("unsupported", False)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("provider", "name", "remedy"),
    [
        *((provider, "model", "write name in the model's table") for provider in SPOKEN),
        *((provider, "stream", "write stream = true in the model's table") for provider in SPOKEN),
        ("openai", "messages", "write `prompt:` or `messages:`"),
        ("anthropic", "messages", "write `prompt:` or `messages:`"),
        ("openai-responses", "input", "write `prompt:` or `messages:`"),
        ("google", "contents", "write `prompt:` or `messages:`"),
        ("openai", "n", "of several answers the first would count and all be paid; write `repeat:`"),
    ],
)
def test_what_the_request_says_itself_no_parameter_says(provider: str, name: str, remedy: str) -> None:
    """It would be overwritten without a word."""
    with pytest.raises(ProviderError) as caught:
        sent(provider, "a-model", **{name: 3})

    assert (caught.value.kind, caught.value.sent) == ("unsupported", False)
    assert caught.value.message.startswith(f"params cannot set '{name}': {remedy}")


@pytest.mark.parametrize(
    ("provider", "name"), [("anthropic", "system"), ("google", "systemInstruction")], ids=["anthropic", "google"]
)
def test_a_system_prompt_of_params_is_sent_where_the_scenario_has_none(provider: str, name: str) -> None:
    model = Model("m", provider, "a-model", "http://host")
    dialect = DIALECTS[provider]()
    briefly = (Message("system", "Be brief."), Message("user", "Hi"))

    assert dialect.body(Request(model, briefly[1:], {name: "x"}))[name] == "x"
    with pytest.raises(ProviderError, match=f"params cannot set '{name}': write `system:` in the scenario"):
        dialect.body(Request(model, briefly, {name: "x"}))


def test_the_authors_own_fields_win() -> None:
    own = {"output_config": {"effort": "max"}, "reasoning_effort": "low"}

    assert sent("anthropic", "claude", **own)["output_config"] == {"effort": "max"}


# Anthropic, "Tool use": what a tool is called with comes as an object, or as a text where the answer is streamed.
@pytest.mark.parametrize("given", [{"x": [1, "é"]}, '{"x": [1, "é"]}'], ids=["whole", "stream"])
def test_json_without_a_schema_is_the_input_of_a_tool_for_anthropic(given: object) -> None:
    body: Mapping[str, Any] = sent("anthropic", "claude", response_format=JSON)
    (tool,) = body["tools"]
    answer = [
        {"type": "text", "text": "Here it is."},
        {"type": "tool_use", "id": "t", "name": tool["name"], "input": given},
    ]

    reading = Anthropic().read({"content": answer, "stop_reason": "tool_use"})

    assert tool["input_schema"] == {"type": "object", "additionalProperties": True}
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    assert "output_config" not in body
    assert (json.loads(reading.text), reading.finish_reason, reading.tool_calls) == ({"x": [1, "é"]}, "end_turn", ())


def test_an_answer_that_was_cut_off_stays_one() -> None:
    cut = [{"type": "tool_use", "id": "t", "name": JSON_TOOL, "input": '{"x": [1,'}]

    reading = Anthropic().read({"content": cut, "stop_reason": "max_tokens"})

    assert (reading.text, reading.finish_reason) == ('{"x": [1,', "max_tokens")
