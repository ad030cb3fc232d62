"""OpenAI's Responses API, by the documents of its reference."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request, Response, Usage
from pytest_benchmodels.core.message import ImagePart, TextPart, ToolCall, ToolResult
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.dialect import Reading, UnreadableError
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.responses import Responses

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

MODEL = Model("m", "openai-responses", "gpt-5", "http://host/v1")


def said(*parts: dict[str, object]) -> dict[str, object]:
    return {"type": "message", "role": "assistant", "status": "completed", "content": list(parts)}


def text(words: str) -> dict[str, object]:
    return {"type": "output_text", "text": words, "annotations": []}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at": "sky"}'}


def test_the_conversation_goes_out_in_items() -> None:
    messages = (
        Message("system", "Be brief."),
        Message("user", (TextPart("What is it?"), ImagePart("image/png", "AAAA"))),
        Message("assistant", (TextPart("Let me see."), ToolCall("call_1", "look", {"at": "sky"}))),
        Message("tool", (ToolResult("call_1", "blue", is_error=True),)),
        Message("assistant", "It is blue."),
    )

    assert Responses().url(MODEL) == "http://host/v1/responses"
    assert Responses().body(Request(MODEL, messages)) == {
        "store": False,
        "model": "gpt-5",
        "stream": False,
        "input": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                ],
            },
            {"role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"at": "sky"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "Error: blue"},
            {"role": "assistant", "content": "It is blue."},
        ],
    }


@pytest.mark.parametrize(
    ("document", "reading"),
    [
        ({"status": "completed", "output": [said(text("4"), text("2"))]}, Reading("42", "stop")),
        (
            {
                "status": "completed",
                "output": [
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "2 and 2"}]},
                    {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                    said(text("4")),
                ],
            },
            Reading("4", "stop", thinking="2 and 2\n\n(encrypted)"),
        ),
        (
            {"status": "completed", "output": [CALL]},
            Reading("", "tool_calls", tool_calls=(ToolCall("call_1", "look", {"at": "sky"}),)),
        ),
        (
            {"status": "completed", "output": [said({"type": "refusal", "refusal": "No."})]},
            Reading("No.", "refusal"),
        ),
        (
            {
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
                "output": [said(text("4"))],
            },
            Reading("4", "max_output_tokens"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []},
            Reading("", "content_filter"),
        ),
        (
            {
                "output": [],
                "usage": {
                    "input_tokens": 36,
                    "input_tokens_details": {"cached_tokens": 6},
                    "output_tokens": 87,
                    "output_tokens_details": {"reasoning_tokens": 64},
                    "total_tokens": 123,
                },
            },
            Reading("", "stop", Usage(36, 87, cached_input_tokens=6, reasoning_tokens=64)),
        ),
    ],
)
def test_an_answer_is_read(document: dict[str, object], reading: Reading) -> None:
    assert Responses().read(document) == reading


def test_words_for_an_end_are_understood() -> None:
    assert Response("4", "max_output_tokens").is_truncated
    assert Response("", "refusal").is_refused


def test_what_has_no_output_is_no_answer() -> None:
    with pytest.raises(UnreadableError, match="no output list"):
        Responses().read({"status": "completed"})


def answered(document: dict[str, object], canned: CannedServer, http_text: HttpText) -> Response:
    async def exchange() -> Response:
        async with canned(http_text(200, json.dumps(document).encode())) as server:
            pool = HttpPool()
            model = Model("m", "openai-responses", "gpt-5", server.url)
            try:
                return await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
            finally:
                await pool.aclose()

    return asyncio.run(exchange())


def test_over_http(canned: CannedServer, http_text: HttpText) -> None:
    document = {"id": "resp_1", "status": "completed", "error": None, "model": "gpt-5-2025-08-07"}

    response = answered({**document, "output": [said(text("4"))]}, canned, http_text)

    assert (response.text, response.finish_reason, response.served_model) == ("4", "stop", "gpt-5-2025-08-07")


@pytest.mark.parametrize(
    ("error", "kind", "retried"),
    [
        ({"code": "server_error", "message": "The model failed."}, "http", True),
        ({"code": "rate_limit_exceeded", "message": "Slow down."}, "rate-limit", True),
        ({"code": "invalid_prompt", "message": "Invalid prompt."}, "content-filter", False),
    ],
)
def test_a_failed_response_is_an_error(
    error: dict[str, str],
    kind: str,
    retried: bool,  # noqa: FBT001 - of a table
    canned: CannedServer,
    http_text: HttpText,
) -> None:
    with pytest.raises(ProviderError) as caught:
        answered({"status": "failed", "error": error, "output": []}, canned, http_text)

    assert (caught.value.kind, caught.value.retryable) == (kind, retried)
