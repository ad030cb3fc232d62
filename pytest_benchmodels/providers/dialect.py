"""What differs between model APIs, behind one seam, and what their modules share.

Sources: https://platform.openai.com/docs/api-reference/chat/object, https://docs.anthropic.com/en/api/messages,
https://ai.google.dev/api/generate-content#UsageMetadata, https://openrouter.ai/docs/use-cases/usage-accounting,
https://docs.x.ai/developers/cost-tracking, https://api-docs.deepseek.com/guides/kv_cache.

What contradicts itself is not known: where more was read from a cache than the prompt had, the prompt is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.exchange import Usage
from pytest_benchmodels.core.message import ToolCall

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.request import Request
    from pytest_benchmodels.providers.key import Key

__all__ = [
    "BlockedError",
    "Dialect",
    "FailedError",
    "Reading",
    "UnreadableError",
    "anthropic_usage",
    "at",
    "given_params",
    "google_usage",
    "joined_text",
    "joined_thinking",
    "openai_usage",
    "tokens",
]

_MOST_TOKENS = 2**53


class UnreadableError(ValueError):
    """An answer in a shape that its API does not have; the text says what is missing."""


class FailedError(Exception):
    """An error that stands where the answer should; `error` is the API's own account of it."""

    def __init__(self, error: object) -> None:
        super().__init__(error)
        self.error = error


class BlockedError(Exception):
    """A filter of the provider's kept the prompt from the model; the text says which, in the API's words."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API's answer says. `thinking` is what it hands over apart from the answer.

    `tool_calls` are the tools that it wants to be called.
    """

    text: str
    finish_reason: object = None
    usage: Usage = field(default_factory=Usage)
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class Dialect(Protocol):
    """How one API is spoken. Stateless: one instance serves all requests to a model."""

    def url(self, model: Model) -> str:
        """The address that requests are posted to."""

    def headers(self, key: Key) -> Mapping[str, str]:
        """The headers that carry the key and the API's version."""

    def body(self, request: Request) -> Mapping[str, object]:
        """The JSON document to post; raises ProviderError for a part of a message that the API has no place for."""

    def read(self, document: Mapping[str, object]) -> Reading:
        """Read an answer; raises UnreadableError, FailedError, BlockedError."""

    def usage(self, document: Mapping[str, object]) -> Usage:
        """What it took, whether or not the rest of it can be read."""


def given_params(request: Request) -> dict[str, object]:
    """The request's parameters, without `sim`: what simulates a model is nothing to tell a real one."""
    return {name: value for name, value in request.params.items() if name != "sim"}


def at(value: object, *path: str | int) -> object:
    """Follow keys and indices into parsed JSON; None where the way ends."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
        if value is None:
            return None
    return value


def joined_text(parts: list[object]) -> str:
    """The texts of an answer that comes in parts; parts of another kind (thinking, pictures, tools) have no say."""
    return "".join(
        part["text"]
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("text"), str) and not _is_thinking(part)
    )


def joined_thinking(parts: object) -> str:
    """What those parts hold that are thinking; `(encrypted)` for one that only its provider can read."""
    if not isinstance(parts, list):
        return ""
    thoughts = (_thought(part) for part in parts if isinstance(part, Mapping) and _is_thinking(part))
    return "\n\n".join(filter(None, thoughts))


def _is_thinking(part: Mapping[str, object]) -> bool:
    """`thought: true` (Gemini), `thinking`, `redacted_thinking` (Anthropic, Mistral), `reasoning...` (OpenRouter)."""
    kind = part.get("type")
    return bool(part.get("thought")) or (isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind))


def _thought(part: Mapping[str, object]) -> str:
    for name in ("thinking", "text", "summary", "reasoning", "content"):
        said = part.get(name)
        if isinstance(said, str) and said:
            return said
        if isinstance(said, list):  # Mistral's thinking comes in parts itself
            return joined_text(said)
    return "(encrypted)" if isinstance(part.get("data"), str) else ""


def tokens(value: object) -> int | None:
    """A count of tokens, or None for anything that is none."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


_TICKS_A_DOLLAR = 10**10
_NONSENSE = -1


def openai_usage(document: Mapping[str, object]) -> Usage:
    """OpenAI's, where the prompt includes what was cached; and how others who speak its protocol depart from it."""
    said = _fields(document.get("usage"))
    of_prompt = _fields(said.get("prompt_tokens_details"))
    of_completion = _fields(said.get("completion_tokens_details"))
    prompt, completion = tokens(said.get("prompt_tokens")), tokens(said.get("completion_tokens"))
    reasoning = _first(of_completion.get("reasoning_tokens"))
    total = tokens(said.get("total_tokens"))
    # xAI leaves thinking out of the completion, Gemini's endpoint of this protocol does not even name it. It is billed
    # all the same, and stands in the total.
    if prompt is not None and completion is not None and total is not None and total > prompt + completion:
        reasoning = reasoning or total - prompt - completion
        completion = total - prompt
    cached = _first(of_prompt.get("cached_tokens"), said.get("prompt_cache_hit_tokens"), said.get("cached_tokens"))
    return _account(
        Usage(
            prompt,
            completion,
            cached_input_tokens=cached,
            cache_write_tokens=_first(of_prompt.get("cache_write_tokens"), said.get("cache_creation_input_tokens")),
            reasoning_tokens=reasoning,
            stated_cost_usd=_stated_cost(said),
        )
    )


def anthropic_usage(document: Mapping[str, object]) -> Usage:
    """Anthropic's, where `input_tokens` are only what the cache had no part in."""
    said = _fields(document.get("usage"))
    read, written = _first(said.get("cache_read_input_tokens")), _first(said.get("cache_creation_input_tokens"))
    created = _fields(said.get("cache_creation"))
    by_life = [_first(created.get(f"ephemeral_{life}_input_tokens")) for life in ("5m", "1h")]
    if written is None and by_life != [None, None]:
        written = sum(count or 0 for count in by_life)
    rest = tokens(said.get("input_tokens"))
    return _account(
        Usage(
            None if rest is None else rest + max(read or 0, 0) + max(written or 0, 0),
            tokens(said.get("output_tokens")),
            cached_input_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=by_life[1],
            reasoning_tokens=_first(_fields(said.get("output_tokens_details")).get("thinking_tokens")),
        )
    )


def google_usage(document: Mapping[str, object]) -> Usage:
    """Gemini's, where the prompt includes what was cached, and thoughts and the prompts of tools are counted apart.

    It leaves out what is 0: only the total tells then that nothing was said.
    """
    said = _fields(document.get("usageMetadata"))
    prompt, total = tokens(said.get("promptTokenCount")), tokens(said.get("totalTokenCount"))
    of_tools, thoughts = _first(said.get("toolUsePromptTokenCount")), _first(said.get("thoughtsTokenCount"))
    output = tokens(said.get("candidatesTokenCount"))
    if prompt is not None:
        prompt = None if of_tools == _NONSENSE else prompt + (of_tools or 0)
    if thoughts == _NONSENSE:
        output = thoughts = None
    elif thoughts is not None:
        output = (output or 0) + thoughts
    elif output is None and prompt is not None and total is not None and total >= prompt:
        output = total - prompt
    return _account(
        Usage(
            prompt,
            output,
            cached_input_tokens=_first(said.get("cachedContentTokenCount")),
            reasoning_tokens=thoughts,
        )
    )


def _account(usage: Usage) -> Usage:
    """The same without what contradicts itself."""
    prompt, output = usage.input_tokens, usage.output_tokens
    read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    hourly, reasoning = usage.cache_write_1h_tokens or 0, usage.reasoning_tokens
    if reasoning is not None and (reasoning < 0 or output is None or reasoning > output):
        usage = replace(usage, reasoning_tokens=None)
    if min(read, written, hourly) < 0 or hourly > written or (prompt is not None and read + written > prompt):
        return Usage(None, output, reasoning_tokens=usage.reasoning_tokens, stated_cost_usd=usage.stated_cost_usd)
    return usage


def _fields(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _first(*values: object) -> int | None:
    """The first of these counts that is there, None without one, and less than 0 for anything that is no count."""
    for value in values:
        if value is not None:
            count = tokens(value)
            return _NONSENSE if count is None else count
    return None


def _stated_cost(said: Mapping[str, object]) -> float | None:
    """What was billed, in US dollars, as OpenRouter, Perplexity and xAI say it.

    Where OpenRouter called with the user's own key, `cost` is its fee, and the provider bills the rest.
    """
    ticks = _amount(said.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / _TICKS_A_DOLLAR
    cost = said.get("cost")
    stated = _amount(_fields(cost).get("total_cost"))
    if stated is not None:
        return stated
    stated = _amount(cost)
    upstream = _amount(_fields(said.get("cost_details")).get("upstream_inference_cost"))
    own_key = said.get("is_byok")
    if stated is None or own_key is False or (own_key is None and upstream is None):
        return stated
    return None if upstream is None else stated + upstream


def _amount(value: object) -> float | None:
    if type(value) is not int and type(value) is not float:
        return None
    return float(value) if 0 <= value < math.inf else None
