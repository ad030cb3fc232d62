"""Messages with parts: what they hold, how they are kept and told."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import (
    Call,
    ImagePart,
    Message,
    Model,
    Request,
    Response,
    TextPart,
    ToolCall,
    ToolResult,
    Transcript,
)
from pytest_benchmodels.core.message import Part, prompt_tokens, readable
from pytest_benchmodels.core.text import harmless
from pytest_benchmodels.store.record import decode_answers, decode_asked, encode_answers, encode_asked

PIXEL = "iVBORw0KGgo="  # 8 bytes
CALL = ToolCall("call_1", "get_weather", {"city": "Paris"})
SAID = (TextPart("Look: "), ImagePart("image/png", PIXEL), TextPart("what is it?"))


def test_a_message_has_its_text_and_its_parts() -> None:
    assert (Message("user", "Hi").text, Message("user", "Hi").parts) == ("Hi", (TextPart("Hi"),))
    assert (Message("user", SAID).text, Message("user", SAID).parts) == ("Look: what is it?", SAID)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (TextPart("Hi"), "Hi"),
        (ImagePart("image/png", PIXEL), "[image image/png, 8 bytes]"),
        (ImagePart("image/png", "A" * 16_000), "[image image/png, 12 kB]"),
        (ImagePart("image/png", path="/p/a.png", size=12_000, digest="ab" * 32), "[image image/png, 12 kB]"),
        (ImagePart(url="https://me:secret@host/a.png?sig=secret"), "[image 'https://***@host/a.png?***']"),
        (CALL, '[call get_weather({"city": "Paris"})]'),
        (ToolCall("1", "sum", '{"a": '), '[call sum({"a": )]'),
        (ToolResult("call_1", "sunny"), "[result of call_1: sunny]"),
        (ToolResult("call_1", "no such city", is_error=True), "[error of call_1: no such city]"),
        (ToolResult("call_1", (TextPart("a map:"), SAID[1])), "[result of call_1: a map:\n[image image/png, 8 bytes]]"),
    ],
)
def test_a_part_is_told_in_words(part: Part, shown: str) -> None:
    assert readable((part,)) == shown


def test_a_hostile_call_is_harmless_where_it_is_shown() -> None:
    shown = harmless(readable((ToolCall("1", "\x1b[2J::error", {"\x1b]0;": "\u202e"}),)))

    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "either"),
        ({"data": PIXEL, "media_type": "image/png", "url": "https://host/a.png"}, "either"),
        ({"path": "/a.png", "media_type": "image/png", "url": "https://host/a.png"}, "either"),
        ({"data": PIXEL}, "media_type"),
        ({"path": "/a.png"}, "media_type"),
        ({"url": "data:image/png;base64,AAAA"}, "give them as `data`"),
    ],
)
def test_an_image_that_is_none(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        ImagePart(**fields)


def test_an_answer_may_call_tools() -> None:
    asked = (Message("user", "Is it sunny?"),)
    spoken = Response("I shall look.", tool_calls=(CALL,))
    silent = Response("", tool_calls=(CALL,))

    assert Response("4").message == Message("assistant", "4")
    assert spoken.message == Message("assistant", (TextPart("I shall look."), CALL))
    assert silent.message == Message("assistant", (CALL,))
    assert (spoken.text, spoken.readable) == ("I shall look.", 'I shall look.\n[call get_weather({"city": "Paris"})]')
    request = Request(Model("m", "openai", "m", ""), asked)
    assert Transcript((Call("answer", request, silent),)).messages == (*asked, silent.message)


ARGUMENTS = st.dictionaries(st.text(), st.integers(-(2**63), 2**63) | st.text() | st.booleans() | st.none(), max_size=3)
TEXTS = st.builds(TextPart, st.text())
IMAGES = st.builds(ImagePart, st.just("image/png"), st.just(PIXEL)) | st.builds(ImagePart, url=st.just("https://h/i"))
CALLS = st.builds(ToolCall, st.text(), st.text(), ARGUMENTS | st.text(), st.text())
RESULTS = st.builds(ToolResult, st.text(), st.text() | st.lists(TEXTS | IMAGES).map(tuple), st.booleans())
CONTENTS = st.text() | st.lists(TEXTS | IMAGES | CALLS | RESULTS, max_size=4).map(tuple)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), CONTENTS)


@given(st.lists(st.lists(MESSAGES, max_size=2).map(tuple), max_size=2).map(tuple))
def test_messages_are_kept_as_they_were(asked: tuple[tuple[Message, ...], ...]) -> None:
    assert decode_asked(encode_asked(asked)) == asked
    crossed = json.loads(json.dumps(msgspec.to_builtins(asked)))
    assert msgspec.convert(crossed, tuple[tuple[Message, ...], ...]) == asked


@given(st.lists(CALLS, max_size=3).map(tuple))
def test_calls_are_kept_as_they_were(calls: tuple[ToolCall, ...]) -> None:
    answers = (Response("4", tool_calls=calls),)

    assert decode_answers(encode_answers(answers)) == answers


def test_what_was_kept_before_there_were_parts_is_read() -> None:
    old_asked = '[[{"role":"system","content":"be brief"},{"role":"user","content":"2 + 2?"}]]'
    old_answers = '[{"text":"4","finish_reason":"stop","usage":{"input_tokens":10}}]'

    assert decode_asked(old_asked) == ((Message("system", "be brief"), Message("user", "2 + 2?")),)
    assert decode_answers(old_answers)[0].tool_calls == ()
    # And is written as it was: other versions read the same store.
    assert encode_asked(decode_asked(old_asked)) == old_asked


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("12345678", 2.0),
        ((TextPart("1234"), TextPart("5678")), 2.0),
        ((ImagePart("image/png", "A" * 100_000),), 1000.0),
        ((ToolResult("c", "12345678"), ToolResult("d", (ImagePart(url="https://h/i"),))), 1002.0),
        ((ToolCall("c", "1234", {}),), 1.5),
    ],
)
def test_the_tokens_of_a_prompt_are_guessed(content: str | tuple[Part, ...], tokens: float) -> None:
    assert prompt_tokens([Message("user", content)]) == tokens


def test_a_call_is_followed_by_its_result_and_long_arguments_stand_as_they_are() -> None:
    write = ToolCall("1", "write_file", {"path": "a.py", "content": "x = 1\ny = 2\n"})
    read = ToolCall("2", "read_file", {"path": "a.py"})
    answer = Response(
        "", tool_calls=(write, read), tool_results=(ToolResult("1", "wrote"), ToolResult("2", "x = 1\ny = 2\n"))
    )

    assert answer.readable.split("\n") == [
        '[call write_file({"path": "a.py"})',
        "content:",
        "x = 1",
        "y = 2]",
        "[result of 1: wrote]",
        '[call read_file({"path": "a.py"})]',
        "[result of 2:",
        "x = 1",
        "y = 2]",
    ]
