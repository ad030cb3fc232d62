"""What models cost by the price list.

Source: https://github.com/pydantic/genai-prices, the version that is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_benchmodels.core.model import Price, Tier

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, TieredPrices

__all__ = ["listed_price"]

_OURS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
_ONLY_IF_ASKED_FOR = ("searches", "audio_mtok", "video_mtok", "audio_read_mtok")
"""Ends of the names of what is billed only where a request has it, which ours do not. Images they may have: those count
as other input, and where they have a rate of their own no price is known, for nobody tells which tokens are theirs."""
_LONGEST_SESSION = timedelta(days=1)
_LISTED_AS = {"xai": "x-ai"}  # what the price list calls it


def listed_price(provider: str, name: str, now: datetime | None = None) -> Price | None:
    """The price list's entry; None where it has none, or one that `Price` cannot say.

    That is one which bills something else than tokens, and one that changes by the hour or within a day of `now`: a
    session may last as long.
    """
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.3 s, for models whose price nobody gave

    try:
        _, model = get_snapshot().find_provider_model(name, None, _LISTED_AS.get(provider, provider), None)
    except LookupError:
        return None
    moment = now or datetime.now(UTC)
    prices = [_listed_price(model.get_prices(at)) for at in _moments(model, moment)]
    return prices[0] if all(one == other for one, other in pairwise(prices)) else None


def _moments(model: ModelInfo, now: datetime) -> Iterator[datetime]:
    """Now, and whenever within the next day another price may hold."""
    yield now
    conditions: list[ConditionalPrice] = model.prices if isinstance(model.prices, list) else []
    for condition in conditions:
        constraint = condition.constraint
        for name in ("start_date", "start_time", "end_time"):
            edge = getattr(constraint, name, None)
            if edge is None:
                continue
            if name == "start_date":
                at = datetime(edge.year, edge.month, edge.day, tzinfo=UTC)
                if now < at <= now + _LONGEST_SESSION:
                    yield at
            else:
                # The hour of a zone of its own is another one of the same day: 24 hours have all of them.
                yield datetime.combine(now.date(), edge, edge.tzinfo or UTC)


def _listed_price(listed: ModelPrice) -> Price | None:
    """The entry as ours, None if it bills what we do not count."""
    entries = {name: value for name, value in vars(listed).items() if value is not None}
    if any(name not in _OURS and not name.removesuffix("_kcount").endswith(_ONLY_IF_ASKED_FOR) for name in entries):
        return None
    levels = sorted({tier.start for value in entries.values() for tier in getattr(value, "tiers", ())})
    tiers = tuple(Tier(above, _rates(entries, above + 1)) for above in levels)
    base = _rates(entries, 0)
    return Price(base.input, base.output, base.cached_input, base.cache_write, base.cache_write_1h, tiers)


def _rates(entries: dict[str, object], prompt: int) -> Price:
    """The rates for a prompt of so many tokens; without one of its own, a kind is billed as the rest is."""

    def rate(name: str, otherwise: float) -> float:
        value = entries.get(name)
        return otherwise if value is None else _at(value, prompt)

    plain = rate("input_mtok", 0.0)
    written = rate("cache_write_mtok", plain)
    return Price(
        input=plain,
        output=rate("output_mtok", 0.0),
        cached_input=rate("cache_read_mtok", plain),
        cache_write=written,
        cache_write_1h=rate("cache_write_1h_mtok", written),
    )


def _at(value: object, prompt: int) -> float:
    tiered: TieredPrices | None = value if hasattr(value, "tiers") else None  # type: ignore[assignment] # as it says
    if tiered is None:
        return float(value)  # type: ignore[arg-type] # a Decimal
    reached = [tier.price for tier in tiered.tiers if prompt > tier.start]
    return float(reached[-1] if reached else tiered.base)
