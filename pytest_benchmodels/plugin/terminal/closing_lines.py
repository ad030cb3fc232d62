"""The last lines of a session: what decided its exit status, and which costs are not known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_benchmodels.core.text import plain
from pytest_benchmodels.reports.units import dollars, name_limit, one_line, plural, short_name, tokens

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Price
    from pytest_benchmodels.plugin.session.bench import Bench
    from pytest_benchmodels.statistics.metrics import Figures, ModelFigures
    from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["Ending", "conclusion", "cost_notes", "markup_of_row", "markup_of_section"]

_NAME_LIMIT = 60
_NAMED_GATES = 3
_VERDICT = re.compile(r"  (better|worse)$")

Markup = Mapping[str, bool]
_GOOD: Markup = {"green": True}
_BAD: Markup = {"red": True}
_PLAIN: Markup = {}


class Ending(NamedTuple):
    """How a session ended: pytest's exit status, the gates, failed tests that are no runs, runs without a result."""

    status: int
    gates: Sequence[GateVerdict]
    others_failed: int
    missing: int


def conclusion(figures: Figures, ending: Ending) -> str:
    """`exit status 1: 2 of 40 runs failed, 1 error`."""
    if ending.status == pytest.ExitCode.INTERRUPTED:
        reasons = [
            f"interrupted; {plural(ending.missing, 'run')} without a result" if ending.missing else "interrupted"
        ]
    elif ending.gates:
        reasons = list(_gate_reasons(ending))
    else:
        reasons = list(_run_reasons(figures, ending))
    return f"exit status {int(ending.status)}: {', '.join(reasons)}"


def _gate_reasons(ending: Ending) -> Iterator[str]:
    failed = [verdict for verdict in ending.gates if not verdict.held]
    if not failed:
        yield f"{plural(len(ending.gates), 'gate')} held, and gates decide"
    for verdict in failed[:_NAMED_GATES]:
        model = f" ({one_line(verdict.model, _NAME_LIMIT)})" if verdict.model and verdict.gate.model == "*" else ""
        yield f"gate failed: {one_line(verdict.gate.text or str(verdict.gate), _NAME_LIMIT)}{model}"
    if len(failed) > _NAMED_GATES:
        yield f"{plural(len(failed) - _NAMED_GATES, 'more gate')} failed"
    yield from _other_reasons(ending)


def _run_reasons(figures: Figures, ending: Ending) -> Iterator[str]:
    statuses = figures.statuses
    failed = statuses["failed"] - figures.xfailed
    counts = ((failed, "failed"), (statuses["timeout"], "timed out"), (statuses["error"], "ended as an error"))
    bad = [f"{count} {what}" for count, what in counts if count]
    if bad:
        listed = " and ".join(filter(None, (", ".join(bad[:-1]), bad[-1])))
        yield f"of {plural(figures.runs, 'run')} {listed}"
    yield from _other_reasons(ending)
    if not bad and not ending.others_failed and not ending.missing:
        yield (
            "no run failed" if ending.status == pytest.ExitCode.OK else "no run failed, but not all could be collected"
        )


def _other_reasons(ending: Ending) -> Iterator[str]:
    if ending.missing:
        yield f"{plural(ending.missing, 'run')} without a result"
    if ending.others_failed:
        yield f"{plural(ending.others_failed, 'other failure')}"


def _markup_of_gate(line: str) -> Markup:
    """Green for a gate that held, red for one that did not."""
    return _GOOD if line.startswith("gate held") else _BAD


def markup_of_section(title: str, line: str) -> Markup:
    """Of a line before the summary: gates, and the models of a comparison that got better or worse."""
    if title == "gates":
        return _markup_of_gate(line)
    verdict = _VERDICT.search(line) if title == "comparison" and not line.startswith("model ") else None
    return _PLAIN if verdict is None else _GOOD if verdict[1] == "better" else _BAD


def markup_of_row(line: str, figures: Figures, width: int) -> Markup:
    """Of a line of the summary: green for a model all of whose answers passed, red for one with anything else."""
    if line.startswith("errors: "):
        return _BAD
    for model in figures.models:
        if line.startswith(f"{short_name(model.model, name_limit(width))} "):
            if model.errors or model.timeouts or model.passed < model.graded:
                return _BAD
            return _GOOD if model.graded else _PLAIN
    return _PLAIN


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
