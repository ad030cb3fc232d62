"""What people's labels say of a run's judges, and of the pass rates that they gave."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from pytest_benchmodels.core.label import LabelKey, Labels, keyed_inside, label_keys
from pytest_benchmodels.core.result import CheckResult, Result, passes
from pytest_benchmodels.statistics.agreement import (
    LEAST_LABELS,
    Counted,
    Ratings,
    Reliability,
    Side,
    corrected_rate,
    krippendorff,
    missing_labels,
    reliability,
    weighted_kappa,
)
from pytest_benchmodels.statistics.intervals import Estimate, design_effect
from pytest_benchmodels.statistics.stratified import (
    Labelled,
    drawn_by_others,
    heavy_labels,
    stratified_rate,
    stratified_reliability,
)

__all__ = ["ByLabels", "CheckReliability", "CorrectedRate", "JudgeAgreement", "LabelFigures", "LabelTally"]

ALL_MODELS = "*"
FEW_LABELS = 20  # docs/judging.md: from so many on the intervals were tried


@dataclass(frozen=True, slots=True)
class ByLabels:
    """A figure that stands on so many of people's labels.

    `uncorrected` is what it is without them, None where it is nothing then. `reason` says why they do not change it.
    """

    labels: int
    uncorrected: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CheckReliability:
    """One check, or `*` for all that were judged: its `answers` verdicts, of which people labelled `labels`.

    `figures` is None, and `reason` says why, where there are too few labels.
    """

    check: str
    answers: int
    labels: int
    figures: Reliability | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """One of several judges: Cohen's kappa of its verdicts and people's over `labels` answers, None without any."""

    judge: str
    labels: int
    kappa: Estimate | None


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A model's pass rate, or that of all models together (`*`), as people would have judged.

    The judges decided `judged` of the `graded` runs, of which `labels` are labelled: one label counts for each run that
    gave the same answer. `estimate` is None, and `reason`
    says why, where that cannot be told. Rates are from 0 to 1. `has_few_labels`: its interval may not hold what it
    says, for it stands on fewer labels than simulations tried, or mostly on a handful that stand for many answers each.
    """

    model: str
    passed: int
    graded: int
    judged: int
    labels: int
    estimate: Estimate | None
    reason: str | None = None
    has_few_labels: bool = False

    @property
    def rate(self) -> float | None:
        """The rate as the judges have it."""
        return self.passed / self.graded if self.graded else None


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How far a run's judges are to be believed.

    Of `labels` verdicts that people labelled, `fitting` are of answers of this run; on `undecided` of these, people
    were of two minds, one half against the other, and they count for none of the figures. `people` are who labelled
    what fits. Krippendorff's alpha is `people_alpha` among them, and `alpha` with the judges as further raters; None
    where no answer has two ratings. `judges` are there where there are several.
    """

    labels: int
    fitting: int
    undecided: int
    people: tuple[str, ...]
    people_alpha: Estimate | None
    alpha: Estimate | None
    checks: tuple[CheckReliability, ...]
    judges: tuple[JudgeAgreement, ...]
    rates: tuple[CorrectedRate, ...]

    @property
    def overall(self) -> CheckReliability:
        """All checks together."""
        return self.checks[0]

    def rate_of(self, model: str | None) -> CorrectedRate | None:
        """The rate of a model, of all together for None; None where it did not run."""
        return next((rate for rate in self.rates if rate.model == (model or ALL_MODELS)), None)


class _Labelled(NamedTuple):
    """A verdict that people labelled."""

    scenario: int
    key: LabelKey
    passed: bool
    right: bool | None  # None where people were of two minds
    people: tuple[int, int]  # how many say that it passes, and that it fails
    weight: float | None  # how many answers the label stands for
    judges: Mapping[str, bool]


class _Verdict(NamedTuple):
    """What people say of an answer, and how many answers that stands for, None where nobody knows."""

    scenario: int
    digest: str
    right: bool
    weight: float | None


_JUDGED_INSIDE = "its judges are inside of combinations; label these, too, by --check NAME"


class _Runs:
    """One model's runs by scenario, and what people's labels make of those that the judge decided."""

    def __init__(self) -> None:
        self.counted: defaultdict[int, list[int]] = defaultdict(lambda: [0] * 4)
        self.has_judges_inside = False
        self.verdicts: dict[bool, list[_Verdict]] = {True: [], False: []}

    def add_known(self, scenario: int, *, passed: bool) -> None:
        self.counted[scenario][0 if passed else 1] += 1

    def add_judged(self, scenario: int, verdict: _Verdict | None, *, passed: bool) -> None:
        self.counted[scenario][2 if passed else 3] += 1
        if verdict is not None:
            self.verdicts[passed].append(verdict)

    def merge(self, other: _Runs) -> None:
        for scenario, counts in other.counted.items():
            self.counted[scenario] = [sum(pair) for pair in zip(self.counted[scenario], counts, strict=True)]
        self.has_judges_inside |= other.has_judges_inside
        for passed, verdicts in other.verdicts.items():
            self.verdicts[passed] += verdicts

    def side(self, *, passed: bool) -> Side:
        answers = sum(counts[2 if passed else 3] for counts in self.counted.values())
        return _side(answers, self.verdicts[passed])

    @property
    def shared(self) -> float:
        """The share of the labels that are of answers on both sides."""
        passed, failed = (
            Counter((each.scenario, each.digest) for each in self.verdicts[side]) for side in (True, False)
        )
        if not passed or not failed:
            return 0.0
        labels = passed.total(), failed.total()
        return math.fsum(min(passed[key] / labels[0], failed[key] / labels[1]) for key in passed.keys() & failed.keys())

    @property
    def labels(self) -> int:
        return sum(self.side(passed=verdict).labels for verdict in (True, False))

    @property
    def judged(self) -> int:
        return sum(counts[2] + counts[3] for counts in self.counted.values())

    @property
    def of_others(self) -> Sequence[Labelled]:
        """What is labelled, where the sample was drawn by other verdicts than these, and is enough; else nothing."""
        return drawn_by_others(
            (each.scenario, passed, each.right, each.weight)
            for passed, verdicts in self.verdicts.items()
            for each in verdicts
        )

    @property
    def _has_few_labels(self) -> bool:
        of_others = self.of_others
        is_light = len(of_others) > 0 and heavy_labels(of_others) < LEAST_LABELS
        return self.labels < self.judged and (self.labels < FEW_LABELS or is_light)

    def rate(self, model: str, doubt: str | None = None) -> CorrectedRate:
        sides = self.side(passed=True), self.side(passed=False)
        scenarios = [Counted(*counts) for counts in self.counted.values()]
        of_others = self.of_others
        reason = doubt or (None if of_others else missing_labels(*sides))
        if not self.judged:
            reason = _JUDGED_INSIDE if self.has_judges_inside else "no judge decided a run"
        estimate = None
        if reason is None:
            estimate = (
                stratified_rate(scenarios, *sides, of_others)
                if of_others
                else corrected_rate(scenarios, *sides, self.shared)
            )
        return CorrectedRate(
            model=model,
            passed=sum(each.known_passed + each.judged_passed for each in scenarios),
            graded=sum(each.runs for each in scenarios),
            judged=self.judged,
            labels=self.labels,
            estimate=estimate,
            reason=reason,
            has_few_labels=estimate is not None and self._has_few_labels,
        )


class LabelTally:
    """Adds up results one by one, and forgets all of them but what is labelled."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._models: defaultdict[str, _Runs] = defaultdict(_Runs)
        self._verdicts: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        self._labelled: list[_Labelled] = []
        self._fitting: set[LabelKey] = set()
        self._undecided: set[LabelKey] = set()
        self._people: set[str] = set()

    def add(self, result: Result, scenario: int) -> None:
        """Count one run's end; `scenario` is its scenario's number."""
        if result.status not in ("passed", "failed", "timeout"):
            return
        passed, runs = result.status == "passed", self._models[result.model]
        keys = label_keys(result) if result.checks else []
        judged = [
            place
            for place, check in enumerate(result.checks)
            if check.votes or keys[place].check in self._labels.checks
        ]
        found = {place: self._add_verdict(scenario, result.checks[place], keys[place]) for place in judged}
        for key, check in (each for pair in zip(keys, result.checks, strict=True) for each in keyed_inside(*pair)):
            if check.votes or key.check in self._labels.checks:
                self._add_verdict(scenario, check, key)
                runs.has_judges_inside = True
        if result.status == "timeout" or _decided(result, dict.fromkeys(judged)) is not None:
            runs.add_known(scenario, passed=passed)
        else:
            right = _decided(result, {place: verdict and verdict.right for place, verdict in found.items()})
            weight = _product([verdict.weight for verdict in found.values() if verdict is not None])
            verdict = None if right is None else _Verdict(scenario, keys[0].digest, right, weight)
            runs.add_judged(scenario, verdict, passed=passed)

    def _add_verdict(self, scenario: int, check: CheckResult, key: LabelKey) -> _Verdict | None:
        """Count a check's verdict; what people say of it, None where nobody did, or they are of two minds."""
        counts = self._verdicts[key.check][scenario]
        counts[0] += check.passed
        counts[1] += 1
        said = self._labels.of(key)
        if not said:
            return None
        self._fitting.add(key)
        self._people.update(label.labeller for label in said)
        passes_for = sum(label.passed for label in said)
        fails_for = len(said) - passes_for
        right = None if passes_for == fails_for else passes_for > fails_for
        if right is None:
            self._undecided.add(key)
        people = (passes_for, fails_for)
        weight = said[0].weight  # the same for all who labelled one sample
        self._labelled.append(_Labelled(scenario, key, check.passed, right, people, weight, _by_judge(check)))
        return None if right is None else _Verdict(scenario, key.digest, right, weight)

    def figures(self) -> LabelFigures:
        """The figures so far."""
        everything = _Runs()
        for runs in self._models.values():
            everything.merge(runs)
        checks = sorted(self._verdicts)
        named = (ALL_MODELS, *checks) if len(checks) != 1 else (ALL_MODELS,)
        weighted = list(self._weighted())
        return LabelFigures(
            labels=len(self._labels),
            fitting=len(self._fitting),
            undecided=len(self._undecided),
            people=tuple(sorted(self._people)),
            people_alpha=krippendorff([Ratings(each.scenario, *each.people, weight) for each, weight in weighted]),
            alpha=krippendorff([_all_ratings(each, weight) for each, weight in weighted]),
            checks=tuple(self._reliability(name, checks) for name in named),
            judges=_each_judge(weighted),
            rates=(
                everything.rate(ALL_MODELS, self._doubt(everything)),
                *(runs.rate(model) for model, runs in sorted(self._models.items())),
            ),
        )

    def _doubt(self, everything: _Runs) -> str | None:
        """Why the labels cannot stand for all models together: they are of others of them."""
        share = everything.labels / everything.judged if everything.judged else 0.0
        for model, runs in sorted(self._models.items()):
            expected = share * runs.judged
            if expected >= _TELLING and runs.labels < expected * _LEAST_OF_EXPECTED:
                return f"{runs.labels} of the labels are of answers of {model}, {expected:.0f} would be its share"
        return None

    def _weighted(self) -> Iterable[tuple[_Labelled, float]]:
        """What is labelled, each with how many verdicts it stands for."""
        labels = Counter((each.key.check, each.passed) for each in self._labelled)
        is_known = all(each.weight is not None for each in self._labelled)
        for each in self._labelled:
            passed, answers = (sum(column) for column in zip(*self._verdicts[each.key.check].values(), strict=True))
            share = (passed if each.passed else answers - passed) / labels[each.key.check, each.passed]
            yield each, each.weight if is_known and each.weight is not None else share

    def _reliability(self, name: str, checks: Sequence[str]) -> CheckReliability:
        names = checks if name == ALL_MODELS else [name]
        by_scenario: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        for check in names:
            for scenario, (passed, answers) in self._verdicts[check].items():
                by_scenario[scenario][0] += passed
                by_scenario[scenario][1] += answers
        passed = sum(counts[0] for counts in by_scenario.values())
        answers = sum(counts[1] for counts in by_scenario.values())
        sides = self._side(names, passed, verdict=True), self._side(names, answers - passed, verdict=False)
        effect = design_effect([(right, runs) for right, runs in by_scenario.values()])
        labels = sum(side.labels for side in sides)
        of_others = self._of_others(names)
        figures = stratified_reliability(*sides, effect, of_others) if of_others else reliability(*sides, effect)
        return CheckReliability(name, answers, labels, figures, missing_labels(*sides))

    def _of_others(self, names: Sequence[str]) -> Sequence[Labelled]:
        verdicts = [each for each in self._labelled if each.key.check in names and each.right is not None]
        return drawn_by_others((each.scenario, each.passed, each.right, each.weight) for each in verdicts)

    def _side(self, names: Sequence[str], answers: int, *, verdict: bool) -> Side:
        verdicts = [
            _Verdict(each.scenario, each.key.digest, each.right, each.weight)
            for each in self._labelled
            if each.key.check in names and each.passed == verdict and each.right is not None
        ]
        return _side(answers, verdicts)


def _side(answers: int, verdicts: Sequence[_Verdict]) -> Side:
    """By scenario.

    Of a sample that was taken by other verdicts than these, another judge's or of another time, some answers stand for
    more than others: without their weights, those that the other judge failed would be too many here.
    """
    weights = [each.weight for each in verdicts if each.weight is not None]
    is_even = len(weights) < len(verdicts) or len(set(weights)) < 2
    unit = 1.0 if is_even else len(weights) / math.fsum(weights)
    right: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in verdicts:
        weight = 1.0 if is_even or each.weight is None else each.weight * unit
        right[each.scenario][0] += weight * each.right
        right[each.scenario][1] += weight
    return Side(answers, tuple((passed, labels) for passed, labels in right.values()))


def _product(weights: Sequence[float | None]) -> float | None:
    known = [weight for weight in weights if weight is not None]
    return math.prod(known) if len(known) == len(weights) else None


_TELLING = 5
_LEAST_OF_EXPECTED = 0.25


def _decided(result: Result, people: Mapping[int, bool | None]) -> bool | None:
    """Whether the run passes with these verdicts in place of a judge's; None where one that is None would decide.

    A label says pass or fail, and no score: where a threshold decides, it counts as 1 or 0.
    """
    ends = {
        passes(
            [
                _with(check, people[place], otherwise) if place in people else check
                for place, check in enumerate(result.checks)
            ],
            result.threshold,
        )
        for otherwise in (True, False)
    }
    return ends.pop() if len(ends) == 1 else None


def _with(check: CheckResult, verdict: bool | None, otherwise: bool) -> CheckResult:  # noqa: FBT001 - two verdicts
    passed = otherwise if verdict is None else verdict
    return replace(check, passed=passed, score=float(passed))


def _by_judge(check: CheckResult) -> Mapping[str, bool]:
    """What each judge says, by most of its votes; a tie is a fail."""
    votes: defaultdict[str, list[bool]] = defaultdict(list)
    for vote in check.votes:
        votes[vote.judge].append(vote.passed)
    return {judge: 2 * sum(passed) > len(passed) for judge, passed in votes.items()} or {"": check.passed}


def _all_ratings(each: _Labelled, weight: float) -> Ratings:
    passing = sum(each.judges.values())
    return Ratings(
        each.scenario, each.people[0] + passing, each.people[1] + len(each.judges) - passing, weight, each.passed
    )


def _each_judge(weighted: Sequence[tuple[_Labelled, float]]) -> tuple[JudgeAgreement, ...]:
    judges = sorted({judge for each, _ in weighted for judge in each.judges if judge})
    if len(judges) < 2:
        return ()
    found = []
    for judge in judges:
        pairs = [
            (each.scenario, each.judges[judge], each.right, weight)
            for each, weight in weighted
            if judge in each.judges and each.right is not None
        ]
        found.append(JudgeAgreement(judge, len(pairs), weighted_kappa(pairs)))
    return tuple(found)
