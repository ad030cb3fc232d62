"""Whether a gate holds, and the figures that say so."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .gates import Gate, Metric, Operator
from .intervals import Interval, wilson
from .metrics import ModelFigures
from .text import nearest, quote

__all__ = ["GateVerdict", "Measured", "foreseen_fault", "judge"]

_COMPARED: Mapping[Operator, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_DIGITS = 12  # 0.81 + 0.02 is not 0.83 in floating point: no gate fails by such a difference


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one run: of all its runs together (`Tally.overall`) and of each model (`Figures.models`)."""

    overall: ModelFigures
    models: tuple[ModelFigures, ...]


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """One gate on one model, or on all runs together where `model` is None.

    `held` is None, and `reason` says why, if the gate could not be judged: it then does not hold. `value` was measured;
    `bound` is its interval's, if the gate asks for confidence. `required` is what it was held against; `baseline` the
    baseline's value if the gate names it. A rate is `count` of `total` runs. Units are the gate's.
    """

    gate: Gate
    model: str | None
    held: bool | None
    reason: str | None = None
    value: float | None = None
    bound: float | None = None
    required: float | None = None
    baseline: float | None = None
    count: int | None = None
    total: int | None = None


def foreseen_fault(gate: Gate, models: Collection[str], baseline: Measured | None = None) -> str | None:
    """Why a gate cannot be judged whatever becomes of the runs of `models`, and the remedy; None where it may be.

    A gate that lacks any baseline is refused when it is parsed.
    """
    if gate.model not in {None, "*", *models}:
        hint = nearest(str(gate.model), models)
        return f"{quote(gate.model)} does not run in this session{hint}; name one of {', '.join(models)}"
    if not gate.relative or baseline is None:
        return None
    try:
        for model in models if gate.model == "*" else (gate.model,):
            _baseline(gate, model, baseline)
    except _UnknownError as unknown:
        return f"{unknown}; compare with a run that has it"
    return None


def judge(gate: Gate, measured: Measured, baseline: Measured | None = None) -> tuple[GateVerdict, ...]:
    """Hold a run against a gate: one verdict, or one for each model of the run for `@ *`.

    Never raises: what cannot be judged is a verdict that does not hold.
    """
    if gate.model == "*" and measured.models:
        return tuple(_judge(gate, model.model, measured, baseline) for model in measured.models)
    if gate.model == "*":
        return (GateVerdict(gate, None, held=None, reason="no model ran"),)
    return (_judge(gate, gate.model, measured, baseline),)


def _judge(gate: Gate, model: str | None, measured: Measured, baseline: Measured | None) -> GateVerdict:
    try:
        reading = _read(gate.metric, _figures(measured, model, "this run"))
        compared = _baseline(gate, model, baseline) if gate.relative else None
    except _UnknownError as unknown:
        return GateVerdict(gate, model, held=None, reason=str(unknown))
    required = gate.number + (compared or 0.0)
    bound = _bound(gate, reading)
    held = _COMPARED[gate.operator](
        round(reading.value if bound is None else bound, _DIGITS),
        round(required, _DIGITS),
    )
    return GateVerdict(
        gate,
        model,
        held,
        value=reading.value,
        bound=bound,
        required=required,
        baseline=compared,
        count=reading.count,
        total=reading.total,
    )


class _UnknownError(Exception):
    """A figure that a gate needs is not known; says why."""


@dataclass(frozen=True, slots=True)
class _Reading:
    value: float
    count: int | None = None
    total: int | None = None
    interval: Interval | None = None


def _figures(measured: Measured, model: str | None, run: str) -> ModelFigures:
    if model is None:
        return measured.overall
    known = {figures.model: figures for figures in measured.models}
    if model not in known:
        raise _UnknownError(f"{model!r} did not run in {run}{nearest(model, known)}")
    return known[model]


def _baseline(gate: Gate, model: str | None, baseline: Measured | None) -> float:
    if baseline is None:
        raise _UnknownError("there is no baseline; name one with --bench-compare")
    try:
        return _read(gate.metric, _figures(baseline, model, "the baseline")).value
    except _UnknownError as unknown:
        raise _UnknownError(f"no baseline: {unknown}") from unknown


def _read(metric: Metric, figures: ModelFigures) -> _Reading:
    not_skipped = figures.graded + figures.errors
    if metric == "pass_rate":
        return _rate(figures.passed, figures.graded, figures.effects.passed, "no run was graded")
    if metric == "error_rate":
        return _rate(figures.errors, not_skipped, figures.effects.errors, "no run was made")
    if metric == "timeout_rate":
        return _rate(figures.timeouts, not_skipped, figures.effects.timeouts, "no run was made")
    if metric == "score":
        return _known(figures.score, "no run has a score")
    if metric == "cost":
        return _known(figures.cost_usd, "the cost of an answer is not known; set its model's price in bench.toml")
    return _known(figures.p50_s if metric == "p50_latency" else figures.p95_s, "no run has a latency")


def _rate(count: int, total: int, effect: float, otherwise: str) -> _Reading:
    if not total:
        raise _UnknownError(otherwise)
    return _Reading(count / total, count, total, wilson(count, total, effect))


def _known(value: float | None, otherwise: str) -> _Reading:
    if value is None:
        raise _UnknownError(otherwise)
    return _Reading(value)


def _bound(gate: Gate, reading: _Reading) -> float | None:
    """The end of the rate's interval that makes the gate harder to hold, if it asks for confidence."""
    if not gate.confident or reading.interval is None:
        return None
    return reading.interval.low if gate.operator in {">=", ">"} else reading.interval.high
