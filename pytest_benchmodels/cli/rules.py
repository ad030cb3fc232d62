"""Rules that a run is held against."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_benchmodels.core.gates import Gate
from pytest_benchmodels.core.verdict import GateVerdict, judge

from .survey import Survey

__all__ = ["judge_all"]


def judge_all(gates: Iterable[Gate], survey: Survey, baseline: Survey | None) -> tuple[GateVerdict, ...]:
    """Each gate's verdict, or verdicts where it is asked of each model."""
    measured = survey.measured()
    compared = baseline.measured() if baseline is not None else None
    return tuple(verdict for gate in gates for verdict in judge(gate, measured, compared))
