"""Each API's account of tokens, read into ours, beside how genai-prices reads the same documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from genai_prices import extract_usage
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Usage
from pytest_benchmodels.providers.dialect import anthropic_usage, google_usage, openai_usage

Read = Callable[[Mapping[str, object]], Usage]
OPENAI = {"prompt_tokens": 1000, "completion_tokens": 500}
COUNTS = st.integers(0, 10**6)


def _openai(cached: int, written: int, rest: int, thought: int, said: int) -> dict[str, Any]:
    return {
        "prompt_tokens": cached + written + rest,
        "completion_tokens": thought + said,
        "total_tokens": cached + written + rest + thought + said,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _anthropic(cached: int, written: int, rest: int, thought: int, said: int) -> dict[str, Any]:
    hourly = written // 3
    return {
        "input_tokens": rest,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written - hourly, "ephemeral_1h_input_tokens": hourly},
        "output_tokens": thought + said,
        "output_tokens_details": {"thinking_tokens": thought},
    }


def _google(cached: int, written: int, rest: int, thought: int, said: int) -> dict[str, Any]:
    return {
        "promptTokenCount": cached + rest,
        "toolUsePromptTokenCount": written,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": thought,
        "totalTokenCount": cached + written + rest + thought + said,
    }


def _xai(cached: int, written: int, rest: int, thought: int, said: int) -> dict[str, Any]:
    document = _openai(cached, 0, rest + written, thought, said)
    return {**document, "completion_tokens": said}


@pytest.mark.parametrize(
    ("model", "flavor", "field", "make", "read"),
    [
        ("openai/gpt-4o", "chat", "usage", _openai, openai_usage),
        ("openrouter/openai/gpt-4o", "chat", "usage", _openai, openai_usage),
        ("x-ai/grok-3", "chat", "usage", _xai, openai_usage),
        ("anthropic/claude-haiku-4-5", "default", "usage", _anthropic, anthropic_usage),
        ("google/gemini-2.5-pro", "default", "usageMetadata", _google, google_usage),
    ],
)
@given(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS))
def test_we_read_what_genai_prices_reads(  # noqa: PLR0913, PLR0917 - a table of cases
    model: str, flavor: str, field: str, make: Callable[..., dict[str, Any]], read: Read, counts: tuple[int, ...]
) -> None:
    document = {field: make(*counts)}
    provider, _, name = model.partition("/")
    theirs = extract_usage({**document, "model": name}, provider_id=provider, api_flavor=flavor).usage
    ours = read(document)

    assert ours.input_tokens == theirs.reported_value("input_tokens")
    assert ours.output_tokens == theirs.reported_value("output_tokens")
    assert (ours.cached_input_tokens or 0) == theirs.reported_value("cache_read_tokens")
    assert (ours.cache_write_tokens or 0) == theirs.reported_value("cache_write_tokens")
    assert (ours.cache_write_1h_tokens or 0) == theirs.reported_value("cache_write_1h_tokens")
    assert (ours.reasoning_tokens or 0) == theirs.reported_value("output_reasoning_tokens")


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({}, Usage()),
        (OPENAI, Usage(1000, 500)),
        ({**OPENAI, "prompt_cache_hit_tokens": 900, "prompt_cache_miss_tokens": 100}, Usage(1000, 500, 900)),
        ({**OPENAI, "cached_tokens": 900}, Usage(1000, 500, 900)),
        ({**OPENAI, "prompt_tokens_details": None, "completion_tokens_details": None}, Usage(1000, 500)),
        # xAI's completion is without its thinking; Gemini's endpoint of this protocol does not name it at all.
        (
            {**OPENAI, "total_tokens": 1800, "completion_tokens_details": {"reasoning_tokens": 300}},
            Usage(1000, 800, reasoning_tokens=300),
        ),
        ({**OPENAI, "total_tokens": 1800}, Usage(1000, 800, reasoning_tokens=300)),
        ({**OPENAI, "total_tokens": 7}, Usage(1000, 500)),
        # What contradicts itself is not known.
        ({**OPENAI, "prompt_tokens_details": {"cached_tokens": 1001}}, Usage(None, 500)),
        ({**OPENAI, "prompt_tokens_details": {"cached_tokens": -1}}, Usage(None, 500)),
        ({**OPENAI, "prompt_tokens_details": {"cached_tokens": 0.5}}, Usage(None, 500)),
        ({**OPENAI, "prompt_tokens_details": {"cached_tokens": 900, "cache_write_tokens": 200}}, Usage(None, 500)),
        ({**OPENAI, "completion_tokens_details": {"reasoning_tokens": 501}}, Usage(1000, 500)),
        ({"prompt_tokens": -5, "completion_tokens": 500}, Usage(None, 500)),
        # What was billed, in dollars.
        ({**OPENAI, "cost": 0.0123}, Usage(1000, 500, stated_cost_usd=0.0123)),
        ({**OPENAI, "cost": 0}, Usage(1000, 500, stated_cost_usd=0.0)),
        (
            {**OPENAI, "cost": 0.95, "cost_details": {"upstream_inference_cost": 19}},
            Usage(1000, 500, stated_cost_usd=19.95),
        ),
        (
            {**OPENAI, "cost": 0.95, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.95}},
            Usage(1000, 500, stated_cost_usd=0.95),
        ),
        ({**OPENAI, "cost": 0.95, "is_byok": True}, Usage(1000, 500)),
        ({**OPENAI, "cost": {"total_cost": 0.006}}, Usage(1000, 500, stated_cost_usd=0.006)),
        ({**OPENAI, "cost_in_usd_ticks": 37_756_000}, Usage(1000, 500, stated_cost_usd=0.0037756)),
        ({**OPENAI, "cost": -1}, Usage(1000, 500)),
        ({**OPENAI, "cost": math.nan}, Usage(1000, 500)),
        ({**OPENAI, "cost": True}, Usage(1000, 500)),
        ({**OPENAI, "cost": "0.1"}, Usage(1000, 500)),
    ],
)
def test_openai_and_who_departs_from_it(said: object, usage: Usage) -> None:
    assert openai_usage({"usage": said}) == usage


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(10, 5)),
        (
            {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 0},
            Usage(100, 5, 90, 0),
        ),
        (
            {"input_tokens": 10, "output_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 30}},
            Usage(40, 5, None, 30, cache_write_1h_tokens=30),
        ),
        ({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": -90}, Usage(None, 5)),
        ({"cache_read_input_tokens": 90, "output_tokens": 5}, Usage(None, 5, 90)),
    ],
)
def test_anthropic_counts_apart_what_the_cache_had(said: object, usage: Usage) -> None:
    assert anthropic_usage({"usage": said}) == usage


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (None, Usage()),
        ({"promptTokenCount": 10, "totalTokenCount": 10}, Usage(10, 0)),
        ({"promptTokenCount": 10}, Usage(10, None)),
        ({"promptTokenCount": 10, "thoughtsTokenCount": 7, "totalTokenCount": 17}, Usage(10, 7, reasoning_tokens=7)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": -1}, Usage(10, None)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "cachedContentTokenCount": 11}, Usage(None, 5)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "toolUsePromptTokenCount": "x"}, Usage(None, 5)),
    ],
)
def test_gemini_leaves_out_what_is_nothing(said: object, usage: Usage) -> None:
    assert google_usage({"usageMetadata": said}) == usage


@pytest.mark.parametrize(
    ("read", "field"), [(openai_usage, "usage"), (anthropic_usage, "usage"), (google_usage, "usageMetadata")]
)
@given(
    st.dictionaries(
        st.sampled_from(
            [*_openai(1, 1, 1, 1, 1), *_anthropic(1, 1, 1, 1, 1), *_google(1, 1, 1, 1, 1), "cost", "cost_details"]
        ),
        st.none() | st.integers() | st.floats() | st.text() | st.dictionaries(st.text(), st.integers()),
    )
)
def test_whatever_is_said_the_account_is_sound(read: Read, field: str, said: dict[str, object]) -> None:
    usage = read({field: said})
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    assert min(cached, written, usage.output_tokens or 0, usage.stated_cost_usd or 0) >= 0
    assert usage.input_tokens is None or cached + written <= usage.input_tokens
    assert (usage.reasoning_tokens or 0) <= (usage.output_tokens or 0)
