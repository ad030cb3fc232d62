"""Two runs of the same suite: what got better, what got worse, and whether chance explains it.

Results are paired by scenario and model. Trials of one scenario are pooled, for they are exchangeable: with one trial
this is the pair of its two results. Only a scenario that was graded in both runs tells whether the model got better;
errors are told apart.

Scenarios whose prompt, params or checks changed are compared all the same. Whoever reads the comparison has to know of
them, and of how much of both runs it stands on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pytest_benchmodels.statistics.changes import Changes, Conditions, changes_between
from pytest_benchmodels.statistics.intervals import Estimate, paired_interval
from pytest_benchmodels.statistics.outcomes import Outcome, Standing, standings
from pytest_benchmodels.statistics.paired import SIGNIFICANT, common_steps, holm, paired_p_value
from pytest_benchmodels.statistics.power import PairedTrials, scenarios_needed, trials_needed

__all__ = ["Comparison", "ModelComparison", "Needed", "ScenarioChange", "Shift", "Verdict", "compare", "compare_runs"]


Verdict = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True, slots=True)
class ScenarioChange:
    """One scenario that came out differently."""

    scenario: str
    before: Standing
    after: Standing

    @property
    def difference(self) -> float:
        """By how much the share of trials that passed rose, -1 to 1."""
        return self.after.rate - self.before.rate


@dataclass(frozen=True, slots=True)
class Shift:
    """A mean over `scenarios`, 0 to 1, in both runs, and the mean difference with its 95 % interval."""

    scenarios: int
    before: float
    after: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Needed:
    """What would settle a difference of the size seen, four times in five: more scenarios, or more trials of each.

    `trials` is None where no number of them is known to help; see `trials_needed`.
    """

    scenarios: int
    trials: int | None


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """One model in two runs.

    `worse` and `better` are by the share of trials that passed, the largest change first. `newly_errs` have errors only
    in the run after, `no_longer_errs` only before. `only_before`, `only_after` ran in one of the two. `rate` compares
    the pass rates over the scenarios graded in both, `score` the mean scores over those scored in both; None where
    there are none. `p_value` is the pass rates', after Holm's correction over the models, and decides the `verdict`;
    `p_alone` is before it. Both are None where no scenario was graded in both. `needed` is None if the verdict is clear
    or the rates do not differ at all. `cached` runs of the run after took over an answer.
    """

    model: str
    worse: tuple[ScenarioChange, ...]
    better: tuple[ScenarioChange, ...]
    newly_errs: tuple[ScenarioChange, ...]
    no_longer_errs: tuple[ScenarioChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    rate: Shift | None
    score: Shift | None
    p_value: float | None
    p_alone: float | None
    verdict: Verdict
    needed: Needed | None
    cached: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, model by model in order of their ids; the models that ran in one of the two are only named.

    `changes` say what else changed, None where nobody looked.
    """

    models: tuple[ModelComparison, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    changes: Changes | None = None


def compare(before: Iterable[Outcome], after: Iterable[Outcome]) -> Comparison:
    """Compare two runs. Each iterable is read once, and no more than a few numbers per scenario are kept of it."""
    old, new = standings(before), standings(after)
    pairs = [_Pairs(model, old[model], new[model]) for model in sorted(old.keys() & new.keys())]
    # A model with no scenario graded in both runs was not compared. One whose scenarios all agree was, and counts.
    tested = [pair for pair in pairs if pair.differences]
    adjusted = holm([pair.p_alone for pair in tested])
    p_values = {pair.model: p_value for pair, p_value in zip(tested, adjusted, strict=True)}
    # Holm asks this much of the next model, once those that are clear are.
    level = SIGNIFICANT / max(1, sum(p_value >= SIGNIFICANT for p_value in adjusted))
    return Comparison(
        models=tuple(pair.compared(p_values.get(pair.model), level) for pair in pairs),
        only_before=tuple(sorted(old.keys() - new.keys())),
        only_after=tuple(sorted(new.keys() - old.keys())),
    )


def compare_runs(before: Conditions, after: Conditions) -> Comparison:
    """Compare two runs, and say what else changed."""
    return replace(compare(before.outcomes, after.outcomes), changes=changes_between(before, after))


class _Pairs:
    """One model's scenarios in two runs."""

    def __init__(self, model: str, before: Mapping[str, Standing], after: Mapping[str, Standing]) -> None:
        self.model, self._before, self._after = model, before, after
        self._changes = [
            ScenarioChange(scenario, before[scenario], after[scenario])
            for scenario in sorted(before.keys() & after.keys())
        ]
        self._graded = [change for change in self._changes if change.before.graded and change.after.graded]
        self.differences = [change.difference for change in self._graded]
        self._steps = common_steps(
            standing.graded for change in self._graded for standing in (change.before, change.after)
        )
        self.p_alone = paired_p_value(self.differences, self._steps)

    def compared(self, p_value: float | None, level: float) -> ModelComparison:
        """With the p-value after Holm's correction, None if nothing was graded in both runs."""
        rate = self._rate()
        verdict = _verdict(rate, p_value)
        return ModelComparison(
            model=self.model,
            worse=tuple(sorted((change for change in self._graded if change.difference < 0), key=_size)),
            better=tuple(sorted((change for change in self._graded if change.difference > 0), key=_size)),
            newly_errs=tuple(change for change in self._changes if change.after.errors and not change.before.errors),
            no_longer_errs=tuple(
                change for change in self._changes if change.before.errors and not change.after.errors
            ),
            only_before=tuple(sorted(self._before.keys() - self._after.keys())),
            only_after=tuple(sorted(self._after.keys() - self._before.keys())),
            rate=rate,
            score=self._score(),
            p_value=p_value,
            p_alone=None if p_value is None else self.p_alone,
            verdict=verdict,
            needed=self._needed(level) if verdict == "inconclusive" else None,
            cached=sum(standing.cached for standing in self._after.values()),
        )

    def _rate(self) -> Shift | None:
        pairs = [(change.before.rate, change.after.rate) for change in self._graded]
        if not pairs:
            return None
        # Of one trial before and one after, drawn from each scenario's.
        better = math.fsum(after * (1 - before) for before, after in pairs) / len(pairs)
        worse = math.fsum(before * (1 - after) for before, after in pairs) / len(pairs)
        trials = sum(min(change.before.graded, change.after.graded) for change in self._graded)
        interval = paired_interval(self.differences, better, worse, trials)
        return None if interval is None else _shift(pairs, _agreeing(interval, self.p_alone))

    def _score(self) -> Shift | None:
        pairs = [
            (change.before.score, change.after.score)
            for change in self._graded
            if change.before.scored and change.after.scored
        ]
        if not pairs:
            return None
        differences = [after - before for before, after in pairs]
        better = math.fsum(max(difference, 0.0) for difference in differences) / len(pairs)
        worse = math.fsum(max(-difference, 0.0) for difference in differences) / len(pairs)
        interval = paired_interval(differences, better, worse)
        return None if interval is None else _shift(pairs, interval)

    def _needed(self, level: float) -> Needed | None:
        scenarios = len(self._graded)
        total = scenarios_needed(self.differences, self._steps, level)
        if total is None:
            return None
        counts = [
            PairedTrials(change.before.passed, change.before.graded, change.after.passed, change.after.graded)
            for change in self._graded
        ]
        trials = trials_needed(counts, level)
        has = sum(min(count.before, count.after) for count in counts) / scenarios
        return Needed(
            scenarios=max(1, total - scenarios), trials=None if trials is None else max(1, math.ceil(trials - has))
        )


def _size(change: ScenarioChange) -> float:
    return -abs(change.difference)


def _agreeing(interval: Estimate, p_value: float) -> Estimate:
    """The interval, made to leave out 0 exactly where the test finds a difference.

    The two are worked out in different ways, and could contradict each other near the border. A wider interval covers
    no less. One that is cut at 0 leaves out 0 only, and no more often than the test is wrong.
    """
    low, high = interval.low, interval.high
    if p_value >= SIGNIFICANT:
        return Estimate(interval.mean, min(low, 0.0), max(high, 0.0))
    return Estimate(
        interval.mean, max(low, 0.0) if interval.mean > 0 else low, min(high, 0.0) if interval.mean < 0 else high
    )


def _shift(pairs: list[tuple[float, float]], difference: Estimate) -> Shift:
    before, after = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return Shift(len(pairs), before, after, difference)


def _verdict(rate: Shift | None, p_value: float | None) -> Verdict:
    if rate is None or p_value is None or p_value >= SIGNIFICANT:
        return "inconclusive"
    return "better" if rate.difference.mean > 0 else "worse"
