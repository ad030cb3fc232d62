"""What the events of a stream add up to is what the same API sends without streaming."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Model, ToolCall, Usage
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.dialect import Reading, UnreadableError
from pytest_benchmodels.providers.event_stream import StreamForm
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.openai import OpenAI

if TYPE_CHECKING:
    from pytest_benchmodels.providers.dialect import Dialect


def read(dialect: Dialect, form: StreamForm, said: Sequence[Mapping[str, Any]]) -> Reading:
    fold = form.fold()
    for event in said:
        fold.take(json.dumps(event).encode())
    assert fold.is_whole
    return dialect.read(fold.document())


def openai(deltas: Sequence[Mapping[str, Any]], reason: str = "stop", **last: object) -> Reading:
    chunks = [{"model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return read(OpenAI(), OpenAI.stream, [*chunks, end, {"model": "m", "choices": [], **last}])


def opening(index: int, id_: str, name: str) -> dict[str, object]:
    return {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": ""}}


def test_openai_calls_of_two_tools_at_once() -> None:
    """As the API reference has it: id and name first, then the arguments in fragments, each with its number."""
    reading = openai(
        [
            {"role": "assistant", "content": None},
            {
                "tool_calls": [
                    {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}
                ]
            },
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
            {
                "tool_calls": [
                    {"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": ""}}
                ]
            },
            {"tool_calls": [{"index": 0, "function": {"arguments": ' "Paris"}'}}]},
            {"tool_calls": [{"index": 1, "id": "", "function": {"name": "", "arguments": "{}"}}]},
        ],
        "tool_calls",
        usage={"prompt_tokens": 9, "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 4}},
    )

    assert reading.tool_calls == (ToolCall("call_a", "f", {"city": "Paris"}), ToolCall("call_b", "g", {}))
    assert (reading.text, reading.finish_reason) == ("", "tool_calls")
    assert reading.usage == Usage(9, 20, reasoning_tokens=4)


@pytest.mark.parametrize(
    ("deltas", "thinking"),
    [
        ([{"reasoning_content": "2 "}, {"reasoning_content": "and 2"}, {"content": "4"}], "2 and 2"),
        ([{"reasoning": "2 "}, {"reasoning": "and 2"}, {"content": "4"}], "2 and 2"),
        (
            [
                {"reasoning_details": [{"type": "reasoning.text", "text": "2 ", "index": 0}]},
                {"reasoning_details": [{"type": "reasoning.text", "text": "and 2", "index": 0}]},
                {"reasoning_details": [{"type": "reasoning.text", "text": "again", "index": 1}]},
                {"content": "4"},
            ],
            "2 and 2\n\nagain",
        ),
        (
            [  # Mistral's: parts while it thinks, then a text
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "2 "}]}]},
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "and 2"}]}]},
                {"content": "4"},
            ],
            "2 and 2",
        ),
    ],
)
def test_openai_thinking_in_fragments(deltas: list[dict[str, object]], thinking: str) -> None:
    reading = openai(deltas)

    assert (reading.text, reading.thinking) == ("4", thinking)


def test_openai_refusals_and_an_error_of_the_choice() -> None:
    assert openai([{"content": None, "refusal": "I "}, {"refusal": "cannot."}]).text == "I cannot."
    fold = OpenAI.stream.fold()
    fold.take(b'{"error": {"message": "upstream died", "code": 502}, "choices": []}')
    assert fold.is_over
    assert fold.document()["error"] == {"message": "upstream died", "code": 502}


# "Streaming Messages", Anthropic's documentation: thinking, a text, a tool; ping and what is yet to come in between.
MESSAGE: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {"id": "msg_1", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None}
        | {"usage": {"input_tokens": 25, "output_tokens": 1, "cache_read_input_tokens": 10}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Let "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "me see"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"city": "P'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": 'aris"}'}},
    {"type": "something_new", "index": 2},
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 30},
    },
    {"type": "message_stop"},
]


def test_anthropic_adds_up_to_a_message() -> None:
    reading = read(Anthropic(), Anthropic.stream, MESSAGE)

    assert (reading.text, reading.thinking, reading.finish_reason) == ("Hello", "Let me see", "tool_use")
    assert reading.tool_calls == (ToolCall("toolu_1", "get_weather", {"city": "Paris"}),)
    assert (reading.usage.output_tokens, reading.usage.cached_input_tokens) == (30, 10)
    assert reading.usage == Anthropic().read(whole_message()).usage


def whole_message() -> dict[str, Any]:
    counted = {"input_tokens": 25, "output_tokens": 30, "cache_read_input_tokens": 10}
    return {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "tool_use", "usage": counted}


def test_anthropic_a_tool_without_arguments_has_an_empty_fragment() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"model": "claude"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ]

    assert read(Anthropic(), Anthropic.stream, said).tool_calls == (ToolCall("toolu_1", "now", {}),)


def test_anthropic_has_begun_with_the_first_thought_and_is_over_with_its_last_event() -> None:
    fold = Anthropic.stream.fold()
    begun = []
    for event in MESSAGE:
        fold.take(json.dumps(event).encode())
        begun.append(fold.has_begun)
    assert begun.index(True) == 3
    assert fold.is_over


def test_anthropic_an_error_in_its_middle() -> None:
    fold = Anthropic.stream.fold()
    for event in (*MESSAGE[:5], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}):
        fold.take(json.dumps(event).encode())
    assert (fold.is_over, fold.is_whole) == (True, False)
    assert fold.document()["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_anthropic_a_fragment_without_its_text_cannot_be_read() -> None:
    with pytest.raises(UnreadableError, match="a text_delta of its stream has no text"):
        read(
            Anthropic(),
            Anthropic.stream,
            [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}],
        )


def test_google_adds_up_to_one_response() -> None:
    def parts(*said: dict[str, Any], **more: object) -> dict[str, Any]:
        return {"candidates": [{"content": {"parts": list(said), "role": "model"}, "index": 0, **more}]}

    reading = read(
        Google(),
        Google.stream,
        [
            parts({"text": "2 and", "thought": True}) | {"usageMetadata": {"promptTokenCount": 4}},
            parts({"text": " 2", "thought": True}),
            parts({"text": "It is "}),
            parts({"text": "4."}, {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "sig"}),
            parts({"text": ""}, finishReason="STOP")
            | {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 7, "thoughtsTokenCount": 2}},
        ],
    )

    assert (reading.text, reading.thinking, reading.finish_reason) == ("It is 4.", "2 and 2", "STOP")
    assert [(call.name, call.arguments, call.signature) for call in reading.tool_calls] == [("f", {"a": 1}, "sig")]
    assert (reading.usage.input_tokens, reading.usage.output_tokens, reading.usage.reasoning_tokens) == (4, 9, 2)


def test_google_a_prompt_that_was_blocked_is_whole() -> None:
    fold = Google.stream.fold()
    fold.take(b'{"promptFeedback": {"blockReason": "SAFETY"}}')
    assert fold.is_whole
    assert fold.document() == {"promptFeedback": {"blockReason": "SAFETY"}}


def test_google_has_an_address_of_its_own_for_streams() -> None:
    model = Model("g", "google", "gemini-x", "http://host/v1beta")

    assert Google.stream.url(Google().url(model)) == (
        "http://host/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    )


def pieces(text: str, cuts: list[int]) -> list[str]:
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def fragment(text: str) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


TEXTS = st.text(max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=5)


@given(text=TEXTS, thinking=TEXTS, cuts=CUTS)
def test_however_a_text_is_cut_it_is_the_same(text: str, thinking: str, cuts: list[int]) -> None:
    said, thought = pieces(text, cuts), pieces(thinking, cuts)
    chunks = [{"reasoning_content": piece} for piece in thought] + [{"content": piece} for piece in said]
    blocks: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in said
        ),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    candidates = [{"candidates": [{"content": {"parts": [{"text": piece}]}}]} for piece in said]

    assert openai([{"content": ""}, *chunks]).text == text
    assert openai([{"content": ""}, *chunks]).thinking == thinking
    assert read(Anthropic(), Anthropic.stream, blocks).text == text
    assert read(Google(), Google.stream, [*candidates, {"candidates": [{"finishReason": "STOP"}]}]).text == text


NAMES = (
    *("choices", "delta", "type", "index", "content", "tool_calls", "function", "message", "usage", "candidates"),
    *("parts", "text", "content_block", "arguments", "name", "error", "finish_reason", "thinking", "id"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "text_delta", "content_block_delta"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "form", [OpenAI.stream, Anthropic.stream, Google.stream], ids=["openai", "anthropic", "google"]
)
@given(said=st.lists(ANYTHING, max_size=4))
def test_whatever_a_server_says_it_is_read_or_refused(form: StreamForm, said: list[Any]) -> None:
    fold = form.fold()
    try:
        for event in said:
            fold.take(json.dumps(event).encode())
    except UnreadableError:
        return
    assert isinstance(fold.document(), Mapping)
