"""The models' order with its uncertainty: lines for the terminal, plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_benchmodels.core.ranking import ModelPair, RankedModel, Ranking
from pytest_benchmodels.core.statistics import disagreement

from .difference import p_value, points
from .table import aligned
from .units import UNKNOWN, fraction, one_line, percent, plural, short_name

__all__ = ["pair_lines", "ranking_lines", "ranking_plain", "ranking_table"]

_TITLES = ("place", "model", "passed", "rate", "95% CI", "score")
_LEFT = frozenset(("model", "95% CI"))
_SHOWN = 10
_NAME_LIMIT = 120


def ranking_lines(ranking: Ranking, width: int | None = None) -> list[str]:
    """The models by place, which of them differ by more than chance, and the scenarios whose trials disagree.

    Models that share a place are not told apart by these runs. Long lists are cut, and say how many were left out.
    `width` is the terminal's, in characters.
    """
    if not ranking.models:
        return []
    titles, rows = ranking_table(ranking)
    return [*aligned(titles, rows, _LEFT, width), *pair_lines(ranking), *_flaky_lines(ranking)]


def ranking_table(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """The titles, and one row of as many cells for each model."""
    # The same k in all rows: pass@5 of one model beside pass@3 of another would be no comparison.
    k = next((model.trials.k for model in ranking.models if model.trials), None)
    titles = [*_TITLES, "trials", f"pass@{k}", f"pass^{k}", "flaky"] if k else [*_TITLES]
    return titles, [[*_row(model), *(_trials(model) if k else [])] for model in ranking.models]


def ranking_plain(ranking: Ranking) -> dict[str, object]:
    """The ranking as str, int, float, bool, None, list and dict."""
    return {"models": [_plain_model(model) for model in ranking.models], "pairs": list(map(_plain_pair, ranking.pairs))}


def _row(model: RankedModel) -> list[str]:
    interval = model.interval
    return [
        UNKNOWN if model.place is None else str(model.place),
        _name(model.model),
        f"{model.passed}/{model.graded}",
        percent(model.rate),
        f"{percent(interval.low).removesuffix('%')}-{percent(interval.high)}" if interval else UNKNOWN,
        fraction(model.score),
    ]


def _trials(model: RankedModel) -> list[str]:
    figures = model.trials
    if figures is None:
        return [UNKNOWN] * 4
    shares = (figures.pass_at_k, figures.pass_hat_k, figures.flaky_share)
    return [f"{figures.scenarios} x {figures.k}", *map(percent, shares)]


def pair_lines(ranking: Ranking) -> Iterator[str]:
    """Which models differ by more than chance, one pair a line; nothing where there is one model."""
    if not ranking.pairs:
        return
    apart = sorted((pair for pair in ranking.pairs if pair.significant), key=lambda pair: -pair.difference)
    pairs = plural(len(ranking.pairs), "pair")
    yield f"told apart: {len(apart)} of {pairs} of models (p after Holm's correction)"
    for pair in apart[:_SHOWN]:
        over = f"{points(pair.difference)} over {plural(pair.scenarios, 'scenario')}, p {p_value(pair.p_value)}"
        yield f"  {_short(pair.first)} over {_short(pair.second)}: {over}"
    if len(apart) > _SHOWN:
        yield f"  and {len(apart) - _SHOWN} more"


def _flaky_lines(ranking: Ranking) -> Iterator[str]:
    for model in ranking.models:
        if model.flaky:
            yield f"{_short(model.model)}: trials disagree in {plural(len(model.flaky), 'scenario')}"
        for scenario, standing in model.flaky[:_SHOWN]:
            yield f"  {_short(scenario)}  {standing.passed}/{standing.graded} passed"
        if len(model.flaky) > _SHOWN:
            yield f"  and {len(model.flaky) - _SHOWN} more"


def _short(text: str) -> str:
    return short_name(text)


def _name(text: str) -> str:
    return one_line(text, _NAME_LIMIT)


def _plain_model(model: RankedModel) -> dict[str, object]:
    interval, trials = model.interval, model.trials
    return {
        "place": model.place,
        "model": model.model,
        "passed": model.passed,
        "graded": model.graded,
        "rate": model.rate,
        "rate_ci95": [interval.low, interval.high] if interval else None,
        "score": model.score,
        "k": trials.k if trials else None,
        "scenarios_with_k_trials": trials.scenarios if trials else None,
        "pass_at_k": trials.pass_at_k if trials else None,
        "pass_hat_k": trials.pass_hat_k if trials else None,
        "flaky_share": trials.flaky_share if trials else None,
        "flaky": [
            {
                "scenario": scenario,
                "passed": standing.passed,
                "graded": standing.graded,
                "flakiness": disagreement(standing.passed, standing.graded),
            }
            for scenario, standing in model.flaky
        ],
    }


def _plain_pair(pair: ModelPair) -> dict[str, object]:
    return {
        "first": pair.first,
        "second": pair.second,
        "scenarios": pair.scenarios,
        "difference": pair.difference,
        "p_value": pair.p_value,
        "significant": pair.significant,
    }
