"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_benchmodels.providers.dialect import (
    Reading,
    UnreadableError,
    anthropic_usage,
    given_params,
    joined_text,
    joined_thinking,
)

if TYPE_CHECKING:
    from pytest_benchmodels.core.exchange import Usage
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.request import Request
    from pytest_benchmodels.providers.key import Key

__all__ = ["Anthropic"]

_VERSION = "2023-06-01"
_MAX_TOKENS = 1024


class Anthropic:
    def url(self, model: Model) -> str:
        return f"{model.base_url.rstrip('/').removesuffix('/v1')}/v1/messages"

    def headers(self, key: Key) -> Mapping[str, str]:
        return {**key.header("x-api-key"), "anthropic-version": _VERSION}

    def body(self, request: Request) -> dict[str, object]:
        body: dict[str, object] = {"max_tokens": _MAX_TOKENS, **given_params(request)}
        if "stop" in body:
            stop = body.pop("stop")
            body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
        system = [message.content for message in request.messages if message.role == "system"]
        if system:
            body["system"] = "\n\n".join(system)
        messages = [
            {"role": message.role, "content": message.content}
            for message in request.messages
            if message.role != "system"
        ]
        return {**body, "model": request.model.name, "messages": messages, "stream": False}

    def read(self, document: Mapping[str, object]) -> Reading:
        content = document.get("content")
        if not isinstance(content, list):
            raise UnreadableError("it has no content list")
        thinking = joined_thinking(content)
        return Reading(joined_text(content), document.get("stop_reason"), self.usage(document), thinking)

    def usage(self, document: Mapping[str, object]) -> Usage:
        return anthropic_usage(document)
