"""What a reader has to know of a cost: whose is unknown or known in part, why, and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_benchmodels.core.text import plain
from pytest_benchmodels.reports.units import dollars, plural, tokens

if TYPE_CHECKING:
    from pytest_benchmodels.core.metrics import Figures, ModelFigures
    from pytest_benchmodels.core.model import Price

    from .bench import Bench

__all__ = ["cost_notes"]

_ENTRY = "price = {input = ..., output = ...}"


def cost_notes(figures: Figures, bench: Bench) -> Iterator[str]:
    """Lines for below the summary's table."""
    has_budget = bench.settings.budget_usd is not None
    prices = {model.model: _price(bench, model.model) for model in figures.models}
    unknown = [model for model in figures.models if model.unpriced and not model.known_cost_usd]
    nameless = [plain(model.model) for model in unknown if prices[model.model] is None]
    if nameless:
        counted = " (the budget does not count them)" if has_budget else ""
        yield f"cost unknown: {', '.join(nameless)}{counted}; set {_ENTRY} of [model.NAME] in bench.toml"
    for model in figures.models:
        price = prices[model.model]
        if model.unpriced and (price is not None or model.known_cost_usd):
            yield _in_part(model, price, has_budget=has_budget)
        if price is not None and price.cached_input is None and model.known_cached_input_tokens and not price.is_free:
            yield _at_most(model, model.known_cached_input_tokens)


def _price(bench: Bench, name: str) -> Price | None:
    return bench.models.resolve(name).price


def _in_part(model: ModelFigures, price: Price | None, *, has_budget: bool) -> str:
    runs = plural(model.unpriced, "run")
    known = f", {dollars(None, model.known_cost_usd)}" if model.known_cost_usd else ""
    counted = "; the budget counts what is known" if has_budget else ""
    why = "requests whose tokens nobody told"
    if price is not None and price.cache_write is None:
        why += ", or that wrote to a cache for which there is no cache_write in price"
    return f"cost known in part: {plain(model.model)}{known}: {runs} had {why}{counted}"


def _at_most(model: ModelFigures, cached: int) -> str:
    """No provider takes more for what it has in its cache than for other input."""
    return (
        f"cost at most: {plain(model.model)}: {tokens(cached)} tokens came from the provider's cache and are priced as "
        "other input; set cached_input in its price"
    )
