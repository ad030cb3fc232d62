"""How far figures of several uncertain shares may lie from the truth: 95 % credible intervals, without chance.

Each share has the posterior distribution that its counts leave, and the figure that of all of them together. It is read
off 1,021 combinations of their quantiles, which a lattice spreads evenly (N. M. Korobov, 1959): the same counts always
have the same interval. Where errors are seldom seen this holds better than adding up the ends of the shares' own
intervals, which are then far out on one side. docs/judging.md has how often each interval held the truth, as simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import TypeVar

from pytest_benchmodels.statistics.intervals import Estimate

__all__ = [
    "JEFFREYS",
    "NEGLIGIBLE_LOG",
    "NEUTRAL",
    "POINTS",
    "STEPS",
    "beta_points",
    "credible",
    "gamma_points",
    "in_lattice",
    "widest",
]

POINTS = 1021
"""How many combinations there are: a prime number, so that each share takes each of its quantiles once."""
_GENERATOR = 307  # of those that were tried, with this the quantiles are nearest to those of 60,000 random draws

_MOST_IN_LATTICE = 8

T = TypeVar("T")

JEFFREYS = 1 / 2
"""The prior counts of Jeffreys, of what was seen and of what was not: L. D. Brown, T. T. Cai and A. DasGupta, 2001."""

NEUTRAL = 1 / 3
"""The prior counts that leave a posterior's middle where the data are: J. Kerman, 2011."""

STEPS = 300  # of the range in which a density is integrated: its quantiles are true to a hundredth of its deviation
NEGLIGIBLE_LOG = -12.0  # of a density, beside its peak


def beta_points(a: float, b: float) -> Sequence[float]:
    """`POINTS` quantiles, in order, of the beta distribution with `a`, `b` > 0: of shares, 0 to 1.

    The first is that of 0.5 / `POINTS`, the last that of 1 - 0.5 / `POINTS`.
    """

    def log_density(logit: float) -> float:
        return a * logit - (a + b) * (max(logit, 0.0) + math.log1p(math.exp(-abs(logit))))

    quantiles = _quantiles(log_density, math.log(a / b), math.sqrt(1 / a + 1 / b))
    return [1 / (1 + math.exp(-logit)) for logit in quantiles]


def gamma_points(shape: float) -> Sequence[float]:
    """`POINTS` quantiles, in order, of the gamma distribution with this shape, > 0, and the scale 1.

    Such values of several kinds, divided by their sum, are shares as uncertain as the kinds' counts leave them.
    """
    quantiles = _quantiles(lambda log: shape * log - math.exp(log), math.log(shape), math.sqrt(1 / shape))
    return [math.exp(log) for log in quantiles]


def _quantiles(log_density: Callable[[float], float], peak: float, width: float) -> list[float]:
    """Of a density with one peak on the whole line, by the trapezoidal rule; `width` is about its deviation."""
    highest = log_density(peak)
    ends = []
    for direction in (-1, 1):
        reach = width
        while log_density(peak + direction * reach) - highest > NEGLIGIBLE_LOG:
            reach *= 1.25
        ends.append(peak + direction * reach)
    step = (ends[1] - ends[0]) / STEPS
    heights = [math.exp(log_density(ends[0] + place * step) - highest) for place in range(STEPS + 1)]
    below = [0.0, *accumulate((left + right) / 2 for left, right in pairwise(heights))]
    found, place = [], 0
    for number in range(POINTS):
        wanted = (number + 0.5) / POINTS * below[-1]
        while below[place + 1] < wanted:
            place += 1
        part = (wanted - below[place]) / (below[place + 1] - below[place])
        found.append(ends[0] + (place + part) * step)
    return found


def in_lattice(points: Iterable[Sequence[T]]) -> list[tuple[T, ...]]:
    """Combinations of the quantiles of independent shares, each of which takes each of its quantiles once.

    Of many shares the lattice would align some: from the ninth on they are shuffled, always in the same way.
    """
    ordered = []
    for place, quantiles in enumerate(points):
        factor, start = pow(_GENERATOR, place, POINTS), place * POINTS // 7  # no combination of the least of all
        order = [(number * factor + start) % POINTS for number in range(POINTS)]
        if place >= _MOST_IN_LATTICE:
            Random(place).shuffle(order)  # noqa: S311 - the same each time, and no secret
        ordered.append([quantiles[number] for number in order])
    return list(zip(*ordered, strict=True))


def credible(found: float, values: Iterable[float | None]) -> Estimate:
    """A figure with the interval that leaves out 2.5 % of its posterior's `values` on either side, and holds `found`.

    What was never seen to fail may be perfect, whatever the prior: the interval goes as far as `found`, at least. A
    value is None where the figure has no meaning.
    """
    ranked = sorted(value for value in values if value is not None)
    if not ranked:
        return Estimate(found, found, found)
    low, high = _at(ranked, 0.025), _at(ranked, 0.975)
    return Estimate(found, min(low, found), max(high, found))


def widest(estimates: Iterable[Estimate]) -> Estimate:
    """The same figure with the outer ends of its intervals, by several priors."""
    listed = list(estimates)
    return Estimate(listed[0].mean, min(each.low for each in listed), max(each.high for each in listed))


def _at(ranked: Sequence[float], share: float) -> float:
    """The value below which this share lies; each value stands for the middle of its part."""
    rank = min(max(share * len(ranked) - 0.5, 0.0), len(ranked) - 1.0)
    below = min(int(rank), len(ranked) - 2) if len(ranked) > 1 else 0
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (rank - below)
