"""Whether gates hold, and how sure that is."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.statistics.gates import Gate, Metric, Operator, implied_gates
from pytest_benchmodels.statistics.intervals import Interval, wilson
from pytest_benchmodels.statistics.judging import ByLabels, LabelFigures
from pytest_benchmodels.statistics.metrics import ModelFigures
from pytest_benchmodels.statistics.outcomes import Coverage

__all__ = [
    "GateVerdict",
    "Measured",
    "foreseen_fault",
    "judge",
    "judge_all",
]


_COMPARED: Mapping[Operator, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_COST_UNKNOWN = "the cost of an answer is not known: its model has no price in bench.toml, or nobody told its tokens"
_DIGITS = 12  # 0.81 + 0.02 is not 0.83 in floating point: no gate fails by such a difference


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one run: of all its runs together (`Tally.overall`) and of each model (`Figures.models`).

    `coverage` says how many runs there were to be; without it, that there were to be those that have a result.
    `scenarios` are the graded ones, each with its model; None where nobody needs them. `judging` is what labels say.
    """

    overall: ModelFigures
    models: tuple[ModelFigures, ...]
    coverage: Coverage | None = None
    scenarios: frozenset[tuple[str, str]] | None = None
    judging: LabelFigures | None = None

    def planned(self, model: str | None) -> int:
        """How many runs of a model, of all models for None, were to be made."""
        if self.coverage is not None:
            return self.coverage.of(model)
        figures = [entry for entry in self.models if entry.model == model] if model is not None else [self.overall]
        return sum(entry.graded + entry.errors + entry.skipped for entry in figures)

    @property
    def named(self) -> tuple[str, ...]:
        """The models of which runs were to be made: those with results, then those without."""
        planned = [model for model, runs in self.coverage.models.items() if runs] if self.coverage else []
        return tuple(dict.fromkeys([*(figures.model for figures in self.models), *planned]))


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """One gate on one model, or on all runs together where `model` is None.

    `held` is None, and `reason` says why, if the gate could not be judged: it then does not hold. `value` was measured;
    `bound` is its interval's, if the gate asks for confidence. `required` is what it was held against; `baseline` the
    baseline's value if the gate names it. A rate is `count` of `total` runs; a latency is of answers only, and leaves
    out `timeouts`. `is_part`: the value is only the known part of it, and decides all the same. Units are the gate's.
    The value stands on `runs` of the `planned` ones, or on so many streamed `answers`, of which a run may have several;
    `changed` is how many scenarios were graded in only one of this run and the baseline. `by_labels` is what people's
    labels have to do with the value, None for nothing.
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
    timeouts: int = 0
    is_part: bool = False
    runs: int | None = None
    answers: int | None = None
    planned: int | None = None
    changed: int | None = None
    by_labels: ByLabels | None = None


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


def judge_all(gates: Iterable[Gate], measured: Measured, baseline: Measured | None = None) -> tuple[GateVerdict, ...]:
    """Hold a run against gates, and against what they imply."""
    written = tuple(gates)
    named = {gate.model for gate in written if gate.metric == "graded"}

    def verdicts() -> Iterator[GateVerdict]:
        for gate in (*written, *implied_gates(written)):
            for verdict in judge(gate, measured, baseline):
                if not (gate.implied and verdict.model in named):
                    yield verdict

    return tuple(verdicts())


def judge(gate: Gate, measured: Measured, baseline: Measured | None = None) -> tuple[GateVerdict, ...]:
    """Hold a run against a gate: one verdict, or one for each model of the run for `@ *`.

    Never raises: what cannot be judged is a verdict that does not hold.
    """
    if gate.model == "*" and measured.named:
        return tuple(_judge(gate, model, measured, baseline) for model in measured.named)
    if gate.model == "*":
        return (GateVerdict(gate, None, held=None, reason="no model ran"),)
    return (_judge(gate, gate.model, measured, baseline),)


def _judge(gate: Gate, model: str | None, measured: Measured, baseline: Measured | None) -> GateVerdict:
    planned = measured.planned(model)
    try:
        reading = _by_people(gate, measured, model, _measure(gate.metric, measured, model, "this run"))
        compared = _baseline(gate, model, baseline) if gate.relative else None
    except _UnknownError as unknown:
        return GateVerdict(gate, model, held=None, reason=str(unknown), planned=planned)
    required = gate.number + (compared or 0.0)
    bound = _bound(gate, reading)
    held = _COMPARED[gate.operator](
        round(reading.value if bound is None else bound, _DIGITS),
        round(required, _DIGITS),
    )
    if reading.is_part and not _is_sure(gate.operator, held=held, exceeds=reading.value > required):
        return GateVerdict(gate, model, held=None, reason=_COST_UNKNOWN)
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
        timeouts=reading.timeouts,
        is_part=reading.is_part,
        runs=reading.runs,
        answers=reading.answers,
        planned=planned,
        changed=_changed(model, measured, baseline) if gate.relative else None,
        by_labels=reading.by_labels,
    )


def _is_sure(comparison: Operator, *, held: bool, exceeds: bool) -> bool:
    """Whether what holds of the known part, or does not, is certain for the whole, which is as much or more."""
    if comparison in {"<=", "<"}:
        return not held
    return held if comparison in {">=", ">"} else exceeds


def _changed(model: str | None, measured: Measured, baseline: Measured | None) -> int | None:
    """How many scenarios only one of the two runs has; None where that is not known."""
    if measured.scenarios is None or baseline is None or baseline.scenarios is None:
        return None
    only_once = measured.scenarios ^ baseline.scenarios
    return len({scenario for scenario, name in only_once if model in {None, name}})


class _UnknownError(Exception):
    """A figure that a gate needs is not known; says why."""


@dataclass(frozen=True, slots=True)
class _Reading:
    value: float
    runs: int | None
    answers: int | None = None
    count: int | None = None
    total: int | None = None
    interval: Interval | None = None
    timeouts: int = 0
    is_part: bool = False
    by_labels: ByLabels | None = None


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
        reading = _measure(gate.metric, baseline, model, "the baseline")
    except _UnknownError as unknown:
        raise _UnknownError(f"no baseline: {unknown}") from unknown
    if reading.is_part:
        raise _UnknownError(f"no baseline: {_COST_UNKNOWN}")
    return reading.value


_STREAM = " (stream = true in the model's table)"


def _measure(metric: Metric, measured: Measured, model: str | None, run: str) -> _Reading:
    if metric == "graded":
        return _graded(measured, model, run)
    if metric == "judge_agreement":
        return _judge_agreement(measured)
    return _read(metric, _figures(measured, model, run))


def _judge_agreement(measured: Measured) -> _Reading:
    if measured.judging is None:
        raise _UnknownError("there are no labels: make some with `benchmodels label`, and name the file in [judge]")
    check = measured.judging.overall
    if check.figures is None or (kappa := check.figures.kappa) is None:
        raise _UnknownError(f"{check.reason or 'judges and people gave one verdict only'}; label more answers")
    return _Reading(kappa.mean, check.answers, interval=kappa.interval, by_labels=ByLabels(check.labels))


def _by_people(gate: Gate, measured: Measured, model: str | None, reading: _Reading) -> _Reading:
    """A pass rate as people would have judged, where labels tell; held against a baseline, which has none, as it is."""
    rate = measured.judging.rate_of(model) if measured.judging is not None else None
    if gate.metric != "pass_rate" or gate.relative or rate is None or not rate.judged:
        return reading
    by_labels = ByLabels(rate.labels, reading.value, rate.reason)
    if rate.estimate is None:
        return replace(reading, by_labels=by_labels)
    return _Reading(rate.estimate.mean, reading.runs, interval=rate.estimate.interval, by_labels=by_labels)


def _read(metric: Metric, figures: ModelFigures) -> _Reading:
    rates = _counted(figures)
    if metric in rates:
        return _rate(*rates[metric])
    if metric == "score":
        return _known(figures.score, figures.passed + figures.failed, "no run has a score")
    if metric == "cost":
        return _cost(figures, figures.graded + figures.errors)
    if metric == "tokens_per_s":
        return _of_streams(figures.tokens_per_s, figures, ", or none has its tokens")
    if metric in ("ttft_p50", "ttft_p95"):
        ttft = figures.ttft_p50 if metric == "ttft_p50" else figures.ttft_p95
        return _of_streams(ttft, figures)
    latency = figures.p50_s if metric == "p50_latency" else figures.p95_s
    return replace(_known(latency, figures.latency_runs, "no answer has a latency"), timeouts=figures.latency_timeouts)


def _counted(figures: ModelFigures) -> dict[Metric, tuple[int, int, float, str]]:
    """Each rate's count, what it is of, the design effect, and why there is none where that is 0."""
    effects, made = figures.effects, figures.graded + figures.errors
    return {
        "pass_rate": (figures.passed, figures.graded, effects.passed, "no run was graded"),
        "error_rate": (figures.errors, made, effects.errors, "no run was made"),
        "timeout_rate": (figures.timeouts, made, effects.timeouts, "no run was made"),
        "truncated_rate": (figures.truncated, figures.answered, effects.truncated, "no run has an answer"),
    }


def _graded(measured: Measured, model: str | None, run: str) -> _Reading:
    """The share of the runs that were to be made that have a verdict. A model may have none, where nothing began."""
    if model is not None and model not in measured.named:
        _figures(measured, model, run)
    found = [figures for figures in measured.models if figures.model == model] if model else [measured.overall]
    graded, planned = sum(figures.graded for figures in found), measured.planned(model)
    return _rate(graded, planned, 1.0, "no run was to be made: all are skipped by their authors or by marks")


def _rate(count: int, total: int, effect: float, otherwise: str) -> _Reading:
    if not total:
        raise _UnknownError(otherwise)
    return _Reading(count / total, total, count=count, total=total, interval=wilson(count, total, effect))


def _cost(figures: ModelFigures, runs: int) -> _Reading:
    if figures.cost_usd is not None:
        return _Reading(figures.cost_usd, runs)
    if not figures.known_cost_usd:
        raise _UnknownError(_COST_UNKNOWN)
    return _Reading(figures.known_cost_usd, runs, is_part=True)


def _of_streams(value: float | None, figures: ModelFigures, otherwise: str = "") -> _Reading:
    if value is None:
        raise _UnknownError(f"no answer was streamed{_STREAM}{otherwise}")
    return _Reading(value, None, answers=figures.streamed)


def _known(value: float | None, runs: int, otherwise: str) -> _Reading:
    if value is None:
        raise _UnknownError(otherwise)
    return _Reading(value, runs)


def _bound(gate: Gate, reading: _Reading) -> float | None:
    """The end of the rate's interval that makes the gate harder to hold, if it asks for confidence."""
    if not gate.confident or reading.interval is None:
        return None
    return reading.interval.low if gate.operator in {">=", ">"} else reading.interval.high
