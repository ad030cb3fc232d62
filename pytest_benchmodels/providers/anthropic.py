"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_benchmodels.core.message import (
    Content,
    FilePart,
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCall,
    arguments_text,
)
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
from pytest_benchmodels.providers.event_stream import StreamForm, read_event
from pytest_benchmodels.providers.params import JSON_TOOL, anthropic_params, with_tools

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Anthropic"]

_VERSION = "2023-06-01"
_OWN = ("model", "messages", "stream")
_MAX_TOKENS = 1024


_ANYTHING: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
# Where the fragments of a block go, by the kind of fragment.
_FRAGMENTS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


class AnthropicFold:
    """Of the events of the Messages API a message. https://docs.anthropic.com/en/api/messages-streaming."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}

    def take(self, data: bytes) -> None:
        said = read_event(_ANYTHING, data)
        kind = said.get("type")
        if kind == "content_block_delta":
            self._add_fragment(said)
        elif kind == "content_block_start":
            self._blocks[_number(said)] = dict(_mapping(said.get("content_block")))
            self.has_begun |= at(said, "content_block", "type") == "tool_use"
        elif kind == "message_start":
            self._message = dict(_mapping(said.get("message")))
        elif kind == "message_delta":
            self._message.update(_mapping(said.get("delta")))
            # Its counts are those of the whole message, not of what is new.
            counted = {name: count for name, count in _mapping(said.get("usage")).items() if count is not None}
            self._message["usage"] = {**_mapping(self._message.get("usage")), **counted}
            self.is_whole |= self._message.get("stop_reason") is not None
        elif kind == "message_stop":
            self.is_whole = self.is_over = True
        elif kind == "error":
            self._message["error"] = said.get("error")
            self.is_over = True

    def document(self) -> Mapping[str, object]:
        content = [self._block(number) for number in sorted(self._blocks)]
        return {**self._message, "content": content} if self._message.keys() - {"error"} else self._message

    def _add_fragment(self, said: Mapping[str, Any]) -> None:
        delta = _mapping(said.get("delta"))
        kept = _FRAGMENTS.get(str(delta.get("type")))
        if kept is None:  # citations, and what is yet to come
            return
        text = delta.get(kept)
        if not isinstance(text, str):
            raise UnreadableError(f"a {delta.get('type')} of its stream has no {kept}")
        self._texts.setdefault((_number(said), kept), []).append(text)
        self.has_begun |= bool(text) and kept != "signature"

    def _block(self, number: int) -> dict[str, Any]:
        block = dict(self._blocks[number])
        for kept in _FRAGMENTS.values():
            # A tool without arguments has one empty fragment: its input is what the block began with.
            if text := "".join(self._texts.get((number, kept), ())):
                block["input" if kept == "partial_json" else kept] = text
        return block


def _number(said: Mapping[str, Any]) -> int:
    number = said.get("index")
    return number if isinstance(number, int) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class Anthropic:
    stream = StreamForm(url=str, body=lambda body: {**body, "stream": True}, fold=AnthropicFold)

    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/').removesuffix('/v1')}/v1/messages"

    def headers(self, key: Key) -> Mapping[str, str]:
        return {**key.header("x-api-key"), "anthropic-version": _VERSION}

    def body(self, request: Request) -> dict[str, object]:
        tools = _tools(request) if request.tools else {}
        system = system_texts(request.messages)
        params = given_params(request, *_OWN, *(["system"] if system else []))
        body: dict[str, object] = anthropic_params(with_tools(params, tools), _MAX_TOKENS)
        if "stop" in body:
            stop = body.pop("stop")
            body.setdefault("stop_sequences", [stop] if isinstance(stop, str) else stop)
        if system:
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
        calls = _tool_calls(content)
        reason = document.get("stop_reason")
        if calls and calls[0].name == JSON_TOOL:
            text, reason = arguments_text(calls[0].arguments), "end_turn" if reason == "tool_use" else reason
            return Reading(text, reason, self.usage(document), thinking)
        # Its thinking has to come back with the results of the tools that came of it.
        back = tuple(map(_thinking_part, filter(_is_thought, content))) if calls else ()
        return Reading(joined_text(content), reason, self.usage(document), thinking, calls, back)

    def usage(self, document: Mapping[str, object]) -> Usage:
        return anthropic_usage(document)


_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def _tools(request: Request) -> dict[str, object]:
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in request.tools
    ]
    choice = request.tool_choice
    if choice is None:
        return {"tools": tools}
    word = _CHOICES.get(choice)
    return {"tools": tools, "tool_choice": {"type": "tool", "name": choice} if word is None else {"type": word}}


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
        return {"type": "document" if isinstance(part, FilePart) else "image", "source": _source(part)}
    if isinstance(part, ThinkingPart):
        if part.data:
            return {"type": "redacted_thinking", "data": part.data}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part)}
    result = {"type": "tool_result", "tool_use_id": part.call_id, "content": _result_content(part.content)}
    return {**result, "is_error": True} if part.is_error else result


_THOUGHTS = ("thinking", "redacted_thinking")


def _is_thought(block: object) -> bool:
    return at(block, "type") in _THOUGHTS


def _thinking_part(block: object) -> ThinkingPart:
    texts = (at(block, name) for name in ("thinking", "signature", "data"))
    return ThinkingPart(*[text if isinstance(text, str) else "" for text in texts])


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
