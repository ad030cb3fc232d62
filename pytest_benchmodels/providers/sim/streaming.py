"""A simulated answer as a stream of Chat Completions events, with a pace that is set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_benchmodels.providers.sim.knobs import Knobs
    from pytest_benchmodels.providers.sim.reply import Reply

__all__ = ["refusal", "streamed"]

CHARACTERS_A_TOKEN = 4
_DONE = b"data: [DONE]\n\n"
_NOT_STREAMED = ("huge", "gzip", "declared_bytes")

_dump = json.JSONEncoder(separators=(",", ":")).encode


def refusal(knobs: Knobs) -> str:
    """Why such a model does not stream; empty if it does."""
    given = [name for name in _NOT_STREAMED if getattr(knobs, name)]
    return f"sim knob '{given[0]}' does not go with a stream: leave one of the two out" if given else ""


def streamed(reply: Reply, knobs: Knobs, *, with_usage: bool) -> Reply:
    """The same answer in events. After `delay_s` comes the first; one token comes every `1 / pace` seconds."""
    if reply.status != 200 or reply.fault in {"garbage", "endless"}:
        return reply
    if reply.fault == "malformed":
        return replace(reply, events=(b"data: {\n\n",))
    events = tuple(_events(json.loads(reply.body), with_usage=with_usage))
    if reply.fault == "truncate":
        events = events[: len(events) // 2]
    return replace(reply, events=events, pace_s=1 / knobs.pace if knobs.pace else 0.0)


def _events(document: Mapping[str, Any], *, with_usage: bool) -> Iterator[bytes]:
    choice = document["choices"][0]
    shared = {name: document[name] for name in document if name not in ("object", "choices", "usage")}

    def event(choices: list[dict[str, Any]], **more: object) -> bytes:
        chunk = {**shared, "object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + _dump(chunk).encode() + b"\n\n"

    def said(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        return event([{"index": 0, "delta": delta, "finish_reason": reason}])

    for delta in _deltas(choice["message"]):
        yield said(delta)
    yield said({}, choice["finish_reason"])
    if with_usage:
        yield event([], usage=document["usage"])
    yield _DONE


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is new in each event: who speaks, thinking, the text, a token at a time, and the calls of tools."""
    opening: dict[str, Any] = {"role": message["role"]}
    for name in ("reasoning_content", "content"):
        for piece in _pieces(message.get(name) or ""):
            yield {**opening, name: piece}
            opening = {}
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield {**opening, "tool_calls": [{**call, "index": number, "function": {**function, "arguments": ""}}]}
        opening = {}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
    if opening:
        yield {**opening, "content": ""}


def _pieces(text: str) -> Iterator[str]:
    """The tokens of a text, as many as the usage counts: of what is left over the last one is longer."""
    count = max(1, len(text) // CHARACTERS_A_TOKEN) if text else 0
    for number in range(count):
        start = number * CHARACTERS_A_TOKEN
        yield text[start : start + CHARACTERS_A_TOKEN] if number < count - 1 else text[start:]
