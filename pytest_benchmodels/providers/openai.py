"""The Chat Completions API, as OpenAI and most other servers speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_benchmodels.core.message import (
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
from pytest_benchmodels.providers.folds import OPENAI_STREAM

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "OpenAI"]

# How an answer ends that the server, not the model, broke off: OpenRouter and Mistral; DeepSeek; Zhipu; vLLM.
_FAILED = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})


class OpenAI:
    stream = OPENAI_STREAM

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
        return {**given_params(request), "model": request.model.name, "messages": messages, "stream": False}

    def read(self, document: Mapping[str, object]) -> Reading:
        choice = at(document, "choices", 0)
        _raise_failure(document, choice)
        message, finish_reason = at(choice, "message"), at(choice, "finish_reason")
        if not isinstance(message, dict):
            raise UnreadableError("it has no choices[0].message")
        text, calls = _text(message, finish_reason), _tool_calls(message)
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
    function = {"name": call.name, "arguments": arguments_text(call.arguments)}
    written: dict[str, object] = {"id": call.id, "type": "function", "function": function}
    # Gemini 3 behind this protocol refuses a call that comes back without it.
    return (
        {**written, "extra_content": {"google": {"thought_signature": call.signature}}} if call.signature else written
    )


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


DIALECT = OpenAI
"""What `providers.create` makes for a provider whose protocol is this."""
