"""How far chance may have moved a figure: 95 % confidence intervals of shares, means, percentiles and differences.

A scenario is one observation. Its trials resemble each other, so that 300 runs of 100 scenarios tell less than 300
scenarios do, and more than 100. How much they tell is measured, as the scatter of the scenarios, and each interval
stands on that many independent observations. docs/statistics.md has the coverage of each, as simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "NEGLIGIBLE",
    "UNSEEN_RATE",
    "Z_95",
    "Estimate",
    "Interval",
    "design_effect",
    "paired_interval",
    "percentile",
    "percentile_interval",
    "student",
    "wilson",
]

Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile: 2.5 % are left out at either side
_STUDENT = (
    12.706204736432095,
    4.302652729696142,
    3.182446305284263,
    2.776445105197799,
)  # for 1 to 4 degrees of freedom
NEGLIGIBLE = 1e-12  # what floating point leaves of nothing, in shares from 0 to 1

# Few scenarios have often not shown the rare one that differs, and then look more alike than they are. Each variance is
# taken with one scenario more, that is off by sqrt(0.1) or sqrt(0.35): the least with which the simulated coverage is
# 93 % where 3 to 5 % of the scenarios fail, or get worse, in all of their trials.
UNSEEN_RATE = 0.1
_UNSEEN_DIFFERENCE = 0.35


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, in the unit of its figure."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high)


def wilson(passed: float, graded: float, design_effect: float = 1.0) -> Interval | None:
    """Wilson's score interval (E. B. Wilson, 1927) for `passed` of `graded`; None where nothing was graded.

    `design_effect` runs count as one observation. Unlike p +- 1.96 s the interval stays within 0 and 1, and does not
    shrink to nothing where all or none passed.
    """
    if not graded:
        return None
    share, observations, z2 = passed / graded, graded / design_effect, Z_95**2
    centre = share + z2 / (2 * observations)
    spread = Z_95 * math.sqrt(share * (1 - share) / observations + z2 / (4 * observations**2))
    scale = 1 + z2 / observations
    # At the ends the formula gives exactly 0 and 1, floating point does not quite.
    low = (centre - spread) / scale if passed > 0 else 0.0
    high = (centre + spread) / scale if passed < graded else 1.0
    return Interval(max(low, 0.0), min(high, 1.0))


def design_effect(groups: Iterable[tuple[float, float]], *, shares: bool = True) -> float:
    """How many runs tell as much as one independent run: L. Kish's design effect, for `wilson`.

    `groups` has for each scenario the sum over its runs (how many passed, or their scores, each 0 to 1) and how many
    runs these are, or their weight; a scenario without a run is ignored. The variance of the mean is that of a ratio
    over clusters (W. G. Cochran, "Sampling techniques", 1977, chapters 6 and 9A), made wider by Student's t as E. L.
    Korn and B. I. Graubard do (Survey Methodology 24, 1998, 193-201). Where all runs agree nothing tells how alike the
    trials are: then a scenario counts once. `shares` are of runs that pass or do not: with one trial of each scenario
    these are independent, and the effect is 1. Scores may be less than 1, for they vary less.
    """
    kept = [(total, runs) for total, runs in groups if runs]
    runs = sum(each for _, each in kept)
    if not kept or (shares and max(each for _, each in kept) == 1):
        return 1.0
    squares = sum(each * each for _, each in kept)
    alike = runs * runs / squares  # observations if all trials of a scenario agree
    mean = math.fsum(total for total, _ in kept) / runs
    spread = mean * (1 - mean)
    if len(kept) == 1 or spread <= NEGLIGIBLE:
        return runs / alike
    scatter = math.fsum((total - mean * each) ** 2 for total, each in kept) * len(kept) / (len(kept) - 1)
    observations = spread * runs * runs / (scatter + UNSEEN_RATE * squares / len(kept))
    if shares:
        observations = min(observations, runs)
    return runs / max(observations * (Z_95 / student(round(alike) - 1)) ** 2, alike)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with so many degrees of freedom; fewer than 1 count as 1.

    From 5 on by the expansion in M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions", 26.7.5: true to
    0.0003.
    """
    if freedom <= len(_STUDENT):
        return _STUDENT[max(freedom, 1) - 1]
    z = Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` (0 to 1) of the values lie; None where there are none.

    Interpolates linearly between the two nearest ranks, as numpy's default and Excel's PERCENTILE.INC do (Hyndman and
    Fan's type 7).
    """
    if not values:
        return None
    ranked = sorted(values)
    rank = share * (len(ranked) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ranked) - 1)
    # This form never leaves the two ranks' interval; `a * (1 - f) + b * f` does, by a rounding.
    return min(ranked[below] + (ranked[above] - ranked[below]) * (rank - below), ranked[above])


def percentile_interval(values: Sequence[float], share: float, observations: float) -> Interval | None:
    """The interval of a percentile, from two of the values; None where there are too few to have both ends.

    How many of independent values lie below the true percentile is binomial, whatever their distribution (W. J.
    Conover, "Practical nonparametric statistics", 1999, 3.2): the ranks leave out at most 2.5 % at each side. The 95th
    percentile takes 72 observations, the median 6. `observations` may be fewer than the values, where trials of a
    scenario resemble each other: the ranks are then those of so many, scaled up.
    """
    count = min(math.floor(observations + NEGLIGIBLE), len(values))
    ranks = _binomial_ranks(count, share)
    if ranks is None:
        return None
    ranked, scale = sorted(values), len(values) / count
    # Outwards: a rank of the few lies between ranks of the many.
    low, high = math.ceil((ranks[0] - 1) * scale + NEGLIGIBLE), math.ceil(ranks[1] * scale - NEGLIGIBLE)
    return Interval(ranked[max(low, 1) - 1], ranked[min(high, len(ranked)) - 1])


def _binomial_ranks(count: int, share: float) -> tuple[int, int] | None:
    """The ranks, from 1, of the values that leave out at most 2.5 % below and above; None if there are none."""
    if count * math.log(max(share, 1 - share)) > math.log(0.025):
        return None
    low, high, below = 0, 0, 0.0
    for rank in range(count + 1):
        ways = math.lgamma(count + 1) - math.lgamma(rank + 1) - math.lgamma(count - rank + 1)
        below += math.exp(ways + rank * math.log(share) + (count - rank) * math.log1p(-share))
        if below <= 0.025:
            low = rank + 1
        if below >= 0.975:
            high = rank + 1
            break
    return (low, high) if low >= 1 and high <= count else None


def paired_interval(
    differences: Sequence[float], better: float, worse: float, most: float = math.inf
) -> Estimate | None:
    """The mean difference of scenarios with its score interval; None for no scenarios.

    `differences` are after minus before, each from -1 to 1. `better` and `worse` are the shares of pairs that changed
    sides, one trial before and one after being a pair: `better - worse` is the mean difference. With one trial it is
    T. Tango's interval (Statistics in Medicine 17, 1998, 891-908), which holds for few scenarios and for differences
    that are mostly 0. With several, or with scores, the mean varies less than that of so many pairs, and the interval
    is that of as many pairs as have its variance, made wider by Student's t: never fewer than the scenarios, nor more
    than `most`. Scores are such pairs with the sums of rises and falls in place of `better` and `worse`.
    """
    if not differences:
        return None
    count = len(differences)
    mean = math.fsum(differences) / count
    low, high = _tango(better, worse, _pairs(differences, mean, better + worse, most))
    return Estimate(mean, min(low, mean), max(high, mean))


def _pairs(differences: Sequence[float], mean: float, moved: float, most: float) -> float:
    """How many independent pairs have a mean difference that varies as much as this one."""
    count = len(differences)
    spread = moved - mean * mean
    if count == 1 or spread <= NEGLIGIBLE:
        return count
    variance = math.fsum((difference - mean) ** 2 for difference in differences) / (count - 1)
    pairs = min(count * spread / (variance + _UNSEEN_DIFFERENCE / count), most)
    return max(count, pairs * (Z_95 / student(count - 1)) ** 2)


def _tango(better: float, worse: float, pairs: float) -> tuple[float, float]:
    seen = better - worse

    def allowed(difference: float) -> bool:
        # The likeliest share of pairs that got worse if this were the true difference.
        b = -better - worse + (2 - seen) * difference
        c = -worse * difference * (1 - difference)
        likeliest = (math.sqrt(max(b * b - 8 * c, 0.0)) - b) / 4
        variance = max(2 * likeliest + difference * (1 - difference), 0.0)
        return pairs * (seen - difference) ** 2 <= Z_95**2 * variance

    return _farthest(allowed, seen, -1.0), _farthest(allowed, seen, 1.0)


def _farthest(allowed: Callable[[float], bool], inside: float, end: float) -> float:
    for _ in range(50):
        middle = (inside + end) / 2
        if allowed(middle):
            inside = middle
        else:
            end = middle
    return inside
