"""What became of the gates and of the ranking: lines for the terminal, plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_benchmodels.core.text import plain
from pytest_benchmodels.reports.units import (
    UNKNOWN,
    aligned,
    fraction,
    full_name,
    one_line,
    p_value,
    percent,
    plural,
    points,
    short_name,
)
from pytest_benchmodels.statistics.gates import Metric
from pytest_benchmodels.statistics.paired import disagreement
from pytest_benchmodels.statistics.ranking import ModelPair, RankedModel, Ranking
from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["gate_case", "gate_line", "gate_plain", "pair_lines", "ranking_lines", "ranking_plain", "ranking_table"]

_TIMES = frozenset[Metric](("p50_latency", "p95_latency", "ttft_p50", "ttft_p95"))
_DIGITS: dict[Metric, int] = {**dict.fromkeys(_TIMES, 2), "cost": 2, "tokens_per_s": 1}
_SHARE_DIGITS = 3
_MOST_DIGITS = 12
_TEXT_LIMIT = 200


def gate_case(verdict: GateVerdict) -> str:
    """What a gate's test case is called, in JUnit XML and for plugins that read reports."""
    model = f" ({verdict.model})" if verdict.gate.model == "*" and verdict.model else ""
    return plain(f"{verdict.gate.text or verdict.gate}{model}")


def gate_line(verdict: GateVerdict) -> str:
    """`gate held   pass_rate >= 0.9: 0.933 (361/387), over 387 of 400 runs`.

    A gate that cannot be judged failed, and the line says why.
    """
    state = "held  " if verdict.held else "failed"
    model = f" ({one_line(verdict.model, _TEXT_LIMIT)})" if verdict.gate.model == "*" and verdict.model else ""
    return f"gate {state} {_text(verdict)}{model}: {_figures(verdict)}"


def gate_plain(verdict: GateVerdict) -> dict[str, object]:
    """One verdict as str, int, float, bool and None. Latencies are in seconds, costs in US dollars, all else shares.

    `timeouts` are those that a latency leaves out.
    """
    return {
        "gate": verdict.gate.text or str(verdict.gate),
        "model": verdict.model,
        "held": verdict.held,
        "reason": verdict.reason,
        "value": verdict.value,
        "bound": verdict.bound,
        "required": verdict.required,
        "baseline": verdict.baseline,
        "count": verdict.count,
        "total": verdict.total,
        "timeouts": verdict.timeouts,
        "is_part": verdict.is_part,
        "runs": verdict.runs,
        "answers": verdict.answers,
        "planned": verdict.planned,
        "changed_scenarios": verdict.changed,
        "implied": verdict.gate.implied,
        "labels": verdict.by_labels.labels if verdict.by_labels else None,
        "uncorrected": verdict.by_labels.uncorrected if verdict.by_labels else None,
        "not_corrected": verdict.by_labels.reason if verdict.by_labels else None,
    }


def _text(verdict: GateVerdict) -> str:
    return one_line(verdict.gate.text or str(verdict.gate), _TEXT_LIMIT)


def _figures(verdict: GateVerdict) -> str:
    if verdict.value is None or verdict.required is None:
        return f"cannot be judged: {one_line(verdict.reason or 'no reason was given', _TEXT_LIMIT)}{_way_out(verdict)}"
    decisive = verdict.value if verdict.bound is None else verdict.bound
    digits = _digits(verdict.gate.metric, decisive, verdict.required)
    parts = [(">= " if verdict.is_part else "") + _amount(verdict.gate.metric, verdict.value, digits)]
    if verdict.total is not None:
        parts[0] += f" ({verdict.count}/{verdict.total})"
    if (by_labels := verdict.by_labels) is not None and by_labels.reason is not None:
        parts[0] += f" (not corrected: {one_line(by_labels.reason, _TEXT_LIMIT)})"
    elif by_labels is not None and by_labels.uncorrected is not None:
        judges = _amount(verdict.gate.metric, by_labels.uncorrected, digits)
        parts[0] += f" (corrected by {plural(by_labels.labels, 'labelled run')}, the judge's {judges})"
    if verdict.timeouts:
        parts[0] += f" ({plural(verdict.timeouts, 'timeout')} left out)"
    if verdict.bound is not None:
        side = "lower" if verdict.gate.operator in {">=", ">"} else "upper"
        parts.append(f"{side} 95% bound {_amount(verdict.gate.metric, verdict.bound, digits)}")
    if verdict.baseline is not None:
        parts.append(f"baseline {_amount(verdict.gate.metric, verdict.baseline, digits)}")
    if verdict.gate.relative and verdict.gate.number:
        parts.append(f"required {_amount(verdict.gate.metric, verdict.required, digits)}")
    return ", ".join((*parts, *_standing(verdict))) + _way_out(verdict)


def _standing(verdict: GateVerdict) -> Iterator[str]:
    """How much the figure says: of how many runs it is, and whether the baseline is of the same scenarios."""
    if verdict.gate.metric == "graded":
        yield "the share of runs with a verdict"
    elif verdict.answers is not None and verdict.planned is not None:
        yield f"over {plural(verdict.answers, 'streamed answer')} of {plural(verdict.planned, 'run')}"
    elif verdict.gate.metric == "judge_agreement":
        yield f"Cohen's kappa over {plural(verdict.by_labels.labels if verdict.by_labels else 0, 'labelled verdict')}"
    elif verdict.runs is not None and verdict.planned is not None:
        yield f"over {verdict.runs} of {plural(verdict.planned, 'run')}"
    if verdict.changed:
        yield f"{plural(verdict.changed, 'scenario')} {'is' if verdict.changed == 1 else 'are'} in only one of the two"


def _way_out(verdict: GateVerdict) -> str:
    """Who never wrote a gate has to learn where it comes from."""
    if verdict.held or not verdict.gate.implied:
        return ""
    model = f" @ {one_line(verdict.model, _TEXT_LIMIT)}" if verdict.model else ""
    return f"; asked by default: a gate such as 'graded >= 50%{model}' replaces it"


def _digits(metric: Metric, decisive: float, required: float) -> int:
    """As few as show on which side of what was required the figure lies, and that it is not 0 unless it is.

    `0.900` would fail no `>= 0.9`, and an answer that cost `$0.00` would have been free.
    """
    least = _DIGITS.get(metric, _SHARE_DIGITS)
    for digits in range(least, _MOST_DIGITS):
        shown = f"{decisive:.{digits}f}"
        is_apart = decisive == required or shown != f"{required:.{digits}f}"
        if is_apart and (decisive == 0 or float(shown) != 0):
            return digits
    return least


def _amount(metric: Metric, value: float, digits: int) -> str:
    if metric == "cost":
        return f"${value:.{digits}f}"
    return f"{value:.{digits}f}s" if metric in _TIMES else f"{value:.{digits}f}"


_TITLES = ("place", "model", "passed", "rate", "95% CI", "score")
_LEFT = frozenset(("model", "95% CI"))
_SHOWN = 10


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
        full_name(model.model),
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
        yield f"  {short_name(pair.first)} over {short_name(pair.second)}: {over}"
    if len(apart) > _SHOWN:
        yield f"  and {len(apart) - _SHOWN} more"


def _flaky_lines(ranking: Ranking) -> Iterator[str]:
    for model in ranking.models:
        if model.flaky:
            yield f"{short_name(model.model)}: trials disagree in {plural(len(model.flaky), 'scenario')}"
        for scenario, standing in model.flaky[:_SHOWN]:
            yield f"  {short_name(scenario)}  {standing.passed}/{standing.graded} passed"
        if len(model.flaky) > _SHOWN:
            yield f"  and {len(model.flaky) - _SHOWN} more"


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
