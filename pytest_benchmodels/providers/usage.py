"""Each API's own account of tokens, read into ours: what `core.exchange.Usage` says.

Sources: https://platform.openai.com/docs/api-reference/chat/object, https://docs.anthropic.com/en/api/messages,
https://ai.google.dev/api/generate-content#UsageMetadata, https://openrouter.ai/docs/use-cases/usage-accounting,
https://docs.x.ai/developers/cost-tracking, https://api-docs.deepseek.com/guides/kv_cache.

What contradicts itself is not known: where more was read from a cache than the prompt had, the prompt is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec.structs import replace

from ..core.exchange import Usage
from .dialect import tokens

__all__ = ["anthropic_usage", "google_usage", "openai_usage"]

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
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None
