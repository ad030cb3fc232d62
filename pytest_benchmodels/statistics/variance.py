"""Where the noise of a mean score comes from: scenarios, the model's sampling, and its judges.

Scores are taken for nested and random: a scenario's own mean, a trial's around that, and a vote's around the trial's.
The parts are those of an analysis of variance by the method of moments, for groups of any sizes (S. R. Searle,
G. Casella and C. E. McCulloch, "Variance components", 1992, 3.6). The judge's part is known from votes on the same
answer: it is the variance that the mean of these votes still has, so that of another number of votes follows from it.
Where trials share a verdict its error is the same in each of them: it adds nothing to how far they differ, and averages
out in the mean only as far as there are other verdicts.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    Trials of a scenario with one `verdict` were judged once, all together: they gave the same answer. 0 stands for none
    that is shared.
    """

    scenario: int
    score: float
    judge: float | None = 0.0
    verdict: int = 0


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


@dataclass(frozen=True, slots=True)
class _Design:
    """How trials, and the verdicts that they share, are spread over scenarios.

    The judges' part stands `within` times in the variance among trials of a scenario, and `between` times in that
    between scenarios: both are 1 where no verdict is shared. `scenarios`, `trials` and `judges` are what of each part
    is in the variance of the mean, and `more_trials` what of the judges' is in it with twice as many trials.
    """

    usual_size: float
    within: float
    between: float
    scenarios: float
    trials: float
    judges: float
    more_trials: float

    @classmethod
    def of(cls, sizes: Sequence[int], pairs: Sequence[int]) -> _Design:
        """`sizes` are the numbers of trials of each scenario, `pairs` sums of squares: of trials with one verdict."""
        count, groups, squares = sum(sizes), len(sizes), sum(size * size for size in sizes)
        both = list(zip(sizes, pairs, strict=True))
        # How likely two trials of a scenario are to share their verdict.
        shared = [(alike - size) / (size * (size - 1)) if size > 1 else 0.0 for size, alike in both]
        return cls(
            usual_size=(count - squares / count) / (groups - 1),
            within=sum(size - alike / size for size, alike in both) / (count - groups),
            between=sum(alike * (1 / size - 1 / count) for size, alike in both) / (groups - 1),
            scenarios=squares / count**2,
            trials=1 / count,
            judges=sum(pairs) / count**2,
            more_trials=sum(
                (size / count) ** 2 * (1 / (2 * size) + (1 - 1 / (2 * size)) * chance)
                for size, chance in zip(sizes, shared, strict=True)
            ),
        )


def noise_of(trials: Iterable[ScoredTrial]) -> Noise | None:
    """The parts, none below 0; None where too few scenarios have several trials (`LEAST_FREEDOM`)."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    verdicts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    judged: list[float] = []
    is_known = True
    for trial in trials:
        groups[trial.scenario].append(trial.score)
        # Below 0: a verdict of its own, as that of each trial that shares none.
        verdicts[trial.scenario][trial.verdict or -1 - len(judged)] += 1
        is_known &= trial.judge is not None
        judged.append(trial.judge or 0.0)
    count, sizes = len(judged), [len(scores) for scores in groups.values()]
    if len(sizes) - 1 < LEAST_FREEDOM or count - len(sizes) < LEAST_FREEDOM:
        return None
    design = _Design.of(sizes, [sum(n * n for n in verdicts[scenario].values()) for scenario in groups])
    means = [math.fsum(scores) / len(scores) for scores in groups.values()]
    within = math.fsum(
        (score - mean) ** 2 for mean, scores in zip(means, groups.values(), strict=True) for score in scores
    ) / (count - len(sizes))
    mean = math.fsum(size * each for size, each in zip(sizes, means, strict=True)) / count
    between = math.fsum(size * (each - mean) ** 2 for size, each in zip(sizes, means, strict=True)) / (len(sizes) - 1)
    judges = math.fsum(judged) / count
    apart = between - within - judges * (design.between - design.within)
    return _noise(
        scenarios=max(apart / design.usual_size, 0.0),
        sampling=max(within - judges * design.within, 0.0),
        judges=judges if is_known else None,
        design=design,
    )


def _noise(*, scenarios: float, sampling: float, judges: float | None, design: _Design) -> Noise:
    of_scenarios, of_trials = design.scenarios * scenarios, design.trials * sampling
    votes, more_trials = (weight * (judges or 0.0) for weight in (design.judges, design.more_trials))
    return Noise(
        scenarios=scenarios,
        sampling=sampling,
        judges=judges,
        error=math.sqrt(of_scenarios + of_trials + votes),
        error_with_scenarios=math.sqrt((of_scenarios + of_trials + votes) / 2),
        error_with_trials=math.sqrt(of_scenarios + of_trials / 2 + more_trials),
        error_with_votes=math.sqrt(of_scenarios + of_trials + votes / 2) if judges is not None else None,
    )


class _Scores:
    """One model's scores; 28 bytes a run."""

    def __init__(self) -> None:
        self.scenarios = array("I")
        self.scores = array("d")
        self.judges = array("d")  # NaN for what is not known
        self.verdicts = array("q")

    def add(self, scenario: int, result: Result, score: float) -> None:
        self.scenarios.append(scenario)
        self.scores.append(score)
        judge = _judges_variance(result)
        self.judges.append(math.nan if judge is None else judge)
        self.verdicts.append(_verdict(result))

    def trials(self) -> Iterator[ScoredTrial]:
        columns = (self.scenarios, self.scores, self.judges, self.verdicts)
        for scenario, score, judge, verdict in zip(*columns, strict=True):
            yield ScoredTrial(scenario, score, None if math.isnan(judge) else judge, verdict)


class NoiseTally:
    """Adds up results one by one; of each only its score is kept."""

    def __init__(self) -> None:
        self._models: defaultdict[str, _Scores] = defaultdict(_Scores)
        self._has_trials = False

    def add(self, result: Result, scenario: int) -> None:
        """Count a run that has a score; `scenario` is its scenario's number."""
        score = result.score
        if score is None or not 0 <= score <= 1:  # only a damaged file can hold another
            return
        self._has_trials |= result.trial > 1
        self._models[result.model].add(scenario, result, score)

    def found(self) -> Mapping[str, Noise]:
        """Each model's, in order of their ids; those of which it cannot be told are left out."""
        if not self._has_trials:
            return {}
        noises = {model: noise_of(scores.trials()) for model, scores in sorted(self._models.items())}
        return {model: noise for model, noise in noises.items() if noise is not None}


def _verdict(result: Result) -> int:
    """A number for what its judges were asked, which runs have in common that share a verdict; 0 for nothing."""
    asked = [call.fingerprint for call in result.calls if call.purpose == "judge"]
    return hash(tuple(sorted(asked))) if asked and all(asked) else 0


def _judges_variance(result: Result) -> float | None:
    """Of a weighted mean of checks: each judged check adds the variance of the mean of its votes.

    Where judges vote within a combination nobody knows what of their variance is in its score.
    """
    checks = [check for check in deciding(result.checks) if check.votes or check.checks]
    if not checks:  # as in most runs: no model judged
        return 0.0
    weight, variance = math.fsum(check.weight for check in deciding(result.checks)), 0.0
    for check in checks:
        votes = [vote.score for vote in check.votes]
        if len(votes) == 1 or any(inner.votes for inner in check.with_inside() if inner is not check):
            return None
        if votes:
            mean = math.fsum(votes) / len(votes)
            of_one = math.fsum((vote - mean) ** 2 for vote in votes) / (len(votes) - 1)
            variance += (check.weight / weight) ** 2 * of_one / len(votes)
    return variance
