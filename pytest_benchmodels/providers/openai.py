"""The Chat Completions API, as OpenAI and most other servers speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_benchmodels.providers.dialect import (
    BlockedError,
    FailedError,
    Reading,
    UnreadableError,
    at,
    given_params,
    joined_text,
    joined_thinking,
    openai_usage,
)

if TYPE_CHECKING:
    from pytest_benchmodels.core.exchange import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.request import Request
    from pytest_benchmodels.providers.key import Key

__all__ = ["OpenAI"]

# How an answer ends that the server, not the model, broke off: OpenRouter and Mistral; DeepSeek; Zhipu; vLLM.
_FAILED = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})


class OpenAI:
    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/')}/chat/completions"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("Authorization", "Bearer ")

    def body(self, request: Request) -> dict[str, object]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {**given_params(request), "model": request.model.name, "messages": messages, "stream": False}

    def read(self, document: Mapping[str, object]) -> Reading:
        choice = at(document, "choices", 0)
        _raise_failure(document, choice)
        message, finish_reason = at(choice, "message"), at(choice, "finish_reason")
        if not isinstance(message, dict):
            raise UnreadableError("it has no choices[0].message")
        return Reading(_text(message, finish_reason), finish_reason, self.usage(document), _thinking(message))

    def usage(self, document: Mapping[str, object]) -> Usage:
        return openai_usage(document)


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
