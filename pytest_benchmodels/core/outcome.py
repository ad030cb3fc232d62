"""Outcome: what statistics need to know of a run; Standing: what a scenario's trials came to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .result import Result, Status

__all__ = ["Outcome", "Standing", "graded_scenarios", "standings"]


class Outcome(NamedTuple):
    """One run's end, without its answer. `scenario` is the node id without the model, which names it in its suite."""

    scenario: str
    model: str
    trial: int
    status: Status
    score: float | None = None
    cached: bool = False

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """What is kept of a result."""
        scenario = result.nodeid.rpartition("[")[0]
        return cls(scenario, result.model, result.trial, result.status, result.score, result.cached)


class Standing(NamedTuple):
    """One model's trials of one scenario, counted. A timeout is graded and not passed, as in `metrics`."""

    passed: int = 0
    graded: int = 0
    errors: int = 0
    cached: int = 0
    scored: int = 0
    score_sum: float = 0.0

    @property
    def rate(self) -> float:
        """The share of graded trials that passed, 0 to 1; 0 where none was graded."""
        return self.passed / self.graded if self.graded else 0.0

    @property
    def score(self) -> float:
        """The mean score, 0 to 1; 0 where no trial has one."""
        return self.score_sum / self.scored if self.scored else 0.0

    def plus(self, outcome: Outcome) -> Standing:
        """With one more trial. A score outside 0 to 1, which only a damaged file can hold, does not count."""
        erred = outcome.status == "error"
        score = outcome.score if outcome.score is not None and 0 <= outcome.score <= 1 else None
        return Standing(
            self.passed + (outcome.status == "passed"),
            self.graded + (not erred),
            self.errors + erred,
            self.cached + outcome.cached,
            self.scored + (score is not None),
            self.score_sum + (score or 0.0),
        )


def graded_scenarios(outcomes: Iterable[Outcome]) -> frozenset[tuple[str, str]]:
    """The scenarios with a verdict, each with its model."""
    return frozenset((each.scenario, each.model) for each in outcomes if each.status not in {"error", "skipped"})


_NOTHING = Standing()


def standings(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Standing]]:
    """Each model's standing in each scenario that it ran. A skipped run says nothing, and is left out.

    Trials of a scenario are exchangeable: they are pooled, whatever their numbers.
    """
    models: dict[str, dict[str, Standing]] = {}
    for outcome in outcomes:
        if outcome.status != "skipped":
            scenarios = models.setdefault(outcome.model, {})
            scenarios[outcome.scenario] = scenarios.get(outcome.scenario, _NOTHING).plus(outcome)
    return models
