"""Two runs of the same suite: what got better, what got worse, and whether chance explains it.

Results are paired by scenario and model. Trials of one scenario are pooled, for they are exchangeable: with one trial
this is the pair of its two results. Only a scenario that was graded in both runs tells whether the model got better;
errors are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .changes import Changes, Conditions, changes_between
from .outcome import Outcome, Standing, standings
from .statistics import SIGNIFICANT, Estimate, holm, paired_bootstrap, paired_p_value, scenarios_needed

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
    """What would settle a difference of the size seen: so many more trials of each scenario, or more scenarios.

    That more trials help as much as more scenarios holds as far as the difference is chance within the scenarios.
    """

    trials: int
    scenarios: int


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """One model in two runs.

    `worse` and `better` are by the share of trials that passed, the largest change first. `newly_errs` have errors only
    in the run after, `no_longer_errs` only before. `only_before`, `only_after` ran in one of the two. `rate` compares
    the pass rates over the scenarios graded in both, `score` the mean scores over those scored in both; None where
    there are none. `p_value` is the pass rates', after Holm's correction over the models, and decides the `verdict`.
    `needed` is None if the verdict is clear or the rates do not differ at all. `cached` runs of the run after took over
    an answer.
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
    p_value: float
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
    adjusted = holm([paired_p_value(pair.differences) for pair in pairs])
    return Comparison(
        models=tuple(pair.compared(p_value) for pair, p_value in zip(pairs, adjusted, strict=True)),
        only_before=tuple(sorted(old.keys() - new.keys())),
        only_after=tuple(sorted(new.keys() - old.keys())),
    )


def compare_runs(before: Conditions, after: Conditions) -> Comparison:
    """Compare two runs, and say what else changed."""
    return replace(compare(before.outcomes, after.outcomes), changes=changes_between(before, after))


class _Pairs:
    """One model's scenarios in two runs."""

    def __init__(self, model: str, before: Mapping[str, Standing], after: Mapping[str, Standing]) -> None:
        self._model, self._before, self._after = model, before, after
        self._changes = [
            ScenarioChange(scenario, before[scenario], after[scenario])
            for scenario in sorted(before.keys() & after.keys())
        ]
        self._graded = [change for change in self._changes if change.before.graded and change.after.graded]
        self.differences = [change.difference for change in self._graded]

    def compared(self, p_value: float) -> ModelComparison:
        rate = _shift([(change.before.rate, change.after.rate) for change in self._graded])
        verdict = _verdict(rate, p_value)
        return ModelComparison(
            model=self._model,
            worse=tuple(sorted((change for change in self._graded if change.difference < 0), key=_size)),
            better=tuple(sorted((change for change in self._graded if change.difference > 0), key=_size)),
            newly_errs=tuple(change for change in self._changes if change.after.errors and not change.before.errors),
            no_longer_errs=tuple(
                change for change in self._changes if change.before.errors and not change.after.errors
            ),
            only_before=tuple(sorted(self._before.keys() - self._after.keys())),
            only_after=tuple(sorted(self._after.keys() - self._before.keys())),
            rate=rate,
            score=_shift(list(self._scores())),
            p_value=p_value,
            verdict=verdict,
            needed=self._needed() if verdict == "inconclusive" else None,
            cached=sum(standing.cached for standing in self._after.values()),
        )

    def _scores(self) -> Iterator[tuple[float, float]]:
        for change in self._graded:
            if change.before.scored and change.after.scored:
                yield change.before.score, change.after.score

    def _needed(self) -> Needed | None:
        total = scenarios_needed(self.differences)
        if total is None:
            return None
        scenarios = len(self._graded)
        trials = sum(min(change.before.graded, change.after.graded) for change in self._graded) / scenarios
        more_trials = math.ceil(total / scenarios * trials - trials)
        return Needed(trials=max(1, more_trials), scenarios=max(1, total - scenarios))


def _size(change: ScenarioChange) -> float:
    return -abs(change.difference)


def _shift(pairs: list[tuple[float, float]]) -> Shift | None:
    difference = paired_bootstrap(after - before for before, after in pairs)
    if difference is None:
        return None
    before, after = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return Shift(len(pairs), before, after, difference)


def _verdict(rate: Shift | None, p_value: float) -> Verdict:
    if rate is None or p_value >= SIGNIFICANT:
        return "inconclusive"
    return "better" if rate.difference.mean > 0 else "worse"
