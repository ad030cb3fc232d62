"""The order of models by their pass rates, and which of them are told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from pytest_benchmodels.statistics.intervals import Interval, design_effect, wilson
from pytest_benchmodels.statistics.outcomes import Outcome, Standing, standings
from pytest_benchmodels.statistics.paired import (
    SIGNIFICANT,
    TrialFigures,
    common_k,
    common_steps,
    disagreement,
    holm,
    paired_p_value,
    trial_figures,
)

__all__ = ["ModelPair", "RankedModel", "Ranking", "rank"]


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One model's place.

    `place` is one more than the number of models that are significantly better: models that the runs do not tell apart
    share a place. It is None where no run was graded. `passed` and `graded` count runs. `interval` is the rate's, with
    trials of a scenario as alike as they are. `trials` are over the same number of trials for all models of a ranking;
    None where no scenario of the model has so many. `flaky` are the scenarios whose trials disagree, the most undecided
    first.
    """

    model: str
    place: int | None
    passed: int
    graded: int
    interval: Interval | None
    score: float | None
    trials: TrialFigures | None
    flaky: tuple[tuple[str, Standing], ...]

    @property
    def rate(self) -> float | None:
        """The share of graded runs that passed, 0 to 1."""
        return self.passed / self.graded if self.graded else None


@dataclass(frozen=True, slots=True)
class ModelPair:
    """Two models over the `scenarios` that were graded for both.

    `difference` is the first one's mean pass rate minus the second's; the first is never the lower one. `p_value` is
    after Holm's correction over all pairs of the ranking.
    """

    first: str
    second: str
    scenarios: int
    difference: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance explains."""
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Ranking:
    """Models by place, then by pass rate; all pairs of them that share a graded scenario."""

    models: tuple[RankedModel, ...]
    pairs: tuple[ModelPair, ...]


def rank(outcomes: Iterable[Outcome]) -> Ranking:
    """Rank the models of one run by their pass rates."""
    models = standings(outcomes)
    pairs = _pairs(models)
    beaten = [pair.second for pair in pairs if pair.significant]
    k = common_k([standing.graded for standing in scenarios.values()] for scenarios in models.values())
    ranked = [_ranked(model, scenarios, 1 + beaten.count(model), k) for model, scenarios in models.items()]
    ranked.sort(key=lambda entry: (entry.place or len(models) + 1, -(entry.rate or 0.0), entry.model))
    return Ranking(tuple(ranked), pairs)


def _pairs(models: Mapping[str, Mapping[str, Standing]]) -> tuple[ModelPair, ...]:
    found = [
        (*names, shared)
        for names in combinations(sorted(models), 2)
        if (shared := _shared(models[names[0]], models[names[1]]))
    ]
    adjusted = holm([_p_value(shared) for _, _, shared in found])
    return tuple(
        _pair(first, second, shared, p_value) for (first, second, shared), p_value in zip(found, adjusted, strict=True)
    )


def _shared(first: Mapping[str, Standing], second: Mapping[str, Standing]) -> list[tuple[Standing, Standing]]:
    return [
        (first[scenario], second[scenario])
        for scenario in sorted(first.keys() & second.keys())
        if first[scenario].graded and second[scenario].graded
    ]


def _p_value(shared: list[tuple[Standing, Standing]]) -> float:
    steps = common_steps(standing.graded for pair in shared for standing in pair)
    return paired_p_value((first.rate - second.rate for first, second in shared), steps)


def _pair(first: str, second: str, shared: list[tuple[Standing, Standing]], p_value: float) -> ModelPair:
    mean = math.fsum(one.rate - other.rate for one, other in shared) / len(shared)
    higher, lower = (first, second) if mean >= 0 else (second, first)
    return ModelPair(higher, lower, len(shared), abs(mean), p_value)


def _ranked(model: str, scenarios: Mapping[str, Standing], place: int, k: int | None) -> RankedModel:
    results = scenarios.values()
    graded = sum(standing.graded for standing in results)
    passed = sum(standing.passed for standing in results)
    effect = design_effect((standing.passed, standing.graded) for standing in results)
    scored = sum(standing.scored for standing in results)
    flaky = [entry for entry in scenarios.items() if 0 < entry[1].passed < entry[1].graded]
    return RankedModel(
        model=model,
        place=place if graded else None,
        passed=passed,
        graded=graded,
        interval=wilson(passed, graded, effect),
        score=math.fsum(standing.score_sum for standing in results) / scored if scored else None,
        trials=trial_figures(((standing.passed, standing.graded) for standing in results), k) if k else None,
        flaky=tuple(sorted(flaky, key=lambda entry: (-disagreement(entry[1].passed, entry[1].graded), entry[0]))),
    )
