"""Messages with parts, as each API's documentation has them.

Sources: OpenAI's and Anthropic's published Python clients (their types are made from the APIs' specifications),
https://platform.openai.com/docs/guides/function-calling, https://docs.anthropic.com/en/docs/build-with-claude/tool-use,
https://ai.google.dev/gemini-api/docs/function-calling, https://ai.google.dev/gemini-api/docs/file-input-methods,
https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels import (
    ImagePart,
    Message,
    Model,
    ProviderError,
    Request,
    Response,
    SimServer,
    TextPart,
    ToolCall,
    ToolResult,
)
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.dialect import sound_call
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import OpenAI
from pytest_benchmodels.providers.sim.service import Sim

if TYPE_CHECKING:
    from pytest_benchmodels.core.message import Part
    from pytest_benchmodels.providers.dialect import Dialect
    from tests.providers.conftest import CannedServer, HttpText

MODEL = Model("m", "openai", "the-model", "http://host:1/v1")
DATA = ImagePart("image/png", "iVBORw0KGgo=")
LINK = ImagePart(url="https://host/map.png")
PARIS = ToolCall("call_1", "get_weather", {"city": "Paris"}, "sig-1")
ROME = ToolCall("call_2", "get_weather", {"city": "Rome"})
TALK = (
    Message("system", "Be brief."),
    Message("user", (TextPart("Where is it sunny?"), DATA, LINK)),
    Message("assistant", (TextPart("I shall look."), PARIS, ROME)),
    Message("tool", (ToolResult("call_1", "sunny"),)),
    Message("tool", (ToolResult("call_2", "no such city", is_error=True),)),
    Message("user", "Well?"),
)


def body(dialect: Dialect, *messages: Message) -> dict[str, Any]:
    return dict(dialect.body(Request(MODEL, messages or TALK)))


def test_openai_writes_parts() -> None:
    function = {"type": "function"}
    signature = {"extra_content": {"google": {"thought_signature": "sig-1"}}}

    assert body(OpenAI())["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where is it sunny?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "image_url", "image_url": {"url": "https://host/map.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I shall look.",
            "tool_calls": [
                {"id": "call_1", **function, **signature}
                | {"function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}},
                {"id": "call_2", **function} | {"function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": "Error: no such city"},
        {"role": "user", "content": "Well?"},
    ]
    assert body(Sim())["messages"] == body(OpenAI())["messages"]


def test_anthropic_writes_parts() -> None:
    written = body(Anthropic())

    assert written["system"] == "Be brief."
    assert written["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where is it sunny?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "image", "source": {"type": "url", "url": "https://host/map.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I shall look."},
                {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}},
                {"type": "tool_use", "id": "call_2", "name": "get_weather", "input": {"city": "Rome"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "no such city", "is_error": True},
                {"type": "text", "text": "Well?"},
            ],
        },
    ]


def test_google_writes_parts() -> None:
    written = body(Google())

    assert written["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert written["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "Where is it sunny?"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                {"fileData": {"fileUri": "https://host/map.png"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "I shall look."},
                {
                    "functionCall": {"id": "call_1", "name": "get_weather", "args": {"city": "Paris"}},
                    "thoughtSignature": "sig-1",
                },
                {"functionCall": {"id": "call_2", "name": "get_weather", "args": {"city": "Rome"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "call_1", "name": "get_weather", "response": {"output": "sunny"}}},
                {"functionResponse": {"id": "call_2", "name": "get_weather", "response": {"error": "no such city"}}},
                {"text": "Well?"},
            ],
        },
    ]


def test_a_tool_may_give_an_image_where_the_api_takes_it() -> None:
    talk = (Message("assistant", (PARIS,)), Message("tool", (ToolResult("call_1", (TextPart("a map"), DATA)),)))

    assert body(Anthropic(), *talk)["messages"][1]["content"][0]["content"] == [
        {"type": "text", "text": "a map"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ]
    assert body(Google(), *talk)["contents"][1]["parts"][0]["functionResponse"] == {
        "id": "call_1",
        "name": "get_weather",
        "response": {"output": "a map"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
    }


@pytest.mark.parametrize(
    ("dialect", "messages", "wrong"),
    [
        (OpenAI(), [Message("tool", (ToolResult("c", (DATA,)),))], "an image in a tool's result: the Chat Completions"),
        (OpenAI(), [Message("assistant", (DATA,))], "an image in a message of the assistant"),
        (Anthropic(), [Message("assistant", (DATA,))], "an image in a message of the assistant"),
        (Google(), [Message("tool", (ToolResult("c", "x"),))], "result for 'c', which no message before it calls"),
        *[
            (dialect, [message], wrong)
            for dialect in (OpenAI(), Anthropic(), Google(), Sim())
            for message, wrong in [
                (Message("system", (DATA,)), "an image in the system message"),
                (Message("user", (PARIS,)), "a tool call in a message of role user: only the assistant"),
                (Message("assistant", (ToolResult("c", "x"),)), "a tool result in a message of role assistant"),
                (Message("tool", "sunny"), "a message of role tool with more than tool results"),
            ]
        ],
    ],
)
def test_what_an_api_has_no_place_for_is_refused(dialect: Dialect, messages: list[Message], wrong: str) -> None:
    with pytest.raises(ProviderError, match=wrong) as caught:
        body(dialect, *messages)

    assert (caught.value.kind, caught.value.retryable, caught.value.may_be_billed) == ("unsupported", False, False)


OPENAI_CALL = {
    "choices": [
        {
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                        "extra_content": {"google": {"thought_signature": "sig-1"}},
                    },
                    {"id": "call_3", "type": "custom", "custom": {"name": "run", "input": "print(1)"}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ]
}
ANTHROPIC_CALL = {
    "content": [
        {"type": "text", "text": "I shall look."},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather"}},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
    ],
    "stop_reason": "tool_use",
}
GOOGLE_CALL = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "hm", "thought": True},
                    {
                        "functionCall": {"name": "get_weather", "args": {"city": "Paris"}},
                        "thoughtSignature": "sig-1",
                    },
                    {"functionCall": {"id": "xyz", "name": "now"}},
                ]
            },
            "finishReason": "STOP",
        }
    ]
}


@pytest.mark.parametrize(
    ("dialect", "document", "text", "calls"),
    [
        (OpenAI(), OPENAI_CALL, "", [PARIS, ToolCall("call_3", "run", "print(1)")]),
        (Anthropic(), ANTHROPIC_CALL, "I shall look.", [ToolCall("toolu_1", "get_weather", {"city": "Paris"})]),
        (
            Google(),
            GOOGLE_CALL,
            "",
            [ToolCall("unnamed-1", "get_weather", {"city": "Paris"}, "sig-1"), ToolCall("xyz", "now", {})],
        ),
    ],
)
def test_tool_calls_are_read(dialect: Dialect, document: dict[str, Any], text: str, calls: list[ToolCall]) -> None:
    reading = dialect.read(document)

    assert (reading.text, list(reading.tool_calls)) == (text, calls)


def test_a_call_that_google_gave_no_id_goes_back_without_one() -> None:
    called = Response("", tool_calls=Google().read(GOOGLE_CALL).tool_calls)
    results = Message("tool", tuple(ToolResult(call.id, "12") for call in called.tool_calls))
    contents = body(Google(), called.message, results)["contents"]

    assert contents[0]["parts"] == [
        {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "sig-1"},
        {"functionCall": {"id": "xyz", "name": "now", "args": {}}},
    ]
    assert [part["functionResponse"] for part in contents[1]["parts"]] == [
        {"name": "get_weather", "response": {"output": "12"}},
        {"id": "xyz", "name": "now", "response": {"output": "12"}},
    ]


@pytest.mark.parametrize(
    ("entries", "calls"),
    [
        ([{"id": "1"}], []),
        (["x", None, {"function": {"name": 4}}], []),
        ([{"function": {"name": "f", "arguments": {"a": 1}}}], [ToolCall("unnamed-1", "f", {"a": 1})]),
        ([{"id": "1", "function": {"name": "f", "arguments": ""}}], [ToolCall("1", "f", {})]),
        ([{"id": "1", "function": {"name": "f", "arguments": " null"}}], [ToolCall("1", "f", {})]),
        ([{"id": "1", "function": {"name": "f", "arguments": None}}], [ToolCall("1", "f", {})]),
        ([{"id": "1", "function": {"name": "f", "arguments": '{"a": '}}], [ToolCall("1", "f", '{"a": ')]),
        ([{"id": "1", "function": {"name": "f", "arguments": "[1]"}}], [ToolCall("1", "f", "[1]")]),
    ],
)
def test_calls_that_are_none_are_left_out_and_arguments_that_are_none_stay_text(
    entries: list[object], calls: list[ToolCall]
) -> None:
    message = {"content": None, "tool_calls": entries}

    assert list(OpenAI().read({"choices": [{"message": message}]}).tool_calls) == calls


def test_the_older_function_call_is_one() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": '{"a": 1}'}}
    reading = OpenAI().read({"choices": [{"message": message, "finish_reason": "function_call"}]})

    assert reading.tool_calls == (ToolCall("unnamed-1", "f", {"a": 1}),)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": 123456789012345678901234567890}',
        '{"a": 1e999}',
        '{"a": NaN}',
        '{"a":' * 60 + "1" + "}" * 60,
        '{"a":' * 100_000,
        "1" * 10_000,
    ],
)
def test_arguments_that_no_two_readers_agree_on_stay_text(arguments: str) -> None:
    assert sound_call(ToolCall("1", "f", arguments), str).arguments == arguments


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
WORDS = ["choices", "message", "content", "parts", "candidates", "tool_calls", "function", "functionCall", "custom"]
WORDS += ["name", "arguments", "args", "input", "id", "type"]
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.sampled_from(["tool_use", "f", "{}", "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
)


@given(st.dictionaries(st.text(), JSON) | st.text())
def test_a_sound_call_can_be_written_as_json(arguments: dict[str, Any] | str) -> None:
    call = sound_call(ToolCall("1", "f", arguments), lambda text: text.encode("utf-8", "replace").decode())

    assert json.loads(json.dumps({"a": call.arguments}, allow_nan=False)) == {"a": call.arguments}
    assert sound_call(call, str) == call


@pytest.mark.parametrize("dialect", [OpenAI(), Anthropic(), Google()])
@settings(max_examples=60)
@given(calls=st.lists(DOCUMENTS, max_size=3))
def test_calls_of_any_shape_are_read_or_left_out(dialect: Dialect, calls: list[Any]) -> None:
    parts = [{"type": "tool_use", "functionCall": call} | (call if isinstance(call, dict) else {}) for call in calls]
    document = {
        "choices": [{"message": {"content": "a", "tool_calls": calls}}],
        "content": parts,
        "candidates": [{"content": {"parts": parts}}],
    }

    for call in dialect.read(document).tool_calls:
        assert call.name
        assert json.dumps(call.arguments, ensure_ascii=False).encode()


KEY = "sk-123456789"
SERVED = {"openai": OPENAI_CALL, "anthropic": ANTHROPIC_CALL, "google": GOOGLE_CALL}


@pytest.mark.parametrize("provider", SERVED)
def test_a_tool_is_called_and_its_result_sent_over_http(
    provider: str, canned: CannedServer, http_text: HttpText
) -> None:
    final = {
        "choices": [{"message": {"content": "Sunny."}}],
        "content": [{"type": "text", "text": "Sunny."}],
        "candidates": [{"content": {"parts": [{"text": "Sunny."}]}}],
    }

    async def exchange() -> tuple[Response, Response, list[bytes]]:
        replies = [http_text(200, json.dumps(document).encode()) for document in (SERVED[provider], final)]
        async with canned(*replies) as server:
            pool, model = HttpPool(), Model("m", provider, "the-model", server.url.removesuffix("/v1"))
            client = create(model, pool)
            asked = (Message("user", (TextPart("Is it sunny here?"), DATA)),)
            called = await client.complete(Request(model, asked))
            results = tuple(ToolResult(call.id, "sunny") for call in called.tool_calls)
            answered = await client.complete(Request(model, (*asked, called.message, Message("tool", results))))
            await pool.aclose()
            return called, answered, server.requests

    called, answered, requests = asyncio.run(exchange())

    assert called.tool_calls[0].arguments == {"city": "Paris"}
    assert (answered.text, answered.tool_calls) == ("Sunny.", ())
    assert b'"city' in requests[1]
    assert b"sunny" in requests[1].partition(b"Paris")[2]
    assert DATA.data.encode() in requests[0]


@pytest.mark.parametrize("key", [KEY, 's"k-123456789', "s\\k-12345\\"])
def test_a_key_is_hidden_in_a_call_however_it_is_written(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("PARTS_KEY", key)
    within = json.dumps(key)
    written = '{"a": "\\u0073' + within[2:] + f', "b": [{within}], {within}: 1, "c": {json.dumps(within)}' + "}"
    call = {"id": key, "function": {"name": key, "arguments": written}}
    document = {
        "choices": [{"message": {"content": None, "tool_calls": [call, call | {"function": {"name": "\ud800"}}]}}]
    }

    async def exchange() -> Response:
        async with canned(http_text(200, json.dumps(document).encode())) as server:
            pool, model = HttpPool(), Model("m", "openai", "the-model", server.url, "PARTS_KEY")
            answered = await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
            await pool.aclose()
            return answered

    first, second = asyncio.run(exchange()).tool_calls
    assert first == ToolCall("***", "***", {"a": "***", "b": ["***"], "***": 1, "c": '"***"'})
    assert second.name == "?"


def test_a_simulated_model_reads_the_texts_of_parts(sim: SimServer) -> None:
    def answer(*parts: Part) -> Response:
        async def exchange() -> Response:
            pool, model = HttpPool(), Model("sim/steady", "sim", "steady", sim.url)
            response = await create(model, pool).complete(
                Request(model, (Message("user", parts),), {"sim": {"latency": 0}})
            )
            await pool.aclose()
            return response

        return asyncio.run(exchange())

    large = ImagePart("image/png", "A" * 400_000)
    assert answer(TextPart("What is 2 "), TextPart("+ 2?")).text == "4"
    assert answer(TextPart("What is 2 + 2?"), large).text == "4"
    assert (answer(large).usage.input_tokens or 0) < 100
