"""How far a judge is to be believed: its verdicts beside people's, and the pass rate without its errors.

People label a sample of the answers, taken apart among those that the judge passed and those that it failed, so that
both are there. What they say of each side stands for all answers of that side: with `a` the share of right ones among
those that passed, `b` among those that failed, and `w` the share that passed, the true rate is `w a + (1 - w) b`. That
is the maximum likelihood estimate of double sampling (A. Tenenbein, Journal of the American Statistical Association 65,
1970, 1350-1361), and the same as prediction-powered inference (A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan
and T. Zrnic, Science 382, 2023, 669-674) with its weight at `a - b`. Sensitivity, specificity and Cohen's kappa are
figures of the same three shares. A scenario is one cluster, as in `intervals`; docs/statistics.md has how often each
interval held the truth, as simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pytest_benchmodels.statistics.intervals import (
    Estimate,
    Interval,
    design_effect,
    jeffreys,
    square_and_add,
    student,
    wilson,
)

__all__ = [
    "LEAST_LABELS",
    "Counted",
    "Ratings",
    "Reliability",
    "Side",
    "corrected_rate",
    "krippendorff",
    "missing_labels",
    "reliability",
    "weighted_kappa",
]

LEAST_LABELS = 5
"""Of each side, unless it has fewer answers: with fewer labels an interval is as good as none."""


@dataclass(frozen=True, slots=True)
class Side:
    """The answers that a judge passed, or those that it failed.

    Of `answers` people have labelled some: `right` are those that passed for them, by scenario, and how many labels
    these are. Labels that stand for more answers than others count for more than 1; all together are as many as there
    are.
    """

    answers: int
    right: tuple[tuple[float, float], ...]

    @property
    def labels(self) -> int:
        """How many of the answers people have labelled."""
        return round(math.fsum(labels for _, labels in self.right))

    @property
    def share(self) -> float:
        """The share of right answers among the labelled ones, 0 to 1; 0.5 where there is none."""
        return min(math.fsum(right for right, _ in self.right) / self.labels, 1.0) if self.labels else 0.5

    @property
    def interval(self) -> Interval:
        """Its 95 % interval: Jeffreys', of as many labels as there are independent ones."""
        if not self.answers:
            return Interval(self.share, self.share)  # it counts for nothing
        observations = self.labels / design_effect(self.right)
        return jeffreys(self.share * observations, observations)


def missing_labels(passed: Side, failed: Side) -> str | None:
    """Which labels are missing for any figure; None where there are enough."""
    for side, verdict in ((passed, "passed"), (failed, "failed")):
        needed = min(LEAST_LABELS, side.answers)
        if side.labels < needed:
            return f"{side.labels} of {needed} labels needed of answers that the judge {verdict}"
    return None if passed.answers or failed.answers else "nothing was judged"


@dataclass(frozen=True, slots=True)
class Reliability:
    """How a judge's verdicts agree with people's, over all answers that it judged.

    `agreement` is the share of verdicts that are the same, `kappa` Cohen's: without what chance alone would agree.
    `sensitivity` is the share of right answers that the judge passed, `specificity` of wrong ones that it failed. Each
    is None where it has no meaning: of no right answer, or where both gave only one verdict.
    """

    agreement: Estimate
    kappa: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None


def reliability(passed: Side, failed: Side, effect: float = 1.0) -> Reliability | None:
    """The figures of a judge that passed and failed these answers; None where labels are missing.

    `effect` is the design effect of the judge's own pass rate.
    """
    if missing_labels(passed, failed) is not None:
        return None
    answers = passed.answers + failed.answers
    values = (passed.share, failed.share, passed.answers / answers)
    share = wilson(passed.answers, answers, effect) or Interval(0.0, 1.0)
    intervals = (passed.interval, failed.interval, share)

    def estimate(figure: Callable[[Sequence[float]], float | None]) -> Estimate | None:
        found = figure(values)
        # At an end of an interval a figure may have no meaning: it then adds nothing.
        return None if found is None else square_and_add(lambda ends: _or(figure(ends), found), values, intervals)

    agreement = square_and_add(_agreement, values, intervals)
    return Reliability(agreement, estimate(_kappa), estimate(_sensitivity), estimate(_specificity))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _agreement(shares: Sequence[float]) -> float:
    right, missed, passed = shares
    return passed * right + (1 - passed) * (1 - missed)


def _rate(shares: Sequence[float]) -> float:
    right, missed, passed = shares
    return passed * right + (1 - passed) * missed


def _kappa(shares: Sequence[float]) -> float | None:
    passed, rate = shares[2], _rate(shares)
    chance = passed * rate + (1 - passed) * (1 - rate)
    return (_agreement(shares) - chance) / (1 - chance) if chance < 1 else None


def _sensitivity(shares: Sequence[float]) -> float | None:
    rate = _rate(shares)
    return shares[2] * shares[0] / rate if rate > 0 else None


def _specificity(shares: Sequence[float]) -> float | None:
    rate = _rate(shares)
    return (1 - shares[2]) * (1 - shares[1]) / (1 - rate) if rate < 1 else None


@dataclass(frozen=True, slots=True)
class Counted:
    """One scenario's graded runs: those that pass or fail whatever the judge says, and those by its verdict."""

    known_passed: int = 0
    known_failed: int = 0
    judged_passed: int = 0
    judged_failed: int = 0

    @property
    def runs(self) -> int:
        return self.known_passed + self.known_failed + self.judged_passed + self.judged_failed


def corrected_rate(scenarios: Iterable[Counted], passed: Side, failed: Side, shared: float = 0.0) -> Estimate | None:
    """The pass rate as people would have judged, with an interval that has the labels' chance in it as well.

    `passed` and `failed` are the runs that the judge decided, by their verdict. `shared` is the share of the labels, 0
    to 1, that are of answers which stand on both sides: given several times, and judged differently. None where labels
    are missing, or nothing was graded. Each run counts as the share of right ones on its side; to the interval of their
    mean, by scenario, that of each side's share is added in squares, as in `square_and_add`. What is shared errs on
    both sides at once, and is added as it is.
    """
    counted = list(scenarios)
    runs = sum(each.runs for each in counted)
    if not runs or missing_labels(passed, failed) is not None:
        return None
    sums = [
        each.known_passed + each.judged_passed * passed.share + each.judged_failed * failed.share for each in counted
    ]
    groups = [(total, each.runs) for total, each in zip(sums, counted, strict=True)]
    rate = min(math.fsum(sums) / runs, 1.0)
    chance = wilson(rate * runs, runs, design_effect(groups, shares=False)) or Interval(0.0, 1.0)

    def reach(ends: Callable[[Interval], float]) -> float:
        first, second = ((ends(side.interval) - side.share) * side.answers / runs for side in (passed, failed))
        return math.sqrt((ends(chance) - rate) ** 2 + first**2 + second**2 + 2 * shared * first * second)

    low, high = rate - reach(lambda interval: interval.low), rate + reach(lambda interval: interval.high)
    return Estimate(rate, max(low, 0.0), min(high, 1.0))


@dataclass(frozen=True, slots=True)
class Ratings:
    """What several raters said of one answer: how many that it passes, and how many that it fails.

    `weight` is how many answers it stands for: of a side with many answers and few labels each stands for many.
    """

    scenario: int
    passed: int
    failed: int
    weight: float = 1.0


def krippendorff(answers: Sequence[Ratings]) -> Estimate | None:
    """Krippendorff's alpha of any number of raters, nominal, of whom each may have left out answers.

    As in K. Krippendorff, "Content analysis", 2004, 11.3; None where fewer than two scenarios have two ratings of one
    answer, or all of these are the same verdict. The interval is a jackknife's, see `_jackknife`.
    """
    kept = [each for each in answers if each.passed + each.failed > 1]
    unit = _unit(kept)
    groups: dict[int, list[float]] = {}
    for each in kept:
        raters, weight = each.passed + each.failed, each.weight * unit
        split = 2 * each.passed * each.failed / (raters - 1)
        _add(groups.setdefault(each.scenario, [0.0] * 3), (weight * split, weight * each.passed, weight * each.failed))
    usual = sum(each.passed + each.failed for each in kept) / len(kept) if kept else 2.0
    return _jackknife(_alpha, list(groups.values()), (2.0, usual - 1, 1.0))  # one rater alone says that it fails


def weighted_kappa(pairs: Iterable[tuple[int, bool, bool, float]]) -> Estimate | None:
    """Cohen's kappa of two raters over answers: each its scenario, the two verdicts, and how many it stands for.

    For a judge that is one of several: the sample was not taken by its verdicts. None as for `krippendorff`.
    """
    listed = list(pairs)
    unit = len(listed) / math.fsum(weight for *_, weight in listed) if listed else 1.0
    groups: dict[int, list[float]] = {}
    for scenario, first, second, weight in listed:
        cell = [0.0] * 4
        cell[2 * first + second] = weight * unit
        _add(groups.setdefault(scenario, [0.0] * 4), cell)
    return _jackknife(_kappa_of_table, list(groups.values()), (0.0, 0.5, 0.5, 0.0))


def _unit(answers: Sequence[Ratings]) -> float:
    """What makes the weights add up to the number of answers: no more of them were looked at."""
    weight = math.fsum(each.weight for each in answers)
    return len(answers) / weight if weight else 1.0


def _add(total: list[float], more: Sequence[float]) -> None:
    for place, amount in enumerate(more):
        total[place] += amount


def _alpha(sums: Sequence[float]) -> float | None:
    """From the disagreement that was seen, and how many ratings say pass and fail."""
    split, passed, failed = sums
    ratings = passed + failed
    return 1 - split * (ratings - 1) / (2 * passed * failed) if passed > 0 and failed > 0 else None


def _kappa_of_table(cells: Sequence[float]) -> float | None:
    """From a table of two raters' verdicts: both fail, only the second passes, only the first passes, both pass."""
    total = math.fsum(cells)
    first, second = (cells[2] + cells[3]) / total, (cells[1] + cells[3]) / total
    chance = first * second + (1 - first) * (1 - second)
    return ((cells[0] + cells[3]) / total - chance) / (1 - chance) if chance < 1 else None


def _jackknife(
    figure: Callable[[Sequence[float]], float | None], groups: Sequence[Sequence[float]], unseen: Sequence[float]
) -> Estimate | None:
    """A figure of sums over scenarios, with the interval that leaving out one scenario after another shows.

    Few scenarios have often not shown the rare answer that raters disagree on: the variance is taken with one such
    (`unseen`) more, as in `intervals`, or all that agree would leave no doubt.
    """
    totals = [math.fsum(column) for column in zip(*groups, strict=True)]
    if len(groups) < 2 or (found := figure(totals)) is None:
        return None
    left = [_or(figure([whole - part for whole, part in zip(totals, group, strict=True)]), found) for group in groups]
    mean, count = math.fsum(left) / len(left), len(left)
    variance = math.fsum((each - mean) ** 2 for each in left) * (count - 1) / count
    with_unseen = figure([whole + part for whole, part in zip(totals, unseen, strict=True)])
    variance += (_or(with_unseen, found) - found) ** 2
    reach = student(count - 1) * math.sqrt(variance)
    return Estimate(found, max(found - reach, -1.0), min(found + reach, 1.0))
