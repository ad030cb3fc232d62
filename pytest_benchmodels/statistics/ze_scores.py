"""Scores of the suites of ze-benchmarks: as its harness makes them (`original`), and as its files mean them (`true`).

Source: ZephyrCloudIO/ze-benchmarks at 307e4ff, packages/harness and packages/evaluators.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.scenario import Grade, Judged

__all__ = [
    "HEURISTICS",
    "JUDGE",
    "SCORE",
    "ZeModel",
    "ZeScoring",
    "ZeTally",
    "original_score",
    "original_success",
    "suite_type",
    "weighted_mean",
]

SCORE = "ze_score"
JUDGE = "llm_judge"
HEURISTICS = "heuristic_checks: "
"""What the names of checks that come from `heuristic_checks` begin with."""

_BASE = {
    "install_success": 0.0,
    "tests_nonregression": 0.0,
    "manager_correctness": 0.0,
    "dependency_targets": 0.0,
    "integrity_guard": 0.0,
    "llm_judge": 1.0,
    "heuristic_checks": 1.0,
}
"""The metrics that the original adds up, with the weights that they have where a file says nothing."""

_METRICS = {"install": "install_success", "test": "tests_nonregression", "lint": "lint", "typecheck": "typecheck"}
"""Names of checks, and of the weights in `rubric_overrides` that are meant for them."""

_NO_NETWORK = "install had no network: if it needs one, write network = true into [ze] of bench.toml"
_OF_TYPE = " of type "
_LEAST = 0.7
_NEAR = 1e-9
_FULL = 10.0


def suite_type(result: Result) -> str:
    """The type of the suite that a result is of, as a template has it; nothing where none says it."""
    summary = result.checks[-1].summary if result.checks else ""
    return summary.removeprefix(f"{SCORE}{_OF_TYPE}") if summary.startswith(f"{SCORE}{_OF_TYPE}") else ""


def weighted_mean(pairs: Iterable[tuple[float, float]]) -> float | None:
    """The mean of (score, weight); None where no weight is above 0."""
    counted = [(score, weight) for score, weight in pairs if weight > 0]
    total = math.fsum(weight for _, weight in counted)
    return math.fsum(score * weight for score, weight in counted) / total if total else None


def original_score(judge: float, heuristics: float, weights: Mapping[str, float]) -> float:
    """The original's weighted score, 0 to 10.

    `judge` and `heuristics` are 0 to 1, and 0 where there is none. Five more metrics are in the sum of the weights and
    are always 0, so that most scenarios can reach 5 at most.
    """
    scores = {"llm_judge": judge, "heuristic_checks": heuristics}
    mean = weighted_mean((scores.get(name, 0.0), weights.get(name, base)) for name, base in _BASE.items())
    return _FULL * (mean or 0.0)


def original_success(judge: float, heuristics: float, *, installed: bool) -> tuple[bool, float]:
    """Whether the original calls a run successful, and its metric: the mean of those of the two that are not 0."""
    known = [score for score in (judge, heuristics) if score]
    metric = math.fsum(known) / len(known) if known else 0.0
    return installed and metric >= _LEAST - _NEAR, metric


@dataclass(frozen=True)
class ZeScoring:
    """Makes one score, from 0 to 1, of the verdicts on one run.

    `original`: as the harness does, else as the file means it. `weights` are those of `rubric_overrides`. `categories`
    are the judge's. `inverted` are the checks that the original passes where they fail here. `has_install`: the file
    has such a command, without which the original calls no run successful. `models` are a template's weights for this
    file, 0 to 1, and empty where there are none. `kind` is the type of its suite, as a template has it. `network`:
    commands could reach it.
    """

    name: ClassVar[str] = SCORE

    original: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    inverted: frozenset[str] = frozenset()
    has_install: bool = False
    models: Mapping[str, float] = field(default_factory=dict)
    kind: str = ""
    network: bool = True

    @property
    def summary(self) -> str:
        """What the score is of, where a template says it; `suite_type` reads it."""
        return f"{SCORE}{_OF_TYPE}{self.kind}" if self.kind else ""

    def grade(self, model: str, judged: Sequence[Judged]) -> Grade:
        """The verdict, with both scores where both can be told; the original's is on its own scale, 0 to 10."""
        checks = {check.name: check for check in judged}
        judge, heuristics = self._judge(checks), self._heuristics(judged)
        score = original_score(judge, heuristics, self.weights)
        installed = self.has_install and "install" in checks and checks["install"].passed
        success, metric = original_success(judge, heuristics, installed=installed)
        told = f"original {score:.2f} of 10 (metric {metric:.2f}, {'successful' if success else 'not successful'})"
        measures = {"original": score, "original_metric": metric, "original_success": float(success)}
        if not self.original:
            parts = self._parts(judged)
            mean = weighted_mean((part, weight) for part, weight in parts.values()) or 0.0
            sound = all(checks[name].passed for name in ("install",) if name in checks)
            score, success = _FULL * mean, sound and mean >= _LEAST - _NEAR
            shown = ", ".join(f"{name} {part:.2f}" for name, (part, _) in parts.items()) or "nothing was judged"
            told = f"{score:.2f} of 10 ({shown}); {told}"
            measures = {"true": score, **measures}
        if not self.network and "install" in checks and not checks["install"].passed:
            told = f"{told}; {_NO_NETWORK}"
        if self.models:
            weight = self.models.get(model, 1.0)
            measures |= {"weight": weight, "weighted": score * weight}
        return Grade(min(score / _FULL, 1.0), success, told, measures=measures)

    def _parts(self, judged: Sequence[Judged]) -> dict[str, tuple[float, float]]:
        """What the true score is the mean of: scores and weights by metric."""
        parts: dict[str, tuple[float, float]] = {}
        for check in judged:
            if check.name in _METRICS or check.name == JUDGE:
                metric = _METRICS.get(check.name, check.name)
                parts[check.name] = check.score, self.weights.get(metric, 1.0)
        checks = [check for check in judged if check.name.startswith(HEURISTICS)]
        mean = weighted_mean((check.score, check.weight) for check in checks)
        if mean is not None:
            parts["heuristic_checks"] = mean, self.weights.get("heuristic_checks", 1.0)
        return parts

    def _heuristics(self, judged: Sequence[Judged]) -> float:
        """The original's: what a check is named means nothing there."""
        checks = [check for check in judged if check.name.startswith(HEURISTICS)]
        return weighted_mean((self._as_original(check), check.weight) for check in checks) or 0.0

    def _as_original(self, check: Judged) -> float:
        passed = check.passed is not (check.name in self.inverted)
        return float(passed)

    def _judge(self, checks: Mapping[str, Judged]) -> float:
        """The original's: each category counts the same, whatever weight stands in its text."""
        check = checks.get(JUDGE)
        if check is None:
            return 0.0
        scores = [score for vote in check.votes for score in _scores(vote.verdict, self.categories)]
        return math.fsum((score - 1) / 4 for score in scores) / len(scores) if scores else check.score


def _scores(verdict: str, categories: Sequence[str]) -> list[float]:
    """The scores of a judge's categories, in whose names anything may stand: `Style 4, Depth, and so on 5`."""
    found = []
    for name in categories:
        match = re.match(rf"{re.escape(name)} (\d+(?:\.\d+)?)(?:, |$)", verdict)
        if match is None:
            return []
        found.append(float(match[1]))
        verdict = verdict[match.end() :]
    return found


@dataclass(frozen=True, slots=True)
class ZeModel:
    """One model's figures over its `runs` with a verdict. Scores are means, 0 to 10.

    `true` is None in the original's mode, `weighted` where no template gave weights. `successes` are the runs that the
    original calls successful.
    """

    model: str
    runs: int
    true: float | None
    original: float
    successes: int
    weighted: float | None


class ZeTally:
    """Adds up the scores of results, and forgets these."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Mapping[str, float]]] = {}

    def add(self, result: Result) -> None:
        """Count a result, if it has such a score."""
        if result.checks and result.checks[-1].name == SCORE:
            self._seen.setdefault(result.model, []).append(result.checks[-1].measures)

    @property
    def models(self) -> tuple[ZeModel, ...]:
        """The best first: by what their weights make of it, where there are weights, else by score."""
        found = [_figures(model, seen) for model, seen in self._seen.items()]

        def rank(one: ZeModel) -> tuple[float, str]:
            best = next(score for score in (one.weighted, one.true, one.original) if score is not None)
            return -best, one.model

        return tuple(sorted(found, key=rank))


def _figures(model: str, seen: Sequence[Mapping[str, float]]) -> ZeModel:
    def mean(name: str) -> float | None:
        values = [measures[name] for measures in seen if name in measures]
        return math.fsum(values) / len(values) if values else None

    successes = sum(measures.get("original_success", 0.0) > 0 for measures in seen)
    return ZeModel(model, len(seen), mean("true"), mean("original") or 0.0, successes, mean("weighted"))
