"""Rules that a run is held against."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.gates import Gate, parse_gate
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.verdict import GateVerdict, judge

from .survey import Survey

__all__ = ["judge_all", "read_rules"]


def read_rules(rules: Iterable[str], baseline_option: str, baseline: str | None) -> list[Gate]:
    """Parse rules. Raises `ConfigError` with all that is wrong, also where one needs the baseline that is not named."""
    gates, problems = [], []
    for rule in rules:
        try:
            gate = parse_gate(rule)
        except ConfigError as error:
            problems.append(str(error))
            continue
        gates.append(gate)
        if gate.relative and baseline is None:
            problems.append(f"gate {quote(rule)}: there is no baseline; name one with {baseline_option} RUN")
    if problems:
        raise ConfigError("\n".join(problems))
    return gates


def judge_all(gates: Iterable[Gate], survey: Survey, baseline: Survey | None) -> tuple[GateVerdict, ...]:
    """Each gate's verdict, or verdicts where it is asked of each model."""
    measured = survey.measured()
    compared = baseline.measured() if baseline is not None else None
    return tuple(verdict for gate in gates for verdict in judge(gate, measured, compared))
