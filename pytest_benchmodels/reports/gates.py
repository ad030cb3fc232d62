"""What became of the gates: a line for the terminal, plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_benchmodels.core.gates import Metric
from pytest_benchmodels.core.verdict import GateVerdict

from .units import one_line, plural

__all__ = ["gate_line", "gate_plain"]

_DIGITS: dict[Metric, int] = {"p50_latency": 2, "p95_latency": 2, "cost": 2}
_SHARE_DIGITS = 3
_MOST_DIGITS = 12
_TEXT_LIMIT = 200


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
        "planned": verdict.planned,
        "changed_scenarios": verdict.changed,
        "implied": verdict.gate.implied,
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
    return f"{value:.{digits}f}s" if metric in _DIGITS else f"{value:.{digits}f}"
