"""What a comparison with another run says: lines for the terminal, plain data for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_benchmodels.reports.units import (
    UNKNOWN,
    aligned,
    fraction,
    full_name,
    p_value,
    percent,
    plural,
    points,
    short_name,
)
from pytest_benchmodels.statistics.changes import Aspect, Changes, Missing, Overlap, Served
from pytest_benchmodels.statistics.comparison import Comparison, ModelComparison, ScenarioChange, Shift
from pytest_benchmodels.statistics.outcomes import Standing
from pytest_benchmodels.statistics.paired import SIGNIFICANT

__all__ = [
    "change_lines",
    "changes_plain",
    "comparison_lines",
    "comparison_notes",
    "comparison_plain",
    "comparison_table",
    "incomparable_lines",
    "verdict_text",
]

_MOST_CHANGES = 3
_TOLD: Mapping[Aspect, tuple[str, str]] = {
    "checks": ("is judged by other checks", "are judged by other checks"),
    "version": (
        "is judged by another version of the plugin's own checks",
        "are judged by another version of the plugin's own checks",
    ),
    "threshold": ("has another threshold", "have another threshold"),
    "prompt": ("has another prompt", "have another prompt"),
    "params": ("has other params", "have other params"),
    "model": ("asks for a model of another name", "ask for a model of another name"),
    "address": ("asks a model at another address", "ask a model at another address"),
    "timeout": ("has another time limit", "have another time limit"),
    "trials": ("has another number of trials", "have another number of trials"),
}


def incomparable_lines(changes: Changes | None) -> list[str]:
    """`m cannot be compared: 2 of 30 scenarios have a verdict in both runs`, for each model of which that is so."""
    if changes is None:
        return []
    if not changes.overlaps:
        return ["cannot be compared: the two runs share no model"]
    return [_too_few(overlap) for overlap in changes.overlaps if not overlap.is_enough]


def change_lines(changes: Changes | None) -> list[str]:
    """`5 scenarios are judged by other checks: a, b, c, ...`, for each kind of change."""
    return list(_lines(changes)) if changes is not None else []


def _lines(changes: Changes) -> Iterator[str]:
    for aspect, told in _TOLD.items():
        if scenarios := changes.scenarios.get(aspect):
            yield f"{plural(len(scenarios), 'scenario')} {told[len(scenarios) > 1]}: {_listed(scenarios)}"
    yield from [_served("model was served", served) for served in changes.served]
    yield from [_served("system_fingerprint was told", served) for served in changes.fingerprints]
    if all(changes.versions) and changes.versions[0] != changes.versions[1]:
        before, now = map(_changed_name, changes.versions)
        yield f"another version of the plugin: {before} before, {now} now"
    yield from _absent(changes.only_before, "the run before", "this run", changes.shards[1])
    yield from _absent(changes.only_after, "this run", "the run before", changes.shards[0])


def _too_few(overlap: Overlap) -> str:
    model = _changed_name(overlap.model)
    if not overlap.planned:
        return f"{model} cannot be compared: the two runs share no scenario of it"
    asked = plural(overlap.planned, "scenario")
    return f"{model} cannot be compared: {overlap.graded} of {asked} {_have(overlap.graded)} in both runs"


def _have(count: int) -> str:
    return "has a verdict" if count == 1 else "have a verdict"


def _served(what: str, served: Served) -> str:
    before, after = _listed(served.before), _listed(served.after)
    return f"another {what} for {_changed_name(served.model)}: {before} before, {after} now"


def _absent(missing: Missing, run: str, other: str, shard: str | None) -> Iterator[str]:
    if missing.scenarios:
        why = f", which is shard {_changed_name(shard)}" if shard else ""
        yield f"{missing.scenarios} of {plural(missing.total, 'scenario')} of {run} are not in {other}{why}"


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_CHANGES else ""
    return ", ".join(map(_changed_name, names[:_MOST_CHANGES])) + more


def _changed_name(text: str) -> str:
    return full_name(text)


def changes_plain(changes: Changes | None) -> dict[str, object] | None:
    """The same as str, int, bool, None, list and dict, with all names."""
    if changes is None:
        return None
    return {
        "comparable": changes.is_comparable,
        "scenarios": {aspect: list(names) for aspect, names in changes.scenarios.items()},
        "served_models": list(map(_plain_served, changes.served)),
        "system_fingerprints": list(map(_plain_served, changes.fingerprints)),
        "plugin_version": _pair(changes.versions),
        "shard": _pair(changes.shards),
        "only_before": _counted(changes.only_before),
        "only_after": _counted(changes.only_after),
        "graded_in_both": [
            {"model": overlap.model, "scenarios": overlap.planned, "graded": overlap.graded}
            for overlap in changes.overlaps
        ],
    }


def _plain_served(served: Served) -> dict[str, object]:
    return {"model": served.model, "before": list(served.before), "after": list(served.after)}


def _pair(values: tuple[str | None, str | None]) -> dict[str, str | None]:
    before, after = values
    return {"before": before or None, "after": after or None}


def _counted(missing: Missing) -> dict[str, int]:
    return {"scenarios": missing.scenarios, "of": missing.total}


_TITLES = ("model", "scenarios", "pass rate", "change", "95% CI", "p", "better", "worse", "verdict")
_LEFT = frozenset(("model", "95% CI", "verdict"))
_SHOWN = 10


def comparison_lines(comparison: Comparison, baseline: str, width: int | None = None) -> list[str]:
    """The models' table, what else changed, then for each model what is needed and which scenarios changed.

    `baseline` names the run that this one is compared with, `width` is the terminal's, in characters. Long lists are
    cut, and say how many were left out.
    """
    lines = [f"compared with {short_name(baseline) if width else full_name(baseline)}:"]
    if comparison.models:
        lines += aligned(*comparison_table(comparison), _LEFT, width)
    lines += incomparable_lines(comparison.changes)
    if changed := change_lines(comparison.changes):
        lines += ["what else changed:", *(f"  {line}" for line in changed)]
    for model in comparison.models:
        lines += [f"{short_name(model.model)}: {line}" for line in comparison_notes(model)]
        lines += _changes(model)
    return [*lines, *_unpaired_models(comparison)]


def comparison_table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The titles, and one row of as many cells for each model that ran in both runs."""
    return [*_TITLES], [_row(model) for model in comparison.models]


def verdict_text(model: ModelComparison) -> str:
    """`worse`, `better`, or `inconclusive` with what would settle it."""
    if model.verdict != "inconclusive":
        return model.verdict
    if model.rate is None:
        return "inconclusive: no scenario was graded in both runs"
    if model.needed is None:
        return "inconclusive: the pass rates do not differ"
    more = plural(model.needed.scenarios, "more scenario")
    if model.needed.trials is not None:
        more = f"{plural(model.needed.trials, 'more trial')} of each scenario, or {more},"
    return f"inconclusive: about {more} would be needed"


def comparison_plain(comparison: Comparison) -> dict[str, object]:
    """The comparison as str, int, float, bool, None, list and dict."""
    return {
        "models": [_plain_model(model) for model in comparison.models],
        "models_only_before": list(comparison.only_before),
        "models_only_after": list(comparison.only_after),
        "changes": changes_plain(comparison.changes),
    }


def _row(model: ModelComparison) -> list[str]:
    rate = model.rate
    return [
        full_name(model.model),
        str(rate.scenarios if rate else 0),
        f"{percent(rate.before)} -> {percent(rate.after)}" if rate else UNKNOWN,
        points(rate.difference.mean) if rate else UNKNOWN,
        _interval(rate, points) if rate else UNKNOWN,
        UNKNOWN if model.p_value is None else p_value(model.p_value),
        str(len(model.better)),
        str(len(model.worse)),
        model.verdict,
    ]


def _interval(shift: Shift, shown: Callable[[float], str]) -> str:
    low, high = shown(shift.difference.low), shown(shift.difference.high)
    return f"{low.removesuffix(' pp')} to {high}"


def comparison_notes(model: ModelComparison) -> Iterator[str]:
    """What the table has no room for: what would settle the verdict, the scores, and what was not compared."""
    if model.verdict == "inconclusive":
        yield verdict_text(model)
    if model.p_alone is not None and model.p_value is not None and model.p_alone < SIGNIFICANT <= model.p_value:
        yield f"p is {p_value(model.p_alone)} alone, and {p_value(model.p_value)} among the models compared"
    if model.score is not None:
        change = f"{_signed(model.score.difference.mean)}, 95% CI {_interval(model.score, _signed)}"
        yield f"score {fraction(model.score.before)} -> {fraction(model.score.after)} ({change})"
    if model.cached:
        yield f"{plural(model.cached, 'run')} took over an answer: they differ only by their checks"
    if model.only_before:
        yield f"{plural(len(model.only_before), 'scenario')} ran only in the run before"
    if model.only_after:
        yield f"{plural(len(model.only_after), 'scenario')} ran only in this run"


def _signed(difference: float) -> str:
    return f"{difference:+.3f}"


def _changes(model: ModelComparison) -> Iterator[str]:
    yield from _list(model, "got worse", model.worse, _passed)
    yield from _list(model, "newly errs", model.newly_errs, _errors)
    yield from _list(model, "got better", model.better, _passed)
    yield from _list(model, "no longer errs", model.no_longer_errs, _errors)


def _list(
    model: ModelComparison, what: str, changes: Sequence[ScenarioChange], shown: Callable[[Standing], str]
) -> Iterator[str]:
    if changes:
        yield f"{short_name(model.model)}: {what}: {plural(len(changes), 'scenario')}"
    for change in changes[:_SHOWN]:
        yield f"  {short_name(change.scenario)}  {shown(change.before)} -> {shown(change.after)}"
    if len(changes) > _SHOWN:
        yield f"  and {len(changes) - _SHOWN} more"


def _passed(standing: Standing) -> str:
    return f"{standing.passed}/{standing.graded}"


def _errors(standing: Standing) -> str:
    return plural(standing.errors, "error")


def _unpaired_models(comparison: Comparison) -> Iterator[str]:
    for where, models in (("the run before", comparison.only_before), ("this run", comparison.only_after)):
        if models:
            more = f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else ""
            yield f"only in {where}: {', '.join(map(short_name, models[:_SHOWN]))}{more}"


def _plain_model(model: ModelComparison) -> dict[str, object]:
    return {
        "model": model.model,
        "verdict": model.verdict,
        "p_value": model.p_value,
        "p_value_alone": model.p_alone,
        "more_trials_needed": model.needed.trials if model.needed else None,
        "more_scenarios_needed": model.needed.scenarios if model.needed else None,
        "rate": _plain_shift(model.rate),
        "score": _plain_shift(model.score),
        "better": [_plain_change(change) for change in model.better],
        "worse": [_plain_change(change) for change in model.worse],
        "newly_errs": [_plain_change(change) for change in model.newly_errs],
        "no_longer_errs": [_plain_change(change) for change in model.no_longer_errs],
        "only_before": list(model.only_before),
        "only_after": list(model.only_after),
        "cached": model.cached,
    }


def _plain_shift(shift: Shift | None) -> dict[str, object] | None:
    if shift is None:
        return None
    return {
        "scenarios": shift.scenarios,
        "before": shift.before,
        "after": shift.after,
        "difference": shift.difference.mean,
        "difference_ci95": [shift.difference.low, shift.difference.high],
    }


def _plain_change(change: ScenarioChange) -> dict[str, object]:
    return {
        "scenario": change.scenario,
        "before": _plain_standing(change.before),
        "after": _plain_standing(change.after),
    }


def _plain_standing(standing: Standing) -> dict[str, object]:
    return {
        "passed": standing.passed,
        "graded": standing.graded,
        "errors": standing.errors,
        "score": standing.score if standing.scored else None,
    }
