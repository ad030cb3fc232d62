"""Where the noise of a mean score comes from: scenarios, the model's sampling, and its judges.

Scores are taken for nested and random: a scenario's own mean, a trial's around that, and a vote's around the trial's.
The parts are those of an analysis of variance by the method of moments, for groups of any sizes (S. R. Searle,
G. Casella and C. E. McCulloch, "Variance components", 1992, 3.6). The judge's part is known from votes on the same
answer: it is the variance that the mean of these votes still has, so that of another number of votes follows from it.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_benchmodels.core.result import Result, deciding

__all__ = ["LEAST_FREEDOM", "Noise", "NoiseTally", "ScoredTrial", "noise_of"]

LEAST_FREEDOM = 5
"""Degrees of freedom between scenarios, and among trials, from which on a part is told."""


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """One run's score, from 0 to 1.

    `judge` is the variance that is in it from its judges' votes; 0 where no judge scored it, None where each judged
    once, or within a combination: how far another vote would differ is then not known, and is part of the trials'.
    """

    scenario: int
    score: float
    judge: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Noise:
    """The variance of one run's score, split: what adds up is `scenarios` + `sampling` + `judges`.

    `judges` is None where it cannot be told from `sampling`. `error` is the standard error of the mean score; the
    others are what it would be with twice as many scenarios, trials of each, or votes on each answer. Scores are from
    0 to 1, and variances of these.
    """

    scenarios: float
    sampling: float
    judges: float | None
    error: float
    error_with_scenarios: float
    error_with_trials: float
    error_with_votes: float | None

    @property
    def total(self) -> float:
        return self.scenarios + self.sampling + (self.judges or 0.0)


def noise_of(trials: Iterable[ScoredTrial]) -> Noise | None:
    """The parts, none below 0; None where too few scenarios have several trials (`LEAST_FREEDOM`)."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    judged: list[float] = []
    is_known = True
    for trial in trials:
        groups[trial.scenario].append(trial.score)
        is_known &= trial.judge is not None
        judged.append(trial.judge or 0.0)
    count, sizes = len(judged), [len(scores) for scores in groups.values()]
    if len(sizes) - 1 < LEAST_FREEDOM or count - len(sizes) < LEAST_FREEDOM:
        return None
    means = [math.fsum(scores) / len(scores) for scores in groups.values()]
    within = math.fsum(
        (score - mean) ** 2 for mean, scores in zip(means, groups.values(), strict=True) for score in scores
    ) / (count - len(sizes))
    mean = math.fsum(size * each for size, each in zip(sizes, means, strict=True)) / count
    between = math.fsum(size * (each - mean) ** 2 for size, each in zip(sizes, means, strict=True)) / (len(sizes) - 1)
    squares = sum(size * size for size in sizes)
    usual_size = (count - squares / count) / (len(sizes) - 1)
    judges = math.fsum(judged) / count
    return _noise(
        scenarios=max((between - within) / usual_size, 0.0),
        sampling=max(within - judges, 0.0),
        judges=judges if is_known else None,
        weights=(squares / count**2, 1 / count),
    )


def _noise(*, scenarios: float, sampling: float, judges: float | None, weights: tuple[float, float]) -> Noise:
    """`weights`: what of the variance of a scenario, and of a trial, is in the mean's."""
    of_scenarios, of_trials, votes = weights[0] * scenarios, weights[1] * sampling, weights[1] * (judges or 0.0)
    return Noise(
        scenarios=scenarios,
        sampling=sampling,
        judges=judges,
        error=math.sqrt(of_scenarios + of_trials + votes),
        error_with_scenarios=math.sqrt((of_scenarios + of_trials + votes) / 2),
        error_with_trials=math.sqrt(of_scenarios + (of_trials + votes) / 2),
        error_with_votes=math.sqrt(of_scenarios + of_trials + votes / 2) if judges is not None else None,
    )


class _Scores:
    """One model's scores; 20 bytes a run."""

    def __init__(self) -> None:
        self.scenarios = array("I")
        self.scores = array("d")
        self.judges = array("d")  # NaN for what is not known

    def add(self, trial: ScoredTrial) -> None:
        self.scenarios.append(trial.scenario)
        self.scores.append(trial.score)
        self.judges.append(math.nan if trial.judge is None else trial.judge)

    def trials(self) -> Iterator[ScoredTrial]:
        for scenario, score, judge in zip(self.scenarios, self.scores, self.judges, strict=True):
            yield ScoredTrial(scenario, score, None if math.isnan(judge) else judge)


class NoiseTally:
    """Adds up results one by one; of each only its score is kept."""

    def __init__(self) -> None:
        self._models: defaultdict[str, _Scores] = defaultdict(_Scores)
        self._has_trials = False

    def add(self, result: Result, scenario: int) -> None:
        """Count a run that has a score; `scenario` is its scenario's number."""
        if result.score is None or not 0 <= result.score <= 1:  # only a damaged file can hold another
            return
        self._has_trials |= result.trial > 1
        self._models[result.model].add(ScoredTrial(scenario, result.score, _judges_variance(result)))

    def found(self) -> Mapping[str, Noise]:
        """Each model's, in order of their ids; those of which it cannot be told are left out."""
        if not self._has_trials:
            return {}
        noises = {model: noise_of(scores.trials()) for model, scores in sorted(self._models.items())}
        return {model: noise for model, noise in noises.items() if noise is not None}


def _judges_variance(result: Result) -> float | None:
    """Of a weighted mean of checks: each judged check adds the variance of the mean of its votes.

    Where judges vote within a combination nobody knows what of their variance is in its score.
    """
    checks = deciding(result.checks)
    weight, variance = math.fsum(check.weight for check in checks), 0.0
    for check in checks:
        votes = [vote.score for vote in check.votes]
        if len(votes) == 1 or any(inner.votes for inner in check.with_inside() if inner is not check):
            return None
        if votes:
            mean = math.fsum(votes) / len(votes)
            of_one = math.fsum((vote - mean) ** 2 for vote in votes) / (len(votes) - 1)
            variance += (check.weight / weight) ** 2 * of_one / len(votes)
    return variance
