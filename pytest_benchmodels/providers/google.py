"""Google's generateContent API (Gemini)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_benchmodels.providers.dialect import (
    BlockedError,
    Reading,
    UnreadableError,
    at,
    given_params,
    google_usage,
    joined_text,
    joined_thinking,
)

if TYPE_CHECKING:
    from pytest_benchmodels.core.exchange import Message, Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.request import Request
    from pytest_benchmodels.providers.key import Key

__all__ = ["Google"]

_CONFIG = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}


class Google:
    def url(self, model: Model) -> str:
        base = model.base_url.rstrip("/")
        # Google's own libraries take the address without the version.
        versioned = base.rpartition("/")[2] in {"v1", "v1alpha", "v1beta"}
        return f"{base if versioned else f'{base}/v1beta'}/models/{quote(model.name, safe='')}:generateContent"

    def headers(self, key: Key) -> Mapping[str, str]:
        return key.header("x-goog-api-key")

    def body(self, request: Request) -> dict[str, object]:
        params = given_params(request)
        own = params.pop("generationConfig", {})
        config = {_CONFIG[name]: params.pop(name) for name in _CONFIG if name in params}
        if isinstance(config.get("stopSequences"), str):
            config["stopSequences"] = [config["stopSequences"]]
        body: dict[str, object] = {**params, "contents": _contents(request.messages)}
        system = [{"text": message.content} for message in request.messages if message.role == "system"]
        if system:
            body["systemInstruction"] = {"parts": system}
        if own or config:
            body["generationConfig"] = {**own, **config} if isinstance(own, Mapping) else own
        return body

    def read(self, document: Mapping[str, object]) -> Reading:
        usage = self.usage(document)
        parts = at(document, "candidates", 0, "content", "parts")
        reason = at(document, "candidates", 0, "finishReason")
        block_reason = at(document, "promptFeedback", "blockReason")
        if isinstance(block_reason, str) and at(document, "candidates", 0) is None:
            raise BlockedError(f"promptFeedback.blockReason {block_reason}")
        if isinstance(parts, list):
            return Reading(joined_text(parts), reason, usage, joined_thinking(parts))
        # A blocked answer, or tokens that ran out while thinking: the model has ended, and said nothing.
        if isinstance(reason, str):
            return Reading("", reason, usage)
        raise UnreadableError("it has no candidates[0].content.parts")

    def usage(self, document: Mapping[str, object]) -> Usage:
        return google_usage(document)


def _contents(messages: tuple[Message, ...]) -> list[object]:
    return [
        {"role": "model" if message.role == "assistant" else "user", "parts": [{"text": message.content}]}
        for message in messages
        if message.role != "system"
    ]
