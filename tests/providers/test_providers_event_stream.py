"""Streams of events: cut anywhere, broken off, stalled, and what of them is told."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Message, Model, ProviderError, Request, Response, Usage
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.event_stream import EventParser, StalledError, StreamReader, StreamWatch
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import OpenAIFold

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer

KEY_ENV, KEY = "BENCHMODELS_STREAM_KEY", "sk-stream-123456"


def events(data: bytes, cuts: Iterable[int] = ()) -> list[bytes]:
    parser, start = EventParser(), 0
    found: list[bytes] = []
    for cut in (*sorted(cuts), len(data)):
        found += parser.feed(data[start:cut])
        start = max(start, cut)
    return found + parser.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"event: ping\ndata: {}\n\n", [b"{}"]),
        (b"data: a\ndata:b\ndata\n\n", [b"a\nb\n"]),
        (b": OPENROUTER PROCESSING\n\ndata: a\nid: 7\nretry: 1\n\n", [b"a"]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"event: nothing\n\n\n\ndata: a", [b"a"]),
        (b"", []),
    ],
)
def test_events_are_cut_as_the_standard_has_it(text: bytes, expected: list[bytes]) -> None:
    for ending in (b"\n", b"\r\n", b"\r"):
        assert events(text.replace(b"\n", ending)) == expected


LINES = st.lists(
    st.sampled_from([b"data: x", b"data:", b"event: e", b": c", b"", b"id: 1", b"data: \xc3\xa9", b"other"]),
    max_size=12,
)


@given(lines=LINES, ending=st.sampled_from([b"\n", b"\r\n", b"\r"]), cuts=st.lists(st.integers(0, 80), max_size=6))
def test_events_do_not_depend_on_how_the_network_cuts(lines: list[bytes], ending: bytes, cuts: list[int]) -> None:
    text = b"".join(line + ending for line in lines)

    assert events(text, (min(cut, len(text)) for cut in cuts)) == events(text)


def chunk(delta: dict[str, object] | None = None, reason: str | None = None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return b"data: " + json.dumps({"model": "gpt-x", "choices": choices, **more}).encode() + b"\n\n"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BEGUN = chunk({"role": "assistant", "content": ""}) + chunk({"content": "Hel"})
ENDED = chunk({"content": "lo"}) + chunk({}, "stop") + chunk(usage={"prompt_tokens": 3, "completion_tokens": 2})
DONE = b"data: [DONE]\n\n"


def chunked(*parts: bytes, end: bool = True) -> bytes:
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if end else b"")


def a_model(url: str, **facts: Any) -> Model:
    return replace(Model("openai/m", "openai", "m", url, stream=True), **facts)


async def asked(url: str, pool: HttpPool, **facts: Any) -> Response:
    return await create(a_model(url, **facts), pool).complete(Request(a_model(url), (Message("user", "Hi"),)))


def ask(canned: CannedServer, *replies: bytes, **facts: Any) -> Response:
    async def exchange() -> Response:
        async with canned(*replies) as server:
            pool = HttpPool()
            try:
                return await asked(server.url, pool, **facts)
            finally:
                await pool.aclose()

    return asyncio.run(exchange())


def fault(canned: CannedServer, *replies: bytes, **facts: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(canned, *replies, **facts)
    return caught.value


@pytest.mark.parametrize(
    "reply",
    [
        chunked(BEGUN, ENDED, DONE),
        chunked(BEGUN, ENDED),  # without the last event, as some servers have it
        HEAD + b"Connection: close\r\n\r\n" + BEGUN + ENDED + DONE,
        HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(BEGUN + ENDED + DONE),
        chunked(b": keep-alive\n\n", BEGUN + ENDED + DONE),
        chunked(*(bytes([byte]) for byte in BEGUN + ENDED + DONE)),
    ],
    ids=["whole", "not-done", "closed", "gzip", "comment", "bytewise"],
)
def test_a_streamed_answer(canned: CannedServer, reply: bytes) -> None:
    response = ask(canned, reply)

    assert (response.text, response.finish_reason, response.served_model) == ("Hello", "stop", "gpt-x")
    assert response.usage == Usage(3, 2)
    assert response.ttft_s is not None
    assert 0 < response.ttft_s <= response.latency_s


def test_a_stream_that_is_over_needs_no_end_of_its_body(canned: CannedServer) -> None:
    async def exchange() -> int:
        async with canned(chunked(BEGUN, ENDED, DONE, end=False), chunked(BEGUN, ENDED, DONE)) as server:
            pool = HttpPool()
            for _ in range(2):
                assert (await asked(server.url, pool)).text == "Hello"
            await pool.aclose()
            return server.connections

    assert asyncio.run(exchange()) == 2, (
        "what may still come on the first connection is no answer to the second question"
    )


_PARAMS: tuple[dict[str, object], ...] = ({}, {"stream_options": {}})


def test_what_is_asked_for(canned: CannedServer) -> None:
    async def exchange() -> list[bytes]:
        async with canned(*[chunked(BEGUN, ENDED, DONE)] * 2) as server:
            pool, model = HttpPool(), a_model(server.url)
            for params in _PARAMS:
                await create(model, pool).complete(Request(model, (Message("user", "Hi"),), params))
            await pool.aclose()
            return server.requests

    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in asyncio.run(exchange())]
    assert bodies[0]["stream"] is True
    assert bodies[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in bodies[1], "for servers that refuse it"


def test_a_server_that_does_not_stream_is_read_all_the_same(canned: CannedServer) -> None:
    body = json.dumps({"choices": [{"message": {"content": "Hello"}}], "usage": {"completion_tokens": 2}}).encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    response = ask(canned, reply)

    assert (response.text, response.ttft_s, response.generated) == ("Hello", None, None)


def test_the_first_token_is_what_says_something() -> None:
    reader = StreamReader(OpenAIFold())
    reader.begin(10_000)

    reader.take(chunk({"role": "assistant", "content": ""}), 1.0)
    reader.take(BEGUN[-20:], 1.5)
    before = reader.first_token
    reader.take(chunk({"reasoning_content": "Hm"}), 2.0)
    reader.take(chunk({"content": "Hello"}), 3.0)
    assert (before, reader.first_token, reader.last_event) == (None, 2.0, 3.0)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (chunked(BEGUN), "malformed", "its stream ended before the answer did"),
        (chunked(), "malformed", "its stream ended before the answer did"),
        (chunked(BEGUN, end=False), "malformed", "broke off"),
        (chunked(BEGUN, b"data: {\n\n"), "malformed", "an event of its stream cannot be read"),
        (chunked(BEGUN, b'data: {"choices": 7}\n\n'), "malformed", "an event of its stream cannot be read"),
        (
            chunked(BEGUN, b'data: {"error": {"message": "overloaded", "code": 529}}\n\n'),
            "overloaded",
            "an error in place of an answer",
        ),
        (HEAD + b"Content-Encoding: br\r\nConnection: close\r\n\r\n" + BEGUN, "malformed", "Content-Encoding"),
        (HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + BEGUN, "malformed", "it is no gzip"),
    ],
    ids=["short", "empty", "cut", "no-json", "no-chunk", "error", "unknown-encoding", "no-gzip"],
)
def test_a_stream_that_is_cut_short_is_tried_again_as_a_whole(
    canned: CannedServer, reply: bytes, kind: str, said: str
) -> None:
    cut = reply if b"Connection: close" in reply or reply.endswith(b"0\r\n\r\n") else reply + b"Connection: close"
    error = fault(canned, cut)

    assert (error.kind, error.retryable) == (kind, True)
    assert said in error.message


def test_what_was_counted_of_a_broken_stream_is_billed_as_a_part(canned: CannedServer) -> None:
    error = fault(canned, chunked(BEGUN, chunk(usage={"prompt_tokens": 3, "completion_tokens": 1})))

    assert error.usage == Usage(3)


WHOLE = BEGUN + chunk({"content": "lo"}, "stop")
COUNTED = chunk(usage={"prompt_tokens": 3, "completion_tokens": 2})


def cut_off(*parts: bytes) -> bytes:
    """The server closes without the body's end."""
    return chunked(*parts, end=False).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


@pytest.mark.parametrize(
    ("reply", "usage"),
    [
        (chunked(WHOLE, end=False), Usage()),
        (chunked(WHOLE, COUNTED, end=False), Usage(3, 2)),
        (chunked(WHOLE, COUNTED, b": here\n\n", end=False), Usage(3, 2)),
        (cut_off(WHOLE), Usage()),
        (cut_off(WHOLE, COUNTED), Usage(3, 2)),
        (cut_off(WHOLE, COUNTED[:-20]), Usage()),
        (chunked(WHOLE, b"data: {\n\n"), Usage()),
    ],
    ids=["open", "counted", "comments", "cut", "counted-and-cut", "cut-within", "nonsense"],
)
def test_a_whole_answer_is_taken_whatever_follows_it(canned: CannedServer, reply: bytes, usage: Usage) -> None:
    """Its finish_reason came: to ask again would be to pay again."""
    response = ask(canned, reply, stall_timeout_s=0.1)

    assert (response.text, response.finish_reason, response.usage) == ("Hello", "stop", usage)
    assert 0 < (response.ttft_s or 0) <= response.latency_s


def test_a_finish_reason_that_says_nothing_ends_no_answer(canned: CannedServer) -> None:
    unfinished = chunked(chunk({"content": "Hel"}, ""), end=False)

    assert fault(canned, unfinished, stall_timeout_s=0.05).kind == "stalled"


class Timers:
    """Stands for an event loop that has one timer."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.callback: Callable[[], None] = self.cancel

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timers:
        self.delay_s, self.callback = delay_s, callback
        return self

    def cancel(self) -> None:
        """Nothing is due."""


@pytest.mark.parametrize(
    ("said", "stall_s", "for_s", "ends"),
    [
        (b"", None, 9.0, False),
        (BEGUN, None, 9.0, False),
        (BEGUN, 20.0, 9.0, False),
        (BEGUN, 5.0, 9.0, True),
        (WHOLE, None, 0.0, False),
        (WHOLE, None, 9.0, True),
        (WHOLE, 20.0, 9.0, True),
    ],
)
def test_a_stream_is_watched_until_its_last_word(
    said: bytes, stall_s: float | None, for_s: float, *, ends: bool
) -> None:
    """The answer may be whole at any moment, so that it is looked at once a second."""
    reader, timers, told = StreamReader(OpenAIFold(), stall_s), Timers(), list[Exception]()
    reader.begin(10_000)
    StreamWatch(reader, cast("Any", timers), told.append)

    reader.take(said, perf_counter() - for_s)
    timers.callback()

    assert [type(error) for error in told] == [StalledError] * ends
    assert 0 < timers.delay_s <= 1


def test_a_stream_that_stands_still_ends(canned: CannedServer) -> None:
    error = fault(canned, chunked(BEGUN, end=False), stall_timeout_s=0.05)

    assert (error.kind, error.retryable) == ("stalled", True)
    assert "no event came for 0.05 s (stall_timeout)" in error.message


def test_comments_keep_no_stream_alive_and_silence_before_the_first_event_does_not_stall() -> None:
    """Thinking takes time before the first event; after it a server that only says that it is there has stalled."""
    reader = StreamReader(OpenAIFold(), 0.05)
    reader.begin(10_000)

    reader.take(b": here\n\n", 1.0)
    before = reader.last_event
    reader.take(BEGUN, 2.0)
    reader.take(b": here\n\n", 3.0)
    assert (before, reader.first_token, reader.last_event) == (None, 2.0, 2.0)


def test_a_stream_that_is_too_large_is_not_read_on(canned: CannedServer) -> None:
    endless = chunk({"content": "x" * 100_000}) * 120

    error = fault(canned, chunked(endless, end=False))

    assert (error.kind, error.retryable) == ("too-large", False)


def test_a_key_that_a_stream_repeats_is_hidden(canned: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    said = [chunk({"content": f"key {KEY[:8]}"}), chunk({"content": KEY[8:]}), chunk({}, "stop"), DONE]

    assert ask(canned, chunked(*said), api_key_env=KEY_ENV).text == "key ***"
    assert KEY not in fault(canned, chunked(chunk({"content": "a"}), b"data: " + KEY.encode() + b"\n\n")).message


@given(
    output=st.integers(0, 500),
    reasoning=st.integers(0, 100),
    thinking=st.sampled_from(["", "hm"]),
    ttft_s=st.floats(0, 5),
    rest_s=st.floats(0, 5),
)
def test_the_rate_counts_what_came_after_the_first_token(
    output: int, reasoning: int, thinking: str, ttft_s: float, rest_s: float
) -> None:
    response = Response(
        "a",
        usage=Usage(1, output, reasoning_tokens=reasoning),
        latency_s=ttft_s + rest_s,
        ttft_s=ttft_s,
        thinking=thinking,
    )
    seen = output if thinking else output - reasoning

    if response.generated is None:
        assert seen <= 1 or response.latency_s <= ttft_s
    else:
        count, took_s = response.generated
        assert (count, took_s) == (seen - 1, response.latency_s - ttft_s)
        assert min(count, took_s) > 0
