"""Our prices against those of the list they come from."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest
from genai_prices import Usage as Listed
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot

from pytest_benchmodels.core.message import Usage
from pytest_benchmodels.core.model import Price, cost
from pytest_benchmodels.plugin.session.price_list import listed_price

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CATALOG = (
    "openai",
    "anthropic",
    "google",
    "openrouter",
    "x-ai",
    "deepseek",
    "mistral",
    "groq",
    "together",
)
USAGES = (
    Usage(1000, 1000),
    Usage(0, 0),
    Usage(100_000, 700, cached_input_tokens=90_000),
    Usage(300_000, 5000),
    Usage(300_000, 5000, cached_input_tokens=250_000),
    Usage(200_000, 1),
    Usage(200_001, 1),
    Usage(272_001, 10, cached_input_tokens=1),
    Usage(50_000, 800, cached_input_tokens=20_000, cache_write_tokens=25_000),
    Usage(50_000, 800, cache_write_tokens=49_000, cache_write_1h_tokens=40_000),
    Usage(1_500_000, 60_000, cached_input_tokens=3, cache_write_tokens=7, cache_write_1h_tokens=2),
)


def theirs(provider: str, model: str, usage: Usage, at: datetime) -> float:
    counted = Listed(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
    )
    priced = calc_price(counted, model_ref=model, provider_id=provider, genai_request_timestamp=at)
    return float(priced.total_price)


def test_every_listed_model_costs_what_the_list_works_out() -> None:
    checked, unknown = 0, []
    for provider in get_snapshot().providers:
        if provider.id not in CATALOG:
            continue
        # Of the thousand that OpenRouter has, every seventh.
        for model in provider.models[:: 7 if provider.id == "openrouter" else 1]:
            price = listed_price(provider.id, model.id, NOW)
            if price is None:
                unknown.append(f"{provider.id}/{model.id}")
                continue
            for usage in USAGES:
                at = NOW + timedelta(hours=checked % 24)  # whenever a session's request may go
                ours = cost(price, usage)
                assert ours.is_whole
                expected = theirs(provider.id, model.id, usage, at)
                assert ours.known_usd == pytest.approx(expected, rel=1e-9, abs=1e-12), (provider.id, model.id, usage)
                checked += 1
    assert checked > 3000
    assert len(unknown) < 60, unknown


@pytest.mark.parametrize(
    ("provider", "model", "usage", "right"),
    [
        # What the providers' own price pages say, by hand: dollars per million tokens.
        (
            "openai",
            "gpt-4o-mini",
            Usage(100_000, 1000, cached_input_tokens=90_000),
            10_000 * 0.15 + 90_000 * 0.075 + 600,
        ),
        ("google", "gemini-2.5-pro", Usage(300_000, 1000), 300_000 * 2.5 + 1000 * 15),
        ("google", "gemini-2.5-pro", Usage(200_000, 1000), 200_000 * 1.25 + 1000 * 10),
        (
            "anthropic",
            "claude-haiku-4-5",
            Usage(21_000, 100, cached_input_tokens=10_000, cache_write_tokens=10_000, cache_write_1h_tokens=4000),
            1000 * 1 + 10_000 * 0.10 + 6000 * 1.25 + 4000 * 2 + 100 * 5,
        ),
    ],
)
def test_what_the_price_pages_say(provider: str, model: str, usage: Usage, right: float) -> None:
    price = listed_price(provider, model)
    assert cost(price, usage).known_usd == pytest.approx(right / 1e6, rel=1e-9)


def test_a_price_that_changes_by_the_hour_is_not_known() -> None:
    hourly = [
        model.id
        for model in next(one for one in get_snapshot().providers if one.id == "deepseek").models
        if isinstance(model.prices, list) and any(hasattr(price.constraint, "end_time") for price in model.prices)
    ]
    assert hourly
    assert [listed_price("deepseek", model, NOW) for model in hourly] == [None] * len(hourly)


def test_a_price_that_changes_tomorrow_is_not_known_today() -> None:
    model = next(
        model
        for provider in get_snapshot().providers
        for model in provider.models
        if provider.id == "anthropic" and isinstance(model.prices, list)
    )
    edge = next(price.constraint.start_date for price in model.prices if price.constraint)  # type: ignore[union-attr]
    start = datetime(edge.year, edge.month, edge.day, tzinfo=UTC)

    before = listed_price("anthropic", model.id, start - timedelta(days=2))
    after = listed_price("anthropic", model.id, start)

    assert None not in (before, after)
    assert before != after
    assert listed_price("anthropic", model.id, start - timedelta(hours=3)) is None


def test_what_is_billed_by_the_request_as_well_is_not_known() -> None:
    assert listed_price("perplexity", "sonar") is None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-realtime"), ("google", "gemini-2.5-flash-image")], ids=["asked", "answered"]
)
def test_what_bills_images_at_a_rate_of_their_own_is_not_known(provider: str, model: str) -> None:
    assert listed_price(provider, model) is None


def test_a_model_that_sees_images_and_counts_them_as_input_has_its_price() -> None:
    assert listed_price("openai", "gpt-4o-mini") is not None
    assert listed_price("google", "gemini-2.5-flash") is not None


def test_a_model_that_is_not_listed_has_no_price() -> None:
    assert listed_price("openai", "no-such-model") is None
    assert listed_price("no-such-provider", "x") is None


def test_a_price_is_small_and_plain() -> None:
    """It goes to each worker, which does not load the list."""
    price = listed_price("openai", "gpt-4o-mini")
    assert price == Price(0.15, 0.6, 0.075, 0.15, 0.15)
    with warnings.catch_warnings():
        assert hash(price) == hash(listed_price("openai", "gpt-4o-mini"))
