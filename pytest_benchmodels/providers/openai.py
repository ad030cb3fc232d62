"""The Chat Completions API, as OpenAI and most other servers speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core.exchange import Usage
from .dialect import Reading, UnreadableError, at, given_params, joined_text, joined_thinking, tokens

if TYPE_CHECKING:
    from ..core.exchange import Request
    from ..core.model import Model
    from .key import Key

__all__ = ["OpenAI"]


class OpenAI:
    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/')}/chat/completions"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("Authorization", "Bearer ")

    def body(self, request: Request) -> dict[str, object]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {**given_params(request), "model": request.model.name, "messages": messages, "stream": False}

    def read(self, document: Mapping[str, object]) -> Reading:
        message = at(document, "choices", 0, "message")
        if not isinstance(message, Mapping):
            raise UnreadableError("it has no choices[0].message")
        finish_reason = at(document, "choices", 0, "finish_reason")
        usage = Usage(
            tokens(at(document, "usage", "prompt_tokens")), tokens(at(document, "usage", "completion_tokens"))
        )
        return Reading(_text(message, finish_reason), finish_reason, usage, _thinking(message))


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
