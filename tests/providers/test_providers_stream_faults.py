"""What servers do to streams: cut, encoded, mislabelled, failing in their middle; and bytes split anywhere."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Message, Model, ProviderError, Request, Response, Usage
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.anthropic import Anthropic
from pytest_benchmodels.providers.event_stream import StreamReader, grown, joined
from pytest_benchmodels.providers.google import Google
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import OpenAI, OpenAIFold
from pytest_benchmodels.providers.responses import Responses

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer


def ask(canned: CannedServer, reply: bytes, provider: str = "openai", **facts: Any) -> Response:
    async def exchange() -> Response:
        async with canned(reply) as server:
            pool, model = HttpPool(), replace(Model("m", provider, "m", server.url, stream=True), **facts)
            try:
                return await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
            finally:
                await pool.aclose()

    return asyncio.run(exchange())


def fault(canned: CannedServer, reply: bytes, provider: str = "openai") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(canned, reply, provider)
    return caught.value


def head(*lines: str, kind: str = "text/event-stream") -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {kind}", "Connection: close", *lines, "", ""]).encode()


def event(said: object) -> bytes:
    return b"data: " + (said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)).encode() + b"\n\n"


def chunk(text: str | None = None, reason: str | None = None, index: int = 0) -> dict[str, object]:
    delta = {} if text is None else {"content": text}
    return {"model": "g", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def candidate(text: str, reason: str | None = None, index: int = 0) -> dict[str, object]:
    told = {"index": index, "content": {"parts": [{"text": text}]}}
    return {"candidates": [told if reason is None else {**told, "finishReason": reason}]}


def named(*said: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each['type']}\n".encode() + event(each) for each in said)


WHOLE = event(chunk("Hé")) + event(chunk("llo", "stop")) + event("[DONE]")
DOCUMENT = json.dumps({"choices": [{"message": {"content": "Héllo"}, "finish_reason": "stop"}]}).encode()
WAIT = "Try again in 2s"
FAILED = json.dumps({"error": {"message": "too many at once", "code": 529}}).encode()


@pytest.mark.parametrize(
    "reply",
    [
        head() + WHOLE.replace(b"\n", b"\r"),
        head() + WHOLE.replace(b"\n", b"\r\n"),
        head() + WHOLE.replace(b"data: ", b"data:"),
        head() + b": here\n\nevent: nothing\n\ndata:\n\ndata: \n\n" + WHOLE,
        head() + WHOLE.removesuffix(event("[DONE]")),
        head() + WHOLE + event(chunk(" and what nobody asked for")),
        head(kind="text/plain") + WHOLE,
        head(kind="application/octet-stream") + WHOLE,
        head(kind="application/json") + WHOLE,
        head(kind="text/html") + b"\r\n" + WHOLE,
        head("Content-Encoding: gzip") + gzip.compress(WHOLE),
        head("Content-Encoding: gzip") + gzip.compress(b": here\n\n" * 100_000 + WHOLE),
        head() + event(chunk("Hé")) + event({"choices": None, "usage": None}) + event(chunk("llo", "stop")),
    ],
    ids=[
        "cr",
        "crlf",
        "no-space",
        "no-data",
        "not-done",
        "tail",
        "plain",
        "octets",
        "json",
        "html",
        "gzip",
        "much-gzip",
        "null",
    ],
)
def test_it_is_read(canned: CannedServer, reply: bytes) -> None:
    response = ask(canned, reply)

    assert (response.text, response.finish_reason, response.usage) == ("Héllo", "stop", Usage())
    assert response.ttft_s is not None


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
@pytest.mark.parametrize("body", [DOCUMENT, b"\xef\xbb\xbf\n" + DOCUMENT.replace(b"{", b"{\n\n", 1)])
def test_a_document_in_place_of_a_stream_is_read_whatever_it_is_called(
    canned: CannedServer, kind: str, body: bytes
) -> None:
    response = ask(canned, head(kind=kind) + body)

    assert (response.text, response.ttft_s) == ("Héllo", None)
    assert fault(canned, head(kind=kind) + FAILED).kind == "overloaded"


def test_text_that_was_cut_within_a_pair_of_surrogates_is_whole_again(canned: CannedServer) -> None:
    halves = [r'{"choices":[{"delta":{"content":"\ud83d"}}]}', r'{"choices":[{"delta":{"content":"\ude00"}}]}']

    assert ask(canned, head() + b"".join(map(event, [*halves, chunk("!", "stop")]))).text == "\N{GRINNING FACE}!"


@pytest.mark.parametrize(
    ("provider", "stream", "kind", "status", "wait_s"),
    [
        ("openai", event({"error": {"message": "retry in 6.2s", "code": "rate_limit_error"}}), "rate-limit", 429, 6.2),
        ("openai", event({"error": {"code": 502, "message": "gone"}, "choices": [chunk()]}), "http", 502, None),
        ("openai", b"event: error\n" + event({"message": "boom", "code": 500}), "http", 500, None),
        ("openai", event({"object": "error", "message": "boom", "code": 500}), "http", 500, None),
        ("openai", b'error: {"code": 503, "message": "loading"}\n\n', "overloaded", 503, None),
        ("openai", event({"error": "boom"}), "malformed", 200, None),
        ("anthropic", named({"type": "error", "error": {"type": "overloaded_error"}}), "overloaded", 529, None),
        ("openai-responses", named({"type": "error", "code": "server_error", "message": "x"}), "http", 500, None),
        (
            "openai-responses",
            named({"type": "response.failed", "response": {"error": {"code": "rate_limit_error", "message": WAIT}}}),
            "rate-limit",
            429,
            2.0,
        ),
        ("google", event({"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}), "overloaded", 503, None),
        (
            "google",
            event({"error": {"code": 429, "message": "x", "details": [{"@type": "RetryInfo", "retryDelay": "7s"}]}}),
            "rate-limit",
            429,
            7.0,
        ),
    ],
)  # fmt: skip
def test_an_error_in_its_middle_is_each_apis_own_and_is_tried_again(  # noqa: PLR0913, PLR0917 - a case's columns
    canned: CannedServer, provider: str, stream: bytes, kind: str, status: int, wait_s: float | None
) -> None:
    begun = {
        "openai": event(chunk("Hé")),
        "anthropic": named({"type": "message_start", "message": {"content": []}}),
        "openai-responses": named({"type": "response.output_text.delta", "delta": "Hé"}),
        "google": event({"candidates": [{"content": {"parts": [{"text": "Hé"}]}}]}),
    }[provider]

    error = fault(canned, head() + begun + stream, provider)

    assert (error.kind, error.status, error.retryable, error.retry_after_s) == (kind, status, True, wait_s)


OVERLOADED = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
STARTED = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 10, "output_tokens": 1}}}
SAID = {"type": "response.output_text.delta", "delta": "Hé"}


def failed(code: str) -> dict[str, object]:
    told = {"status": "failed", "output": [], "error": {"code": code, "message": "x"}}
    return {"type": "response.failed", "response": told}


@pytest.mark.parametrize(
    ("provider", "stream", "usage", "billed"),
    [
        ("openai", event(OVERLOADED), None, False),
        ("openai", event(chunk("Hé")) + event(OVERLOADED), Usage(), True),
        ("openai", event({**chunk("Hé"), "usage": {"prompt_tokens": 9, "completion_tokens": 1}}), Usage(9), True),
        (
            "openai",
            event(chunk("Hé", "error") | {"usage": {"prompt_tokens": 9, "completion_tokens": 3}}),
            Usage(9, 3),
            True,
        ),
        ("anthropic", named({"type": "error", **OVERLOADED}), None, False),
        ("anthropic", named(STARTED, {"type": "error", **OVERLOADED}), Usage(10), True),
        ("anthropic", named(STARTED), Usage(10), True),
        ("google", event({"error": {"code": 503, "message": "x"}}), None, False),
        ("google", event(candidate("Hé")) + event({"error": {"code": 503, "message": "x"}}), Usage(), True),
        ("openai-responses", named({"type": "error", "code": "server_error", "message": "x"}), None, False),
        ("openai-responses", named(SAID, {"type": "error", "code": "server_error", "message": "x"}), Usage(), True),
        ("openai-responses", named(failed("rate_limit_exceeded")), None, False),
        ("openai-responses", named(failed("server_error")), Usage(), True),
    ],
)
def test_what_was_made_before_a_stream_broke_off_is_not_free(
    canned: CannedServer, provider: str, stream: bytes, usage: Usage | None, *, billed: bool
) -> None:
    """Tokens were made as soon as a part of the answer came. What was counted until then is not all of them."""
    error = fault(canned, head() + stream, provider)

    assert (error.usage, error.may_be_billed) == (usage, billed)


@pytest.mark.parametrize(("choices", "billed"), [([], False), ([{"message": {"content": "Hé"}}], True)])
def test_an_error_beside_a_part_of_an_answer_is_not_free(
    canned: CannedServer, choices: list[object], *, billed: bool
) -> None:
    body = json.dumps({"error": {"code": 502, "message": "upstream died"}, "choices": choices}).encode()

    error = fault(canned, head(kind="application/json") + body)

    assert (error.kind, error.may_be_billed) == ("http", billed)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (head() + event(chunk("H")) + event(chunk("é"))[:-12], "an event of its stream cannot be read"),
        (head() + event(chunk("H")) + b'data: {"choices": [{"delta": {"content": "\xc3', "cannot be read"),
        (head() + event("Internal Server Error"), "an event of its stream cannot be read"),
        (head("Content-Encoding: gzip") + gzip.compress(WHOLE[:-20])[:-8] + bytes(8), "it is no gzip"),
        (head("Content-Encoding: gzip") + gzip.compress(WHOLE)[:-40], "an event of its stream cannot be read"),
        (head(kind="text/html") + b"<!doctype html><title>Sign in</title>", "it is an HTML page (Sign in)"),
        (head(kind="text/plain") + b"<html><title>Sign in</title>", "it is an HTML page (Sign in)"),
        (head(kind="text/plain") + b"upstream timed out", "it is no JSON"),
    ],
    ids=["cut", "within-a-letter", "words", "no-gzip", "cut-gzip", "page", "plain-page", "plain-words"],
)
def test_what_cannot_be_read_is_told_and_tried_again(
    canned: CannedServer, caplog: pytest.LogCaptureFixture, reply: bytes, said: str
) -> None:
    error = fault(canned, reply)

    assert (error.kind, error.retryable) == ("malformed", True)
    assert said in error.message
    assert not caplog.records, "asyncio logs what is raised where bytes arrive"


def test_a_document_in_place_of_a_stream_has_the_same_limit() -> None:
    reader = StreamReader(OpenAIFold())
    reader.begin(10)

    assert [reader.take(piece, 1.0) for piece in (b" ", b'{"a":', b'"bcde"')] == [False, False, True]
    assert reader.is_too_large


def test_a_stream_in_another_form_says_so(canned: CannedServer) -> None:
    error = fault(canned, head(kind="application/x-ndjson") + b'{"response": "H"}\n{"response": "i", "done": true}\n')

    assert (error.kind, error.retryable) == ("malformed", False)
    assert "it streams, but no server-sent events; it begins with" in error.message


@pytest.mark.parametrize("event_bytes", [300, 100_000])
def test_the_limit_is_about_what_is_said_not_about_how_often(event_bytes: int) -> None:
    """A long answer of small events is 40 times its text; 64 bytes of each such event count."""
    reader = StreamReader(OpenAIFold())
    reader.begin(1_000_000)
    one = event({**chunk("a"), "filler": ""})
    filled = event({**chunk("a"), "filler": "x" * (event_bytes - len(one))})

    count = next(count for count in range(100_000) if reader.take(filled, float(count)))

    assert reader.is_too_large
    assert count == (1_000_000 // 64 if event_bytes == 300 else 1_000_000 // (100_000 - 448))


def test_an_event_in_many_pieces_is_looked_at_once() -> None:
    """Pieces are kept apart until the event ends: no byte is copied for each of the pieces that follow it."""
    reader = StreamReader(OpenAIFold())
    reader.begin(10_000_000)
    whole = event(chunk("a" * 3_000_000, "stop"))

    for start in range(0, len(whole), 100):
        reader.take(whole[start : start + 100], 1.0)

    assert OpenAI().read(reader.fold.document()).text == "a" * 3_000_000


@pytest.mark.parametrize(("dialect", "said"), [(OpenAI(), chunk), (Google(), candidate)], ids=["openai", "google"])
def test_of_several_answers_the_first_counts(
    dialect: OpenAI | Google, said: Callable[[str, str | None, int], dict[str, object]]
) -> None:
    fold = dialect.stream.fold()
    for each in (
        said("a", None, 0),
        said("B", None, 1),
        said("b", None, 0),
        said("C", "length", 1),
        said("", "stop", 0),
    ):
        fold.take(json.dumps(each).encode())

    reading = dialect.read(fold.document())

    assert (reading.text, reading.finish_reason) == ("ab", "stop")


STREAMS: dict[str, tuple[type[OpenAI | Anthropic | Responses | Google], bytes]] = {
    "openai": (OpenAI, b": here\n\n" + WHOLE),
    "anthropic": (
        Anthropic,
        named(
            {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hé"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "llo"}},
            {"type": "message_delta", "delta": {"stop_reason": "stop"}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
        ),
    ),
    "responses": (
        Responses,
        named(
            {"type": "response.output_text.delta", "delta": "Hé"},
            {
                "type": "response.completed",
                "response": {
                    "status": "completed",
                    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Héllo"}]}],
                },
            },
        ),
    ),
    "google": (
        Google,
        event({"candidates": [{"content": {"parts": [{"text": "Hé"}]}}]})
        + event({"candidates": [{"content": {"parts": [{"text": "llo"}]}, "finishReason": "STOP"}]}),
    ),
}


@pytest.mark.parametrize("name", STREAMS)
@given(
    ending=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 900), max_size=12),
    whole=st.booleans(),
)
def test_an_answer_does_not_depend_on_how_its_bytes_are_split(
    name: str,
    ending: bytes,
    cuts: list[int],
    whole: bool,  # noqa: FBT001 - Hypothesis draws it
) -> None:
    dialect, stream = STREAMS[name]
    stream = stream.replace(b"\n", ending)
    stream = stream if whole else stream[: len(stream) * 2 // 3]

    def answer(ends: list[int]) -> tuple[Mapping[str, object], bool, bool, float | None, str]:
        reader = StreamReader(dialect.stream.fold())
        reader.begin(1_000_000)
        for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
            reader.take(stream[start:end], 1.0)
        reader.close(1.0)
        fold = reader.fold
        return fold.document(), fold.is_whole, fold.has_begun, reader.first_token, str(reader.fault)

    assert answer(sorted(min(cut, len(stream)) for cut in cuts)) == answer([])
    if whole:
        assert dialect().read(answer([])[0]).text == "Héllo"


@pytest.mark.parametrize(
    ("dialect", "piece", "end"),
    [
        (OpenAI(), {"choices": [{"delta": {"reasoning_content": "ab"}}]}, chunk("!", "stop")),
        (OpenAI(), {"choices": [{"delta": {"reasoning": "ab"}}]}, chunk("!", "stop")),
        (
            OpenAI(),
            {"choices": [{"delta": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "ab"}]}]}}]},
            chunk("!", "stop"),
        ),
        (Google(), {"candidates": [{"content": {"parts": [{"text": "ab", "thought": True}]}}]}, candidate("!", "STOP")),
    ],
    ids=["reasoning_content", "reasoning", "mistral", "google"],
)
def test_thinking_in_many_pieces_is_put_together(
    dialect: OpenAI | Google, piece: dict[str, object], end: dict[str, object]
) -> None:
    fold, data = dialect.stream.fold(), json.dumps(piece).encode()
    for _ in range(2_000):
        fold.take(data)
    fold.take(json.dumps(end).encode())

    reading = dialect.read(fold.document())

    assert (reading.text, reading.thinking) == ("!", "ab" * 2_000)


def test_arguments_of_a_tool_in_many_pieces_are_put_together() -> None:
    fold = OpenAI.stream.fold()
    for part in ('{"a": "', *["x"] * 2_000, '"}'):
        call = {"index": 0, "id": "c", "function": {"name": "f" if part.startswith("{") else None, "arguments": part}}
        fold.take(json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode())
    fold.take(json.dumps(chunk(None, "tool_calls")).encode())

    (call_,) = OpenAI().read(fold.document()).tool_calls

    assert call_.arguments == {"a": "x" * 2_000}


@pytest.mark.parametrize(
    "fragment",
    [
        lambda named, part: {"function_call": {**named, "arguments": part}},
        lambda named, part: {"tool_calls": [{"index": 0, "custom": {**named, "input": part}}]},
    ],
    ids=["before-tool-calls", "custom"],
)
def test_calls_in_other_forms_grow_as_well(fragment: Callable[[dict[str, str], str], dict[str, object]]) -> None:
    """A call in the form that was before `tool_calls`, and one of a custom tool."""
    fold = OpenAI.stream.fold()
    for named, part in (({"name": "f"}, '{"a": "'), ({}, "x"), ({}, "y"), ({}, '"}')):
        fold.take(json.dumps({"choices": [{"delta": fragment(named, part)}]}).encode())
    fold.take(json.dumps(chunk(None, "tool_calls")).encode())

    (call_,) = OpenAI().read(fold.document()).tool_calls

    assert (call_.name, call_.arguments) == ("f", {"a": "xy"})


def test_a_choice_without_its_number_is_the_first() -> None:
    fold = OpenAI.stream.fold()
    for index, text in ((None, "a"), (0, "b"), (None, "c"), (0, "d"), (1, "X")):
        fold.take(json.dumps({"model": "g", "choices": [{"index": index, "delta": {"content": text}}]}).encode())
    fold.take(json.dumps({"choices": [{"index": None, "delta": {}, "finish_reason": "stop"}]}).encode())

    assert OpenAI().read(fold.document()).text == "abcd"


def test_a_text_that_grows_is_not_copied_with_each_piece() -> None:
    before = grown("a", "b")

    assert grown(before, "c") is before
    assert joined({"text": before, "list": [{"inner": before}]}) == {"text": "abc", "list": [{"inner": "abc"}]}


def test_a_field_that_changes_its_kind_keeps_what_came_last() -> None:
    fold = OpenAI.stream.fold()
    for value in ("hm", [{"type": "text", "text": "x"}], "hm", {"odd": 1}, ["y"]):
        fold.take(json.dumps({"choices": [{"delta": {"reasoning_details": value}}]}).encode())

    assert fold.document()["choices"][0]["message"]["reasoning_details"] == ["y"]  # type: ignore[index] # its shape


@given(
    deltas=st.lists(
        st.sampled_from(
            [
                {"content": "a"},
                {"content": "b", "role": "assistant", "reasoning_content": None},
                {"content": ""},
                {"content": None, "reasoning_content": "t"},
                {"content": "c", "reasoning_content": "u"},
                {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]},
                {},
            ]
        ),
        max_size=12,
    )
)
def test_events_of_a_text_alone_and_others_add_up_in_any_order(deltas: list[dict[str, Any]]) -> None:
    fold = OpenAI.stream.fold()
    for delta in deltas:
        fold.take(json.dumps({"model": "g", "choices": [{"index": 0, "delta": delta}]}).encode())
    fold.take(
        json.dumps(
            {"model": "g", "choices": [{"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"}]}
        ).encode()
    )

    message = fold.document()["choices"][0]["message"]  # type: ignore[index] # its shape

    assert message["content"] == "".join(delta.get("content") or "" for delta in deltas) + "!"
    assert message.get("reasoning_content", "") == "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert ("tool_calls" in message) == any("tool_calls" in delta for delta in deltas)
    assert fold.is_whole
