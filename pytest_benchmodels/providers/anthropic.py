"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_benchmodels.core.message import Content, ImagePart, Message, Part, TextPart, ToolCall
from pytest_benchmodels.providers.dialect import (
    Reading,
    UnreadableError,
    anthropic_usage,
    arguments_object,
    at,
    checked,
    given_params,
    is_text,
    joined_text,
    joined_thinking,
    read_call,
    system_texts,
    turns,
    unsupported,
)
from pytest_benchmodels.providers.folds import ANTHROPIC_STREAM

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Anthropic"]

_VERSION = "2023-06-01"
_MAX_TOKENS = 1024


class Anthropic:
    stream = ANTHROPIC_STREAM

    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/').removesuffix('/v1')}/v1/messages"

    def headers(self, key: Key) -> Mapping[str, str]:
        return {**key.header("x-api-key"), "anthropic-version": _VERSION}

    def body(self, request: Request) -> dict[str, object]:
        body: dict[str, object] = {"max_tokens": _MAX_TOKENS, **given_params(request)}
        if "stop" in body:
            stop = body.pop("stop")
            body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
        if system := system_texts(request.messages):
            body["system"] = "\n\n".join(system)
        messages: list[dict[str, object]]
        if is_text(request.messages):
            messages = [
                {"role": message.role, "content": message.content}
                for message in request.messages
                if message.role != "system"
            ]
        else:
            messages = _messages(request.messages)
        return {**body, "model": request.model.name, "messages": messages, "stream": False}

    def read(self, document: Mapping[str, object]) -> Reading:
        content = document.get("content")
        if not isinstance(content, list):
            raise UnreadableError("it has no content list")
        thinking = joined_thinking(content)
        return Reading(
            joined_text(content), document.get("stop_reason"), self.usage(document), thinking, _tool_calls(content)
        )

    def usage(self, document: Mapping[str, object]) -> Usage:
        return anthropic_usage(document)


def _messages(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    """The conversation in turns: the results of all tools that were called together have to come in one message."""
    written: list[dict[str, object]] = []
    for role, parts in turns(checked(messages)):
        if role == "assistant" and any(isinstance(part, ImagePart) for part in parts):
            unsupported("an image in a message of the assistant", "the Messages API takes images of the user only")
        blocks = [_block(part) for part in parts if not isinstance(part, TextPart) or part.text]
        written.append({"role": role, "content": blocks})
    return written


def _block(part: Part) -> dict[str, object]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image", "source": _source(part)}
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part)}
    result = {"type": "tool_result", "tool_use_id": part.call_id, "content": _result_content(part.content)}
    return {**result, "is_error": True} if part.is_error else result


def _source(image: ImagePart) -> dict[str, object]:
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": image.data}


def _result_content(content: Content) -> object:
    return content if isinstance(content, str) else [_block(part) for part in content]


def _tool_calls(content: list[object]) -> tuple[ToolCall, ...]:
    """The tools that the client is to call: those that the API's server calls itself have another type."""
    blocks = [block for block in content if at(block, "type") == "tool_use"]
    calls = (
        read_call(at(block, "id"), at(block, "name"), at(block, "input"), number)
        for number, block in enumerate(blocks, 1)
    )
    return tuple([call for call in calls if call is not None])


DIALECT = Anthropic
"""What `providers.create` makes for a provider whose protocol is this."""
