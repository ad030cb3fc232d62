"""How far a judge is to be believed: its verdicts beside people's, and the pass rate without its errors.

People label a sample of the answers, taken apart among those that the judge passed and those that it failed, so that
both are there. What they say of each side stands for all answers of that side: with `a` the share of right ones among
those that passed, `b` among those that failed, and `w` the share that passed, the true rate is `w a + (1 - w) b`. That
is the maximum likelihood estimate of double sampling (A. Tenenbein, Journal of the American Statistical Association 65,
1970, 1350-1361), and the same as prediction-powered inference (A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan
and T. Zrnic, Science 382, 2023, 669-674) with its weight at `a - b`. Sensitivity, specificity and Cohen's kappa are
figures of the same three shares. A scenario is one cluster, as in `intervals`; `posterior` makes the intervals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TypeVar

from pytest_benchmodels.statistics.intervals import Z_95, Estimate, design_effect, student
from pytest_benchmodels.statistics.posterior import (
    JEFFREYS,
    NEUTRAL,
    POINTS,
    beta_points,
    credible,
    gamma_points,
    in_lattice,
    widest,
)

__all__ = [
    "LEAST_LABELS",
    "PRIORS_OF_AGREEMENT",
    "PRIOR_OF_RATIOS",
    "Counted",
    "Prior",
    "Ratings",
    "Reliability",
    "Side",
    "corrected_rate",
    "expected_passes",
    "kinds_of_pairs",
    "kinds_of_ratings",
    "krippendorff",
    "missing_labels",
    "prior_of_kinds",
    "priors_of_alpha",
    "reliability",
    "reliability_of",
    "share_points",
    "weighted_kappa",
]

LEAST_LABELS = 5
"""Of each side, unless it has fewer answers: with fewer labels an interval is as good as none."""

# Of a judge that seldom errs, Jeffreys' prior takes one error seen for a sign of more: of drawn suites with good judges
# and 20 labels, the interval of agreement held the truth in 89 %. With a lighter prior alone it does in too few of
# others, so it reaches as far as either says.
PRIORS_OF_AGREEMENT = (JEFFREYS, NEUTRAL)

# Sensitivity and specificity divide by a share of which little may have been seen. Of the priors from 1/5 to 1 that
# were tried on drawn suites, it is this one whose intervals hold the truth most evenly in 95 %.
PRIOR_OF_RATIOS = 3 / 4


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

    def points(self, prior: float = JEFFREYS) -> Sequence[float]:
        """Quantiles of what its share may be: by as many labels as there are independent ones."""
        if not self.answers:
            return [self.share] * POINTS  # it counts for nothing
        return share_points(self.share, self.labels / design_effect(self.right), prior)


def share_points(share: float, observations: float, prior: float = JEFFREYS) -> Sequence[float]:
    """Quantiles of what a share, 0 to 1, may be that was seen in so many independent observations."""
    return beta_points(share * observations + prior, (1 - share) * observations + prior)


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
    share = share_points(values[2], answers / effect)
    return reliability_of(values, lambda prior: in_lattice([passed.points(prior), failed.points(prior), share]))


def reliability_of(values: Sequence[float], points: Callable[[float], Sequence[Sequence[float]]]) -> Reliability:
    """The figures of three shares, 0 to 1: of right ones where a judge passed, and where it failed, and of its passes.

    `values` are these as they were seen, `points` those of their posterior by the prior count of right and wrong ones.
    """
    usual, of_ratios = [points(prior) for prior in PRIORS_OF_AGREEMENT], [points(PRIOR_OF_RATIOS)]
    return Reliability(
        agreement=widest(credible(_agreement(values), map(_agreement, each)) for each in usual),
        kappa=_estimate(_kappa, values, usual),
        sensitivity=_estimate(_sensitivity, values, of_ratios),
        specificity=_estimate(_specificity, values, of_ratios),
    )


def _estimate(
    figure: Callable[[Sequence[float]], float | None],
    values: Sequence[float],
    by_prior: Iterable[Sequence[Sequence[float]]],
) -> Estimate | None:
    found = figure(values)
    return None if found is None else widest(credible(found, map(figure, points)) for points in by_prior)


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


def expected_passes(counted: Iterable[Counted], right: float, missed: float) -> list[tuple[float, int]]:
    """Of each scenario how many of its runs pass, by the shares of right ones on both sides, and how many it has."""
    return [
        (each.known_passed + each.judged_passed * right + each.judged_failed * missed, each.runs) for each in counted
    ]


def corrected_rate(scenarios: Iterable[Counted], passed: Side, failed: Side, shared: float = 0.0) -> Estimate | None:
    """The pass rate as people would have judged, with an interval that has the labels' chance in it as well.

    `passed` and `failed` are the runs that the judge decided, by their verdict. `shared` is the share of the labels, 0
    to 1, that are of answers which stand on both sides: given several times, and judged differently. None where labels
    are missing, or nothing was graded. Each run counts as the share of right ones on its side; what the mean may be off
    by is what the scenarios' chance, and each side's share, may be off by. In what is shared both sides are off alike.
    """
    counted = list(scenarios)
    runs = sum(each.runs for each in counted)
    if not runs or missing_labels(passed, failed) is not None:
        return None
    right, missed = passed.share, failed.share
    groups = expected_passes(counted, right, missed)
    rate = min(math.fsum(total for total, _ in groups) / runs, 1.0)
    chance = share_points(rate, runs / design_effect(groups, shares=False))
    sides = [
        [(share - found) * side.answers / runs for share in side.points()]
        for side, found in ((passed, right), (failed, missed))
    ]

    def held(number: int, places: Sequence[int]) -> float:
        # Every so many combinations have the same quantile on both sides: then these are as correlated as they share.
        other = places[1] if number * shared % 1 + shared >= 1 else places[2]
        return min(max(chance[places[0]] + sides[0][places[1]] + sides[1][other], 0.0), 1.0)

    places = in_lattice([range(POINTS)] * 3)
    return credible(rate, (held(number, each) for number, each in enumerate(places)))


@dataclass(frozen=True, slots=True)
class Ratings:
    """What several raters said of one answer: how many that it passes, and how many that it fails.

    `weight` is how many answers it stands for: of a side with many answers and few labels each stands for many.
    `verdict` is that of the judge, where it is one of the raters: nobody else can make all of them say the opposite.
    """

    scenario: int
    passed: int
    failed: int
    weight: float = 1.0
    verdict: bool | None = None


V = TypeVar("V")
_MOST_WEIGHTS = 2

Kind = tuple[float, ...]
"""What an answer of one kind adds to the sums that a figure is made of."""
Seen = Sequence[tuple[int, Kind]]
"""Each answer's scenario and kind."""
Prior = tuple[float, float]
"""The prior count of each kind, and by how much fewer observations there are than answers."""


def krippendorff(answers: Iterable[Ratings]) -> Estimate | None:
    """Krippendorff's alpha of any number of raters, nominal, of whom each may have left out answers.

    As in K. Krippendorff, "Content analysis", 2004, 11.3; None where fewer than two scenarios have two ratings of one
    answer, or all of these are the same verdict. The interval is that of `_of_kinds`, as wide as by one of two priors.
    """
    seen, unseen = kinds_of_ratings(answers)
    return _of_kinds(_alpha, seen, unseen, priors_of_alpha)


def kinds_of_ratings(answers: Iterable[Ratings]) -> tuple[Seen, set[Kind]]:
    """What each answer adds to the sums of alpha, and what an answer may add that is yet to come."""
    kept = [each for each in answers if each.passed + each.failed > 1]
    unit = _unit(each.weight for each in kept)
    usual = round(sum(each.passed + each.failed for each in kept) / len(kept)) if kept else 2
    seen = [(each.scenario, _disagreement(each.passed, each.failed, each.weight * unit)) for each in kept]
    # Of each weight that there is: all raters agree, or all but one.
    against = {None: None, True: 0, False: usual}
    unseen = {
        _disagreement(passed, usual - passed, weight * unit)
        for weight, verdict in _few_weights({(each.weight, each.verdict) for each in kept}, 1 / unit)
        for passed in {0, 1, usual - 1, usual} - {against[verdict]}
    }
    return seen, unseen


def _disagreement(passed: int, failed: int, weight: float) -> Kind:
    return weight * 2 * passed * failed / (passed + failed - 1), weight * passed, weight * failed


def weighted_kappa(pairs: Iterable[tuple[int, bool, bool, float]]) -> Estimate | None:
    """Cohen's kappa of two raters over answers: each its scenario, the two verdicts, and how many it stands for.

    For a judge that is one of several: the sample was not taken by its verdicts. None as for `krippendorff`.
    """
    seen, unseen = kinds_of_pairs(pairs)
    return _of_kinds(_kappa_of_table, seen, unseen, lambda _, kinds: [(prior_of_kinds(len(kinds)), 1.0)])


def kinds_of_pairs(pairs: Iterable[tuple[int, bool, bool, float]]) -> tuple[Seen, set[Kind]]:
    """What each pair adds to the table of kappa, and what a pair may add that is yet to come."""
    listed = list(pairs)
    unit = _unit(weight for *_, weight in listed)

    def cell(first: int, second: int, weight: float) -> Kind:
        return tuple(weight * unit * (place == 2 * first + second) for place in range(4))

    cells = {verdicts: cell(*verdicts) for verdicts in {each[1:] for each in listed}}
    seen = [(scenario, cells[first, second, weight]) for scenario, first, second, weight in listed]
    sides = _few_weights({(weight, first) for first, _, weight in cells}, 1 / unit)
    if len({first for _, first in sides}) == 1:  # it may yet say otherwise: else kappa were 0 for certain
        sides |= {(weight, not first) for weight, first in sides}
    return seen, {cell(first, second, weight) for weight, first in sides for second in (0, 1)}


def _few_weights(sides: set[tuple[float, V]], mean: float) -> set[tuple[float, V]]:
    """The weights that there are, each with the judge's verdict; of many, as of several samples, only their mean."""
    return sides if len({weight for weight, _ in sides}) <= _MOST_WEIGHTS else {(mean, verdict) for _, verdict in sides}


def _unit(weights: Iterable[float]) -> float:
    """What makes the weights add up to the number of answers: no more of them were looked at."""
    listed = list(weights)
    return len(listed) / math.fsum(listed) if listed else 1.0


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


_MANY = 1e6  # answers: in the posterior they are all, and no sample that is small


def _of_kinds(
    figure: Callable[[Sequence[float]], float | None],
    seen: Seen,
    unseen: set[Kind],
    priors: Callable[[Seen, set[Kind]], Iterable[Prior]],
) -> Estimate | None:
    """A figure of sums over answers, each of a scenario and of a kind: what it adds to the sums.

    How many answers are of each kind has the posterior of a multinomial, with a prior for each kind that
    may be seen. That is D. B. Rubin's bootstrap (Annals of Statistics 9, 1981, 130-134) with a prior: answers that
    all agree do not prove that the next one does. Answers of a scenario are alike by the design effect of the figure.
    """
    by_scenario: dict[int, list[Kind]] = {}
    for scenario, kind in seen:
        by_scenario.setdefault(scenario, []).append(kind)
    totals = _sums(kind for _, kind in seen)
    if len(by_scenario) < 2 or (found := figure(totals)) is None:
        return None
    counts = Counter(kind for _, kind in seen)
    effect = 1.0
    if len(by_scenario) < len(seen):
        clustered = _jackknife(figure, totals, Counter(map(_sums, by_scenario.values())))
        alone = _jackknife(figure, totals, counts)
        kish = sum(len(kinds) ** 2 for kinds in by_scenario.values()) / len(seen)
        effect = max(clustered / alone, 1.0) if alone > 0 else kish
    kinds = sorted({*counts, *unseen})  # in whatever order results came in
    columns = list(zip(*kinds, strict=True))

    def estimate(prior: float, fewer: float) -> Estimate:
        shapes = [counts[kind] / effect / fewer + prior * (kind in unseen) for kind in kinds]
        points = in_lattice([gamma_points(shape) for shape in shapes])
        return credible(found, (figure([_MANY * sum(map(mul, each, column)) for column in columns]) for each in points))

    return widest(estimate(*prior) for prior in priors(seen, unseen))


def prior_of_kinds(unseen: int) -> float:
    """That of each: Jeffreys' for the four cells of a table, or as much in all, whatever the weights that there are."""
    return min(JEFFREYS, 4 * JEFFREYS / unseen)


def priors_of_alpha(seen: Seen, unseen: set[Kind]) -> tuple[Prior, Prior]:
    """Of several raters most kinds are disagreements: where few are seen, the usual prior takes too many for likely.

    With half of it the posterior is nearly the bootstrap, whose intervals are too narrow where few tell how much they
    differ: they have a normal distribution's tails, not Student's (T. C. Hesterberg, The American Statistician 69,
    2015, 371-386). Fewer observations make up for that, as for few clusters in `design_effect`.
    """
    usual, scenarios = prior_of_kinds(len(unseen)), len({scenario for scenario, _ in seen})
    return (usual, 1.0), (min(JEFFREYS, 2 * JEFFREYS / len(unseen)), (student(scenarios - 1) / Z_95) ** 2)


def _sums(kinds: Iterable[Kind]) -> Kind:
    return tuple(map(math.fsum, zip(*kinds, strict=True)))


def _jackknife(
    figure: Callable[[Sequence[float]], float | None], totals: Sequence[float], groups: Counter[Kind]
) -> float:
    """The variance of a figure, as leaving out one group after another shows: each with how often there is one."""
    count = groups.total()
    found = figure(totals) or 0.0
    left = {group: figure([whole - part for whole, part in zip(totals, group, strict=True)]) for group in groups}
    values = {group: found if value is None else value for group, value in left.items()}
    mean = math.fsum(values[group] * often for group, often in groups.items()) / count
    return math.fsum((values[group] - mean) ** 2 * often for group, often in groups.items()) * (count - 1) / count
