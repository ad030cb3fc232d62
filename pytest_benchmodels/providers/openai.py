"""The Chat Completions API, as OpenAI and most other servers speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from pytest_benchmodels.core.message import (
    FilePart,
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCall,
    ToolResult,
    arguments_text,
    text_of,
)
from pytest_benchmodels.providers.dialect import (
    BlockedError,
    FailedError,
    Reading,
    UnreadableError,
    arguments_object,
    at,
    checked,
    data_url,
    given_params,
    is_text,
    joined_text,
    joined_thinking,
    openai_usage,
    read_call,
    unsupported,
)
from pytest_benchmodels.providers.event_stream import StreamForm, add_parts, grown, joined, read_event
from pytest_benchmodels.providers.params import openai_params, with_tools

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Azure", "OpenAI"]

# How an answer ends that the server, not the model, broke off: OpenRouter and Mistral; DeepSeek; Zhipu; vLLM.
_FAILED = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})


class _Choice(Struct, gc=False):
    index: Any = 0
    delta: dict[str, Any] | None = None
    finish_reason: Any = None
    error: Any = None


class _Chunk(Struct, gc=False):
    """An event of Chat Completions: what is read of each."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


class _TextDelta(Struct, gc=False, forbid_unknown_fields=True):
    content: str
    role: Any = None
    refusal: None = None
    reasoning: None = None
    reasoning_content: None = None
    tool_calls: None = None
    function_call: None = None


class _TextChoice(Struct, gc=False):
    delta: _TextDelta
    index: Any = 0
    finish_reason: None = None
    error: None = None


class _Text(Struct, gc=False):
    """An event that adds a text and nothing else, as nearly all of an answer's do: the decoder sees to it."""

    choices: tuple[_TextChoice]
    usage: None = None
    error: None = None


class _Facts(Struct, gc=False):
    """What is read of the first and the last ones: it is the same in each, or in no other."""

    model: Any = None
    usage: Any = None
    error: Any = None
    system_fingerprint: Any = None
    provider: Any = None
    service_tier: Any = None
    prompt_filter_results: Any = None


_CHUNK, _FACTS = msgspec.json.Decoder(_Chunk), msgspec.json.Decoder(_Facts)
_TEXT = msgspec.json.Decoder(_Text)
_ANYTHING: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_MOST_WITHOUT_MODEL = 3
_DONE = b"[DONE]"
_PLAIN_DELTAS = frozenset({"role", "content"})


class OpenAIFold:
    """Of `chat.completion.chunk` events a `chat.completion`. Where `n` asks for several choices, the first counts."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._is_early, self._seen = True, 0
        self._follows_text = False
        self._texts: list[str] = []
        self._rest: dict[str, Any] = {}
        self._document: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}

    def take(self, data: bytes) -> None:
        if self._follows_text and self._add_text(data):
            return
        if data == _DONE:
            self.is_whole = self.is_over = True
            return
        chunk = read_event(_CHUNK, data)
        for choice in chunk.choices or ():
            number = choice.index or 0  # some servers send null
            if number == self._choice.setdefault("index", number):
                self._add(choice)
        if self._is_early or not chunk.choices or chunk.usage is not None or chunk.error is not None:
            self._remember(data, is_bare=chunk.choices is None and chunk.usage is None)

    def _add_text(self, data: bytes) -> bool:
        """Add an event that is a text and nothing else. Whether it is."""
        try:
            (choice,) = _TEXT.decode(data).choices
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._follows_text = False  # an event of another kind seldom stands alone
            return False
        if (choice.index or 0) == self._choice["index"] and (content := choice.delta.content):
            self._texts.append(content)
        return True

    def document(self) -> Mapping[str, object]:
        message: dict[str, Any] = {"role": "assistant", **joined(self._rest)}
        if self._texts and "content" in self._rest:  # parts that think, then a text that answers
            message["content"] = [*message["content"], {"type": "text", "text": "".join(self._texts)}]
        elif self._texts:
            message["content"] = "".join(self._texts)
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return {**self._document, "choices": [{**self._choice, "message": message}] if self._choice else []}

    def _add(self, choice: _Choice) -> None:
        delta = choice.delta
        if delta:
            content = delta.get("content")
            if isinstance(content, str):
                if content:
                    self._texts.append(content)
                    self.has_begun = True
                    self._follows_text = not self._is_early
            elif isinstance(content, list):  # Mistral's, where a model thinks
                self._merge("content", content)
            if len(delta) > 1 or content is None:
                self._add_rest(delta)
        if choice.finish_reason:  # some servers send an empty one with each part
            self.is_whole = True
            self._choice["finish_reason"] = choice.finish_reason
        if choice.error is not None:
            self._choice["error"] = choice.error

    def _add_rest(self, delta: Mapping[str, Any]) -> None:
        for name, value in delta.items():
            if name in _PLAIN_DELTAS or value is None or value in ("", []):
                continue
            if name == "tool_calls":
                self._add_calls(value)
            elif name == "function_call":
                self._rest[name] = _grown(self._rest.get(name), value)
            else:
                self._merge(name, value)
            self.has_begun = True

    def _merge(self, name: str, value: Any) -> None:
        """Put what comes to what came: texts and lists grow, of anything else the last counts."""
        before = self._rest.get(name)
        if isinstance(value, list):
            self._rest[name] = before if isinstance(before, list) else []
            add_parts(self._rest[name], value)
        else:
            self._rest[name] = grown(before, value) if isinstance(value, str) else value
        self.has_begun = True

    def _add_calls(self, fragments: object) -> None:
        """Each call comes in fragments with its number: id and name first, then its arguments bit by bit."""
        calls = self._rest.setdefault("tool_calls", {})
        if not isinstance(fragments, list):
            raise UnreadableError("delta.tool_calls of its stream is no list")
        for fragment in fragments:
            number = at(fragment, "index")
            call = calls.setdefault(number if isinstance(number, int) else len(calls), {})
            for name, value in (fragment if isinstance(fragment, dict) else {}).items():
                call[name] = _grown(call.get(name), value) if isinstance(value, dict) else value or call.get(name)

    def _remember(self, data: bytes, *, is_bare: bool) -> None:
        facts = read_event(_FACTS, data)
        if is_bare and facts.error is None:
            facts.error = _bare_error(data)
        self._document.update({name: value for name, value in asdict(facts).items() if value is not None})
        self.is_over = facts.error is not None
        self._seen += 1
        self._is_early = not self._document.get("model") and self._seen < _MOST_WITHOUT_MODEL


def _bare_error(data: bytes) -> object:
    """An error that is not below `error`, as vLLM and some gateways send it; None for what is none."""
    said = read_event(_ANYTHING, data)
    is_error = isinstance(said.get("message") or said.get("detail"), str)
    return said if is_error else None


def _grown(function: object, fragment: object) -> dict[str, Any]:
    """A call of a function or of a custom tool with more of what it is given. A name comes once, whole."""
    known: dict[str, Any] = dict(function) if isinstance(function, dict) else {}
    for name, value in (fragment if isinstance(fragment, dict) else {}).items():
        if name in ("arguments", "input") and isinstance(value, str):
            known[name] = grown(known.get(name), value)
        elif value is not None and not (name == "name" and not value):
            known[name] = value
    return known


def _streaming(body: Mapping[str, object]) -> dict[str, object]:
    """`stream_options` asks for the tokens; a server that refuses it gets none where params set it to nothing."""
    streaming = {"stream_options": {"include_usage": True}, **body, "stream": True}
    return streaming if streaming["stream_options"] else {k: v for k, v in streaming.items() if k != "stream_options"}


class OpenAI:
    stream = StreamForm(url=str, body=_streaming, fold=OpenAIFold)

    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/')}/chat/completions"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("Authorization", "Bearer ")

    def body(self, request: Request) -> dict[str, object]:
        messages: list[dict[str, object]]
        if is_text(request.messages):
            messages = [{"role": message.role, "content": message.content} for message in request.messages]
        else:
            messages = [written for message in checked(request.messages) for written in _messages(message)]
        own = {"model": request.model.name, "messages": messages, "stream": False}
        tools = _tools(request) if request.tools else {}
        params = openai_params(given_params(request, *own, "n"), request.model.provider, request.model.name)
        return {**with_tools(params, tools), **own}

    def read(self, document: Mapping[str, object]) -> Reading:
        choice = at(document, "choices", 0)
        _raise_failure(document, choice)
        message, finish_reason = at(choice, "message"), at(choice, "finish_reason")
        if not isinstance(message, dict):
            raise UnreadableError("it has no choices[0].message")
        text, calls = _text(message, finish_reason), _tool_calls(message)
        if _is_refusal(message, finish_reason):
            finish_reason = "refusal"
        return Reading(text, finish_reason, self.usage(document), _thinking(message), calls)

    def usage(self, document: Mapping[str, object]) -> Usage:
        return openai_usage(document)


def _messages(message: Message) -> list[dict[str, object]]:
    """A message in this API's words: each tool's result is a message of its own, in front of what else is said."""
    results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
    if len(results) == len(message.parts) and results:
        return results
    if message.role != "assistant":
        return [*results, {"role": message.role, "content": _content(message)}]
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if any(isinstance(part, ImagePart) for part in message.parts):
        unsupported("an image in a message of the assistant", "the Chat Completions API takes images of the user only")
    # An assistant that calls tools may have said nothing, and then the content is null.
    said: dict[str, object] = {"role": "assistant", "content": message.text or (None if calls else "")}
    return [{**said, "tool_calls": calls} if calls else said]


def _content(message: Message) -> object:
    if isinstance(message.content, str) or message.role == "system":
        return message.text
    return [_part(part) for part in message.content if not isinstance(part, ToolResult)]


def _part(part: Part) -> dict[str, object]:
    if isinstance(part, FilePart):
        return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    return {"type": "text", "text": part.text if isinstance(part, TextPart) else ""}


def _result(result: ToolResult) -> dict[str, object]:
    if not isinstance(result.content, str) and any(isinstance(part, ImagePart) for part in result.content):
        unsupported(
            "an image in a tool's result", "the Chat Completions API takes texts only: put it into a user message"
        )
    # The API knows no failure of a tool: the text has to tell.
    text = f"Error: {text_of(result.content)}" if result.is_error else text_of(result.content)
    return {"role": "tool", "tool_call_id": result.call_id, "content": text}


def _call(call: ToolCall) -> dict[str, object]:
    function = {"name": call.name, "arguments": arguments_text(arguments_object(call))}
    written: dict[str, object] = {"id": call.id, "type": "function", "function": function}
    # Gemini 3 behind this protocol refuses a call that comes back without it.
    signature = {"google": {"thought_signature": call.signature}}
    return {**written, "extra_content": signature} if call.signature else written


def _tool_calls(message: Mapping[str, object]) -> tuple[ToolCall, ...]:
    listed = message.get("tool_calls")
    if not isinstance(listed, list):
        # What there was before `tool_calls`, and still is at some servers.
        legacy = message.get("function_call")
        listed = [{"function": legacy}] if legacy else []
    calls = (_read_call(entry, number) for number, entry in enumerate(listed, 1))
    return tuple([call for call in calls if call is not None])


def _read_call(entry: object, number: int) -> ToolCall | None:
    """A call of a function, or of a custom tool, whose input is a text of no form."""
    name = at(entry, "function", "name") or at(entry, "custom", "name")
    arguments = at(entry, "function", "arguments")
    call = read_call(at(entry, "id"), name, at(entry, "custom", "input") if arguments is None else arguments, number)
    signature = at(entry, "extra_content", "google", "thought_signature")
    return replace(call, signature=signature) if call is not None and isinstance(signature, str) else call


def _tools(request: Request) -> dict[str, object]:
    tools = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in request.tools
    ]
    choice = request.tool_choice
    if choice is None:
        return {"tools": tools}
    is_word = choice in ("auto", "none", "required")
    return {"tools": tools, "tool_choice": choice if is_word else {"type": "function", "function": {"name": choice}}}


def _raise_failure(document: Mapping[str, object], choice: object) -> None:
    """Raise what stands in place of an answer: an error of the choice's own, or no choice at all."""
    reason = at(choice, "finish_reason")
    if error := at(choice, "error"):
        raise FailedError(error)
    if isinstance(reason, str) and reason.lower() in _FAILED:
        raise FailedError({"message": f"its finish_reason is {reason!r}"})
    if choice is None and at(document, "base_resp", "status_code"):  # MiniMax
        raise FailedError({"message": at(document, "base_resp", "status_msg")})
    if choice is None and (filtered := _filtered(document)):
        raise BlockedError(filtered)


def _filtered(document: Mapping[str, object]) -> str:
    """The categories by which Azure's filter took offence at the prompt; empty if it did not."""
    results = at(document, "prompt_filter_results") or at(document, "prompt_annotations")
    if not isinstance(results, list) or not results:
        return ""
    told = [found for result in results if isinstance(found := at(result, "content_filter_results"), Mapping)]
    verdicts = [(name, at(verdict, "filtered")) for found in told for name, verdict in found.items()]
    if verdicts and not any(filtered for _, filtered in verdicts):
        return ""
    return ", ".join(["prompt_filter_results", *(name for name, filtered in verdicts if filtered)])


def _text(message: Mapping[str, object], finish_reason: object) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return joined_text(content)
    refusal = message.get("refusal")
    if isinstance(refusal, str):
        return refusal
    # Without text a model may still have ended: it called a tool, was filtered, or spent its tokens on thinking.
    if content is None and (message.get("tool_calls") or isinstance(finish_reason, str) or _thinking(message)):
        return ""
    raise UnreadableError("choices[0].message.content is no text")


def _is_refusal(message: Mapping[str, object], finish_reason: object) -> bool:
    """OpenAI's models decline in a field of its own, and the API calls that `stop`: it is told by a word of ours."""
    refusal = message.get("refusal")
    return isinstance(refusal, str) and bool(refusal) and not message.get("content") and finish_reason in (None, "stop")


def _thinking(message: Mapping[str, object]) -> str:
    """Thinking has no field of OpenAI's own: each server that hands it over chose one.

    `reasoning_content`: DeepSeek, Moonshot, vLLM, SGLang, llama.cpp. `reasoning`, `reasoning_details`: OpenRouter,
    Groq, Ollama. `thinking`: proxies of Ollama's own API. Parts of `content`: Mistral.
    """
    for name in ("reasoning_content", "reasoning", "thinking"):
        said = message.get(name)
        if isinstance(said, str) and said:
            return said
    return joined_thinking(message.get("reasoning_details")) or joined_thinking(message.get("content"))


class Azure(OpenAI):
    """A model's name is that of its deployment.

    Source: Microsoft, "Azure OpenAI in Azure AI Foundry Models REST API reference" and "API version lifecycle".
    """

    def url(self, model: Model) -> str:
        """The v1 address, or that of the deployment where the user's query names an `api-version`.

        An address that goes on behind the resource's name is taken as it is.
        """
        base = model.base_url.rstrip("/").removesuffix("/openai")
        if "/openai/" in base:
            return f"{base}/chat/completions"
        versioned = any(name == "api-version" for name, _ in model.query)
        path = f"deployments/{quote(model.name, safe='')}" if versioned else "v1"
        return f"{base}/openai/{path}/chat/completions"

    def headers(self, key: Key) -> Mapping[str, str]:
        """A key of the resource, or a token of Microsoft Entra ID: its variable ends with `_TOKEN`."""
        if key.env is not None and key.env.upper().endswith("_TOKEN"):
            return key.header("Authorization", "Bearer ")
        return key.header("api-key")


DIALECT = OpenAI
"""What `providers.create` makes for a provider whose protocol is this."""
