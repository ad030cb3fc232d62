from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels import Message, Model, Request, Usage
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.dialect import Reading, UnreadableError, tokens
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.key import Key
from pytest_benchmodels.providers.openai import OpenAI
from pytest_benchmodels.providers.sim.service import Sim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_benchmodels.core.scenario import Check
    from pytest_benchmodels.providers.dialect import Dialect

MODEL = Model("m", "openai", "the-model", "http://host:1/v1/")
TALK = (
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Hello"),
    Message("user", "Bye"),
)
KEY = Key("K", "sk-123456")


def request(**params: object) -> Request:
    return Request(MODEL, TALK, params)


def test_openai_sends_params() -> None:
    body = OpenAI().body(request(temperature=0, sim={"latency": 1}))

    assert body == {
        "temperature": 0,
        "model": "the-model",
        "messages": [{"role": message.role, "content": message.content} for message in TALK],
        "stream": False,
    }
    assert OpenAI().url(MODEL) == "http://host:1/v1/chat/completions"
    assert OpenAI().headers(KEY) == {"Authorization": "Bearer sk-123456"}
    assert OpenAI().headers(Key(None, "")) == {}


@pytest.mark.parametrize(
    ("choice", "text", "reason"),
    [
        ({"message": {"content": "4"}, "finish_reason": "stop"}, "4", "stop"),
        ({"message": {"content": ""}, "finish_reason": "stop"}, "", "stop"),
        ({"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}, "No.", "refusal"),
        ({"message": {"content": "4", "refusal": None}, "finish_reason": "stop"}, "4", "stop"),
        ({"message": {"content": None, "refusal": "No."}, "finish_reason": "length"}, "No.", "length"),
        ({"message": {"content": None, "tool_calls": [{"id": "1"}]}}, "", None),
        ({"message": {"content": None}, "finish_reason": "length"}, "", "length"),
        (
            {"message": {"content": [{"type": "text", "text": "a"}, {"type": "image"}, "x", {"text": "b"}]}},
            "ab",
            None,
        ),
    ],
)
def test_openai_answers(choice: dict[str, object], text: str, reason: str | None) -> None:
    assert OpenAI().read({"choices": [choice]}) == Reading(text, reason)


@pytest.mark.parametrize(
    ("message", "thinking"),
    [
        # DeepSeek, "Thinking Mode"; also Moonshot, vLLM before 0.12, SGLang, llama.cpp.
        ({"content": "4", "reasoning_content": "2 and 2"}, "2 and 2"),
        # Ollama's OpenAI API, Groq with reasoning_format "parsed", newer vLLM.
        ({"content": "4", "reasoning": "2 and 2"}, "2 and 2"),
        # OpenRouter, "Reasoning Tokens".
        (
            {
                "content": "4",
                "reasoning": None,
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "2", "index": 0},
                    {"type": "reasoning.text", "text": "and 2", "index": 1},
                    {"type": "reasoning.encrypted", "data": "gAAAA", "index": 2},
                ],
            },
            "2\n\nand 2\n\n(encrypted)",
        ),
        # Mistral, "Reasoning": magistral answers in parts.
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}], "closed": True},
                    {"type": "text", "text": "4"},
                ]
            },
            "2 and 2",
        ),
        ({"content": [{"type": "reasoning", "text": "2 and 2"}, {"type": "output_text", "text": "4"}]}, "2 and 2"),
        ({"content": "4", "reasoning_content": "", "reasoning": 7, "reasoning_details": {}}, ""),
    ],
)
def test_openai_tells_thinking_from_the_answer(message: dict[str, object], thinking: str) -> None:
    assert OpenAI().read({"choices": [{"message": message}]}) == Reading("4", thinking=thinking)


def test_openai_may_have_thought_only() -> None:
    message = {"content": None, "reasoning_content": "2 and"}

    assert OpenAI().read({"choices": [{"message": message}]}) == Reading("", thinking="2 and")


def test_anthropic_tells_thinking_from_the_answer() -> None:
    # Anthropic, "Extended thinking".
    content = [
        {"type": "thinking", "thinking": "2 and 2", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "4"},
    ]

    assert Anthropic().read({"content": content}) == Reading("4", thinking="2 and 2\n\n(encrypted)")


def test_google_tells_thinking_from_the_answer() -> None:
    # Google, "Gemini thinking", with includeThoughts.
    parts = [{"text": "2 and 2", "thought": True}, {"text": "4"}]

    assert Google().read({"candidates": [{"content": {"parts": parts}}]}) == Reading("4", thinking="2 and 2")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "it has no choices"),
        ({"choices": []}, "it has no choices"),
        ({"choices": {"0": 1}}, "it has no choices"),
        ({"choices": [{"text": "old"}]}, "it has no choices"),
        ({"choices": [{"message": {"content": None}}]}, "content is no text"),
        ({"choices": [{"message": {}}]}, "content is no text"),
        ({"choices": [{"message": {"content": 4}, "finish_reason": "stop"}]}, "content is no text"),
    ],
)
def test_openai_answers_that_are_none(document: dict[str, object], message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        OpenAI().read(document)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 5}, Usage(3, 5)),
        ({"prompt_tokens": "3", "completion_tokens": True}, Usage()),
        ({"prompt_tokens": -1, "completion_tokens": 10**30}, Usage()),
        ({"prompt_tokens": 1.5}, Usage()),
        ([], Usage()),
        (None, Usage()),
    ],
)
def test_only_counts_are_counted(usage: object, expected: Usage) -> None:
    document = {"choices": [{"message": {"content": "x"}}], "usage": usage}

    assert OpenAI().read(document).usage == expected


def test_anthropic_sets_the_system_prompt_apart_and_always_a_limit() -> None:
    assert Anthropic().body(request(temperature=0, stop="END")) == {
        "max_tokens": 1024,
        "temperature": 0,
        "stop_sequences": ["END"],
        "system": "Be brief.",
        "model": "the-model",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
        "stream": False,
    }
    assert Anthropic().body(request(max_tokens=7, stop=["a", "b"]))["max_tokens"] == 7
    assert Anthropic().headers(KEY) == {"x-api-key": "sk-123456", "anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("base_url", ["http://host:1", "http://host:1/", "http://host:1/v1"])
def test_anthropics_address_may_hold_the_version(base_url: str) -> None:
    assert Anthropic().url(Model("m", "anthropic", "c", base_url)) == "http://host:1/v1/messages"


def test_anthropic_answers() -> None:
    document = {
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "a"},
            {"type": "text", "text": "b"},
        ],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 2, "output_tokens": 3},
    }

    assert Anthropic().read(document) == Reading("ab", "end_turn", Usage(2, 3), "hm")
    with pytest.raises(UnreadableError, match="it has no content list"):
        Anthropic().read({"content": "a"})


def test_google_has_names_of_its_own() -> None:
    body = Google().body(
        request(temperature=0, max_tokens=5, top_p=0.5, stop="END", safetySettings=[], generationConfig={"topK": 3})
    )

    assert body == {
        "safetySettings": [],
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Hello"}]},
            {"role": "user", "parts": [{"text": "Bye"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"temperature": 0, "maxOutputTokens": 5, "topP": 0.5, "stopSequences": ["END"], "topK": 3},
    }
    assert Google().headers(KEY) == {"x-goog-api-key": "sk-123456"}


def test_google_sends_nothing_that_was_not_asked_for() -> None:
    plain = Request(MODEL, (Message("user", "Hi"),))

    assert Google().body(plain) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


@pytest.mark.parametrize("base_url", ["http://h", "http://h/v1beta", "http://h/v1beta/"])
def test_googles_address_may_hold_the_version_and_never_holds_a_foreign_path(base_url: str) -> None:
    model = Model("m", "google", "../gem ini?x", base_url)

    assert Google().url(model) == "http://h/v1beta/models/..%2Fgem%20ini%3Fx:generateContent"


@pytest.mark.parametrize(
    ("document", "reading"),
    [
        (
            {
                "candidates": [
                    {
                        "content": {"parts": [{"text": "hm", "thought": True}, {"text": "a"}, {"text": "b"}]},
                        "finishReason": "STOP",
                    }
                ],
                "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3, "thoughtsTokenCount": 4},
            },
            Reading("ab", "STOP", Usage(2, 7, reasoning_tokens=4), "hm"),
        ),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, Reading("", "MAX_TOKENS")),
        ({"candidates": [{"finishReason": "SAFETY", "index": 0}]}, Reading("", "SAFETY")),
    ],
)
def test_google_answers(document: Mapping[str, object], reading: Reading) -> None:
    assert Google().read(document) == reading


def test_google_answers_that_are_none() -> None:
    with pytest.raises(UnreadableError, match="it has no candidates"):
        Google().read({"candidates": []})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "text", "usage", "candidates", "parts", "refusal"]), inner
        )
    ),
)


@pytest.mark.parametrize("dialect", [OpenAI(), Anthropic(), Google(), Sim()])
@settings(max_examples=40)
@given(document=st.dictionaries(st.sampled_from(["choices", "content", "candidates", "usage", "error"]), JSON))
def test_any_document_is_read_or_called_unreadable(dialect: Dialect, document: dict[str, object]) -> None:
    with contextlib.suppress(UnreadableError):
        assert isinstance(dialect.read(document).text, str)


@given(JSON)
def test_tokens_are_counts(value: object) -> None:
    count = tokens(value)

    assert count is None or (count >= 0 and count == value)


def test_a_simulated_model_is_told_the_answer_once_per_scenario() -> None:
    asked: list[str | None] = []

    def example_answer(_checks: tuple[Check, ...], target: str | None) -> str | None:
        asked.append(target)
        return target

    sim = Sim(example_answer)
    checks: tuple[Check, ...] = ()
    bodies = [
        sim.body(Request(MODEL, TALK, {"sim": {"latency": 1}}, attempt, 3, checks, target))
        for target in ("4", None)
        for attempt in (1, 2)
    ]

    assert [body["sim"] for body in bodies] == [
        {"latency": 1, "trial": 3, "attempt": 1, "answer": "4"},
        {"latency": 1, "trial": 3, "attempt": 2, "answer": "4"},
        {"latency": 1, "trial": 3, "attempt": 1},
        {"latency": 1, "trial": 3, "attempt": 2},
    ]
    assert asked == ["4", None]


def test_what_a_simulated_model_was_told_is_forgotten_in_time() -> None:
    sim = Sim(lambda _checks, target: target)
    for number in range(3000):
        sim.body(Request(MODEL, TALK, target=str(number)))

    assert len(sim._answers) == 1024


def test_an_unknown_provider_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="unknown provider 'opnai'; did you mean 'openai'\\?"):
        create(Model("m", "opnai", "x", "http://h"), HttpPool())
