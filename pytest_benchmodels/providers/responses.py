"""OpenAI's Responses API.

Source: OpenAI, "Responses" of the API reference, and "Migrate to the Responses API".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_benchmodels.core.message import (
    FilePart,
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    Usage,
    arguments_text,
    text_of,
)
from pytest_benchmodels.providers.dialect import (
    FailedError,
    Reading,
    UnreadableError,
    arguments_object,
    at,
    checked,
    data_url,
    given_params,
    openai_usage,
    read_call,
    unsupported,
)
from pytest_benchmodels.providers.event_stream import StreamForm, read_event
from pytest_benchmodels.providers.params import responses_params, with_tools

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Responses", "ResponsesFold"]


_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed"))
_EVENT = msgspec.json.Decoder(dict[str, Any])


class ResponsesFold:
    """The last event of a stream holds the whole response; those before it only tell when it began."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._response: Mapping[str, object] = {}

    def take(self, data: bytes) -> None:
        said = read_event(_EVENT, data)
        kind = said.get("type")
        if kind in _ENDS:
            response = said.get("response")
            self._response = response if isinstance(response, Mapping) else {}
            self.is_whole = self.is_over = True
        elif kind == "error":
            self._response = {"error": said.get("error") or said}
            self.is_over = True
        elif isinstance(kind, str) and kind.endswith(".delta"):
            self.has_begun |= bool(said.get("delta"))

    def document(self) -> Mapping[str, object]:
        return self._response


class Responses:
    """Each request holds the whole conversation: nothing is kept at OpenAI (`store: false`)."""

    stream = StreamForm(url=str, body=lambda body: {**body, "stream": True}, fold=ResponsesFold)

    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/')}/responses"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("Authorization", "Bearer ")

    def body(self, request: Request) -> dict[str, object]:
        items = [item for message in checked(request.messages) for item in _items(message)]
        own = {"model": request.model.name, "input": items, "stream": False}
        params = responses_params(given_params(request, *own))
        tools = _tools(request) if request.tools else {}
        return {"store": False, **with_tools(params, tools), **own}

    def read(self, document: Mapping[str, object]) -> Reading:
        output = document.get("output")
        if document.get("status") in ("failed", "cancelled"):
            raise FailedError(document.get("error") or {"message": f"its status is {document['status']!r}"})
        if not isinstance(output, list):
            raise UnreadableError("it has no output list")
        said = [part for item in output if at(item, "type") == "message" for part in _listed(at(item, "content"))]
        text, refusal = _texts(said, "text"), _texts(said, "refusal")
        calls = [item for item in output if at(item, "type") == "function_call"]
        read = (
            read_call(at(call, "call_id"), at(call, "name"), at(call, "arguments"), number)
            for number, call in enumerate(calls, 1)
        )
        # What was thought has to come back with the results of the calls that came of it.
        back = [item for item in output if at(item, "type") == "reasoning"] if calls else []
        return Reading(
            text or refusal,
            _finish_reason(document, bool(calls), bool(refusal) and not text),
            self.usage(document),
            _thinking(output),
            tuple([call for call in read if call is not None]),
            tuple([ThinkingPart(data=json.dumps(item)) for item in back]),
        )

    def usage(self, document: Mapping[str, object]) -> Usage:
        """The same account as Chat Completions has, under other names."""
        said = document.get("usage")
        if not isinstance(said, Mapping):
            return Usage()
        names = {
            "input_tokens": "prompt_tokens",
            "output_tokens": "completion_tokens",
            "input_tokens_details": "prompt_tokens_details",
            "output_tokens_details": "completion_tokens_details",
        }
        return openai_usage({"usage": {names.get(name, name): value for name, value in said.items()}})


def _items(message: Message) -> Iterator[dict[str, object]]:
    """A message in this API's words: calls and their results are items beside it."""
    spoken: list[Part] = []
    for part in message.parts:
        if isinstance(part, ThinkingPart):
            yield json.loads(part.data or "{}")
        elif isinstance(part, ToolResult):
            yield {"type": "function_call_output", "call_id": part.call_id, "output": _result(part)}
        elif not isinstance(part, ToolCall):
            spoken.append(part)
    if message.role == "assistant" and any(isinstance(part, ImagePart) for part in spoken):
        unsupported("an image in a message of the assistant", "the Responses API takes images of the user only")
    if spoken and (message.text or message.role != "assistant"):
        content = message.content if isinstance(message.content, str) else [_part(part, message) for part in spoken]
        yield {"role": message.role, "content": content}
    for part in message.parts:
        if isinstance(part, ToolCall):
            arguments = arguments_text(arguments_object(part))
            yield {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}


def _part(part: Part, message: Message) -> dict[str, object]:
    if isinstance(part, FilePart):
        return {"type": "input_file", "filename": part.name, "file_data": data_url(part)}
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": data_url(part)}
    kind = "output_text" if message.role == "assistant" else "input_text"
    return {"type": kind, "text": part.text if isinstance(part, TextPart) else ""}


def _tools(request: Request) -> dict[str, object]:
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,
        }
        for tool in request.tools
    ]
    # Nothing is kept at OpenAI: what a model thinks between two calls is given to us, sealed, and goes back.
    written: dict[str, object] = {"tools": tools, "include": ["reasoning.encrypted_content"]}
    choice = request.tool_choice
    if choice is not None:
        is_word = choice in ("auto", "none", "required")
        written["tool_choice"] = choice if is_word else {"type": "function", "name": choice}
    return written


def _result(result: ToolResult) -> str:
    if not isinstance(result.content, str) and any(isinstance(part, ImagePart) for part in result.content):
        unsupported("an image in a tool's result", "put it into a user message")
    return f"Error: {text_of(result.content)}" if result.is_error else text_of(result.content)


def _finish_reason(document: Mapping[str, object], called: bool, refused: bool) -> object:  # noqa: FBT001 - private
    """This API says only whether it is complete: the rest is told in the words of Chat Completions."""
    if document.get("status") == "incomplete":
        return at(document, "incomplete_details", "reason") or "incomplete"
    if refused:
        return "refusal"
    return "tool_calls" if called else "stop"


def _thinking(output: list[object]) -> str:
    """Its own text where a server shows it (gpt-oss), else OpenAI's summaries; `(encrypted)` where both are missing."""
    thoughts = []
    for item in output:
        if at(item, "type") == "reasoning":
            said = _texts(_listed(at(item, "content")), "text", "\n\n")
            said = said or _texts(_listed(at(item, "summary")), "text", "\n\n")
            thoughts.append(said or ("(encrypted)" if at(item, "encrypted_content") else ""))
    return "\n\n".join(filter(None, thoughts))


def _texts(parts: list[object], field: str, between: str = "") -> str:
    return between.join([text for part in parts if isinstance(text := at(part, field), str)])


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


DIALECT = Responses
"""What `providers.create` makes for a provider whose protocol is this."""
