"""Google's generateContent API (Gemini)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from pytest_benchmodels.core.message import (
    ImagePart,
    Message,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    text_of,
)
from pytest_benchmodels.core.text import quote as quoted
from pytest_benchmodels.providers.dialect import (
    BlockedError,
    Reading,
    UnreadableError,
    arguments_object,
    at,
    checked,
    given_params,
    google_usage,
    is_text,
    is_unnamed,
    joined_text,
    joined_thinking,
    read_call,
    system_texts,
    turns,
    unsupported,
)
from pytest_benchmodels.providers.event_stream import StreamForm, add_parts, joined, read_event
from pytest_benchmodels.providers.params import google_config, with_own, with_tools

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Google"]

_OWN = ("model", "contents", "stream")
_CONFIG = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}


_ANYTHING: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class GoogleFold:
    """Of partial responses of `streamGenerateContent` a whole one: each holds the parts that are new."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._parts: list[Any] = []
        self._first: object = None
        self._candidate: dict[str, Any] = {}
        self._document: dict[str, Any] = {}

    def take(self, data: bytes) -> None:
        said = read_event(_ANYTHING, data)
        self._document.update({name: value for name, value in said.items() if name != "candidates"})
        candidates = said.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            # Asked for several, it sends them in turn: the first counts. Without a number there is one.
            if not isinstance(candidate, dict) or candidate.get("index", 0) != self._number(candidate):
                continue
            parts = at(candidate, "content", "parts")
            if isinstance(parts, list):
                self.has_begun |= any(map(_says_something, parts))
                add_parts(self._parts, parts)
            self._candidate.update({name: value for name, value in candidate.items() if name != "content"})
        blocked = at(said, "promptFeedback", "blockReason")
        self.is_whole |= self._candidate.get("finishReason") is not None or blocked is not None

    def _number(self, candidate: Mapping[str, Any]) -> object:
        if self._first is None:
            self._first = candidate.get("index", 0)
        return self._first

    def document(self) -> Mapping[str, object]:
        if not self._candidate and not self._parts:
            return self._document
        content = {"content": {"role": "model", "parts": joined(self._parts)}} if self._parts else {}
        return {**self._document, "candidates": [{**self._candidate, **content}]}


def _says_something(part: object) -> bool:
    return bool(at(part, "text")) or at(part, "functionCall") is not None


def _streaming_url(url: str) -> str:
    return f"{url.removesuffix(':generateContent')}:streamGenerateContent?alt=sse"


class Google:
    stream = StreamForm(url=_streaming_url, body=dict, fold=GoogleFold)

    def url(self, model: Model) -> str:
        base = model.base_url.rstrip("/")
        # Google's own libraries take the address without the version.
        versioned = base.rpartition("/")[2] in {"v1", "v1alpha", "v1beta"}
        return f"{base if versioned else f'{base}/v1beta'}/models/{quote(model.name, safe='')}:generateContent"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("x-goog-api-key")

    def body(self, request: Request) -> dict[str, object]:
        system = system_texts(request.messages)
        params = given_params(request, *_OWN, *(["systemInstruction"] if system else []))
        own = params.pop("generationConfig", {})
        config = google_config(params, request.model.name)
        config |= {_CONFIG[name]: params.pop(name) for name in _CONFIG if name in params}
        if isinstance(config.get("stopSequences"), str):
            config["stopSequences"] = [config["stopSequences"]]
        body: dict[str, object] = {**params, "contents": _contents(request.messages)}
        if system:
            body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
        if request.tools:
            body = with_tools(body, _tools(request))
        if own or config:
            body["generationConfig"] = with_own(config, own) if isinstance(own, Mapping) else own
        return body

    def read(self, document: Mapping[str, object]) -> Reading:
        usage = self.usage(document)
        parts = at(document, "candidates", 0, "content", "parts")
        reason = at(document, "candidates", 0, "finishReason")
        block_reason = at(document, "promptFeedback", "blockReason")
        if isinstance(block_reason, str) and at(document, "candidates", 0) is None:
            raise BlockedError(f"promptFeedback.blockReason {block_reason}")
        if isinstance(parts, list):
            return Reading(joined_text(parts), reason, usage, joined_thinking(parts), _tool_calls(parts))
        # A blocked answer, or tokens that ran out while thinking: the model has ended, and said nothing.
        if isinstance(reason, str):
            return Reading("", reason, usage)
        raise UnreadableError("it has no candidates[0].content.parts")

    def usage(self, document: Mapping[str, object]) -> Usage:
        return google_usage(document)


_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def _tools(request: Request) -> dict[str, object]:
    declared = [
        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
        for tool in request.tools
    ]
    choice = request.tool_choice
    if choice is None:
        return {"tools": [{"functionDeclarations": declared}]}
    mode = _MODES.get(choice)
    calling = {"mode": "ANY", "allowedFunctionNames": [choice]} if mode is None else {"mode": mode}
    return {"tools": [{"functionDeclarations": declared}], "toolConfig": {"functionCallingConfig": calling}}


def _contents(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    if not is_text(messages):
        return _contents_of_parts(messages)
    return [
        {"role": "model" if message.role == "assistant" else "user", "parts": [{"text": message.content}]}
        for message in messages
        if message.role != "system"
    ]


def _contents_of_parts(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    """The conversation in turns: as many results as there were calls in one turn have to come in the next one."""
    names: dict[str, str] = {}  # of the tools, by the ids of their calls
    contents: list[dict[str, object]] = []
    for role, parts in turns(checked(messages)):
        names.update({part.id: part.name for part in parts if isinstance(part, ToolCall)})
        # No empty text, and no thinking of another API.
        said = (part for part in parts if not isinstance(part, ThinkingPart) and part != _NOTHING)
        written = [_part(part, names) for part in said]
        contents.append({"role": "model" if role == "assistant" else "user", "parts": written})
    return contents


_NOTHING = TextPart("")


def _part(part: TextPart | ImagePart | ToolCall | ToolResult, names: Mapping[str, str]) -> dict[str, object]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, ImagePart):
        return _image(part)
    if isinstance(part, ToolResult):
        return {"functionResponse": _result(part, names)}
    call = {"name": part.name, "args": arguments_object(part), **_id(part.id)}
    return {"functionCall": call, **({"thoughtSignature": part.signature} if part.signature else {})}


def _image(image: ImagePart) -> dict[str, object]:
    if image.url:
        kind = {"mimeType": image.media_type} if image.media_type else {}
        return {"fileData": {**kind, "fileUri": image.url}}
    return {"inlineData": {"mimeType": image.media_type, "data": image.data}}


def _result(result: ToolResult, names: Mapping[str, str]) -> dict[str, object]:
    name = names.get(result.call_id)
    if name is None:
        what = f"a tool result for {quoted(result.call_id)}, which no message before it calls"
        unsupported(what, "generateContent wants the tool's name: keep the message with the call")
    said = {"error" if result.is_error else "output": text_of(result.content)}
    images = [] if isinstance(result.content, str) else [part for part in result.content if isinstance(part, ImagePart)]
    parts = {"parts": list(map(_image, images))} if images else {}
    return {"name": name, "response": said, **parts, **_id(result.call_id)}


def _id(id_: str) -> dict[str, object]:
    """The call's id, where the API gave it one."""
    return {} if is_unnamed(id_) else {"id": id_}


def _tool_calls(parts: list[object]) -> tuple[ToolCall, ...]:
    with_call = [part for part in parts if at(part, "functionCall")]
    calls = (_read_call(part, number) for number, part in enumerate(with_call, 1))
    return tuple([call for call in calls if call is not None])


def _read_call(part: object, number: int) -> ToolCall | None:
    function = at(part, "functionCall")
    call = read_call(at(function, "id"), at(function, "name"), at(function, "args"), number)
    signature = at(part, "thoughtSignature")
    return replace(call, signature=signature) if call is not None and isinstance(signature, str) else call


DIALECT = Google
"""What `providers.create` makes for a provider whose protocol is this."""
