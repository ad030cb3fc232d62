"""The models of one run in order, and which of their differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from .metrics import Interval, wilson
from .outcome import Outcome, Standing, standings
from .statistics import SIGNIFICANT, TrialFigures, disagreement, holm, paired_p_value, trial_figures

__all__ = ["ModelPair", "RankedModel", "Ranking", "rank"]


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One model's place.

    `place` is one more than the number of models that are significantly better: models that the runs do not tell apart
    share a place. It is None where no run was graded. `passed` and `graded` count runs. `trials` is None where no
    scenario has several. `flaky` are the scenarios whose trials disagree, the most undecided first.
    """

    model: str
    place: int | None
    passed: int
    graded: int
    score: float | None
    trials: TrialFigures | None
    flaky: tuple[tuple[str, Standing], ...]

    @property
    def rate(self) -> float | None:
        """The share of graded runs that passed, 0 to 1."""
        return self.passed / self.graded if self.graded else None

    @property
    def interval(self) -> Interval | None:
        """The rate's Wilson interval."""
        return wilson(self.passed, self.graded)


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
    ranked = [_ranked(model, scenarios, 1 + beaten.count(model)) for model, scenarios in models.items()]
    ranked.sort(key=lambda entry: (entry.place or len(models) + 1, -(entry.rate or 0.0), entry.model))
    return Ranking(tuple(ranked), pairs)


def _pairs(models: Mapping[str, Mapping[str, Standing]]) -> tuple[ModelPair, ...]:
    found = [
        (*names, differences)
        for names in combinations(sorted(models), 2)
        if (differences := _differences(models[names[0]], models[names[1]]))
    ]
    adjusted = holm([paired_p_value(differences) for _, _, differences in found])
    return tuple(_pair(*entry, p_value) for entry, p_value in zip(found, adjusted, strict=True))


def _pair(first: str, second: str, differences: list[float], p_value: float) -> ModelPair:
    mean = math.fsum(differences) / len(differences)
    higher, lower = (first, second) if mean >= 0 else (second, first)
    return ModelPair(higher, lower, len(differences), abs(mean), p_value)


def _differences(first: Mapping[str, Standing], second: Mapping[str, Standing]) -> list[float]:
    return [
        first[scenario].rate - second[scenario].rate
        for scenario in first.keys() & second.keys()
        if first[scenario].graded and second[scenario].graded
    ]


def _ranked(model: str, scenarios: Mapping[str, Standing], place: int) -> RankedModel:
    results = scenarios.values()
    graded = sum(standing.graded for standing in results)
    most = max(standing.graded for standing in results)
    scored = sum(standing.scored for standing in results)
    flaky = [entry for entry in scenarios.items() if 0 < entry[1].passed < entry[1].graded]
    return RankedModel(
        model=model,
        place=place if graded else None,
        passed=sum(standing.passed for standing in results),
        graded=graded,
        score=math.fsum(standing.score_sum for standing in results) / scored if scored else None,
        trials=trial_figures(((standing.passed, standing.graded) for standing in results), most) if most > 1 else None,
        flaky=tuple(sorted(flaky, key=lambda entry: (-disagreement(entry[1].passed, entry[1].graded), entry[0]))),
    )
