"""The intervals of `statistics/agreement.py` once more, in numpy: hundreds of thousands of them are drawn.

The formulas are the same, and tests/benchmarks/test_label_simulations.py holds that the ends are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_benchmodels.statistics.agreement import (
    LEAST_LABELS,
    PRIOR_OF_RATIOS,
    PRIORS_OF_AGREEMENT,
    Prior,
    Ratings,
    Side,
    kinds_of_pairs,
    kinds_of_ratings,
    prior_of_kinds,
    priors_of_alpha,
)
from pytest_benchmodels.statistics.intervals import NEGLIGIBLE, UNSEEN_RATE, Z_95, Interval, student
from pytest_benchmodels.statistics.posterior import JEFFREYS, NEGLIGIBLE_LOG, POINTS, STEPS, in_lattice
from pytest_benchmodels.statistics.stratified import Labelled, Stratum, strata

__all__ = [
    "ArraySide",
    "alpha_interval",
    "kappa_interval",
    "rate_interval",
    "reliability_intervals",
    "stratified_interval",
    "stratified_reliability_intervals",
]

Floats = NDArray[np.floating[Any]]
Figure = Callable[[Floats], Floats]
Kind = tuple[float, ...]
Seen = Sequence[tuple[int, Kind]]

_MANY = 1e6


@lru_cache(maxsize=16)
def _lattice(dimensions: int) -> NDArray[np.int64]:
    return np.array(in_lattice([range(POINTS)] * dimensions)).T


@lru_cache(maxsize=10_000)
def _beta(a: float, b: float) -> Floats:
    logits = _quantiles(
        lambda logit: a * logit - (a + b) * np.logaddexp(0, logit), math.log(a / b), math.sqrt(1 / a + 1 / b)
    )
    return 1 / (1 + np.exp(-logits))


@lru_cache(maxsize=10_000)
def _gamma(shape: float) -> Floats:
    logs = _quantiles(lambda log: shape * log - np.exp(log), math.log(shape), math.sqrt(1 / shape))
    return np.exp(logs)


def _quantiles(log_density: Figure, peak: float, width: float) -> Floats:
    reaches = width * 1.25 ** np.arange(60)
    highest = log_density(np.array([peak]))[0]
    ends = [
        peak + direction * reaches[np.argmax(log_density(peak + direction * reaches) - highest <= NEGLIGIBLE_LOG)]
        for direction in (-1, 1)
    ]
    places = np.linspace(float(ends[0]), float(ends[1]), STEPS + 1)
    heights = np.exp(log_density(places) - highest)
    below = np.concatenate([[0.0], np.cumsum((heights[1:] + heights[:-1]) / 2)])
    return np.asarray(np.interp((np.arange(POINTS) + 0.5) / POINTS * below[-1], below, places))


def _share(share: float, observations: float, prior: float = JEFFREYS) -> Floats:
    return _beta(share * observations + prior, (1 - share) * observations + prior)


@dataclass(frozen=True)
class ArraySide:
    """A `Side` of arrays: of each scenario with labels, how many are right, and how many there are."""

    answers: int
    right: Floats
    labels: Floats

    @cached_property
    def count(self) -> int:
        return round(float(self.labels.sum()))

    @cached_property
    def share(self) -> float:
        return min(float(self.right.sum()) / self.count, 1.0) if self.count else 0.5

    @cached_property
    def observations(self) -> float:
        return self.count / _effect(self.right, self.labels)

    @property
    def is_enough(self) -> bool:
        return self.count >= min(LEAST_LABELS, self.answers)

    @property
    def plain(self) -> Side:
        return Side(self.answers, tuple(zip(self.right.tolist(), self.labels.tolist(), strict=True)))

    def points(self, prior: float = JEFFREYS) -> Floats:
        if not self.answers:
            return np.full(POINTS, self.share)
        return _share(self.share, self.observations, prior)


def _effect(sums: Floats, runs: Floats, *, shares: bool = True) -> float:
    """As `design_effect` has it."""
    if not len(runs) or (shares and runs.max() == 1):
        return 1.0
    total, squares = float(runs.sum()), float((runs * runs).sum())
    alike, mean = total * total / squares, float(sums.sum()) / total
    spread = mean * (1 - mean)
    if len(runs) == 1 or spread <= NEGLIGIBLE:
        return total / alike
    scatter = float(((sums - mean * runs) ** 2).sum()) * len(runs) / (len(runs) - 1)
    observations = spread * total * total / (scatter + UNSEEN_RATE * squares / len(runs))
    observations = min(observations, total) if shares else observations
    return total / max(observations * (Z_95 / student(round(alike) - 1)) ** 2, alike)


def _mixed(points: Sequence[Floats]) -> Floats:
    return np.array([values[places] for values, places in zip(points, _lattice(len(points)), strict=True)])


def _interval(found: float, values: Floats) -> Interval:
    kept = values[np.isfinite(values)]
    ranks = [min(max(share * len(kept) - 0.5, 0.0), len(kept) - 1.0) for share in (0.025, 0.975)]
    places = [min(int(rank), len(kept) - 2) for rank in ranks]
    ranked = np.partition(kept, sorted({*places, *(place + 1 for place in places)}))
    low, high = (
        ranked[place] + (ranked[place + 1] - ranked[place]) * (rank - place)
        for rank, place in zip(ranks, places, strict=True)
    )
    return Interval(min(float(low), found), max(float(high), found))


def _widest(intervals: Iterable[Interval]) -> Interval:
    listed = list(intervals)
    return Interval(min(each.low for each in listed), max(each.high for each in listed))


def _kappa(shares: Floats) -> Floats:
    right, missed, passed = shares
    rate = passed * right + (1 - passed) * missed
    chance = passed * rate + (1 - passed) * (1 - rate)
    return np.asarray((passed * right + (1 - passed) * (1 - missed) - chance) / (1 - chance))


def _agreement(shares: Floats) -> Floats:
    right, missed, passed = shares
    return np.asarray(passed * right + (1 - passed) * (1 - missed))


def _sensitivity(shares: Floats) -> Floats:
    right, missed, passed = shares
    return np.asarray(passed * right / (passed * right + (1 - passed) * missed))


def _specificity(shares: Floats) -> Floats:
    right, missed, passed = shares
    return np.asarray((1 - passed) * (1 - missed) / ((1 - passed) * (1 - missed) + passed * (1 - right)))


def reliability_intervals(passed: ArraySide, failed: ArraySide, by_judge: Floats, trials: int) -> dict[str, Interval]:
    """By the figure's name, as `reliability` has them; `by_judge` is how many of its trials each scenario passed."""

    def points(prior: float, share: Floats) -> Floats:
        return _mixed([passed.points(prior), failed.points(prior), share])

    return _reliability(passed, failed, _effect(by_judge, np.full(len(by_judge), float(trials))), points)


def stratified_reliability_intervals(
    passed: ArraySide, failed: ArraySide, by_judge: Floats, trials: int, labelled: Iterable[Labelled]
) -> dict[str, Interval]:
    """By the figure's name, as `stratified_reliability` has them."""
    parts = strata(labelled)

    @np.errstate(over="ignore")
    def points(prior: float, share: Floats) -> Floats:
        cells = _mixed([*(_gamma(shape) for part in parts for shape in part.shapes(min(prior, JEFFREYS) / 2)), share])
        both_fail, only_people, only_judge, both_pass = _tables(parts, cells[:-1]).sum(axis=0)
        right, missed = both_pass / (both_pass + only_judge), only_people / (only_people + both_fail)
        return np.array([right, missed, cells[-1]])

    return _reliability(passed, failed, _effect(by_judge, np.full(len(by_judge), float(trials))), points)


def _reliability(
    passed: ArraySide, failed: ArraySide, effect: float, points: Callable[[float, Floats], Floats]
) -> dict[str, Interval]:
    if not (passed.is_enough and failed.is_enough):
        return {}
    answers = passed.answers + failed.answers
    values = np.array([passed.share, failed.share, passed.answers / answers])
    share = _share(passed.answers / answers, answers / effect)
    usual, of_ratios = [points(prior, share) for prior in PRIORS_OF_AGREEMENT], [points(PRIOR_OF_RATIOS, share)]
    figures: dict[str, tuple[Figure, list[Floats]]] = {
        "agreement": (_agreement, usual),
        "kappa": (_kappa, usual),
        "sensitivity": (_sensitivity, of_ratios),
        "specificity": (_specificity, of_ratios),
    }
    with np.errstate(all="ignore"):
        return {
            name: _widest(_interval(found, figure(points)) for points in made)
            for name, (figure, made) in figures.items()
            if math.isfinite(found := float(figure(values)))
        }


def rate_interval(passed: ArraySide, failed: ArraySide, by_judge: Floats, trials: int) -> Interval | None:
    """As `corrected_rate` has it, of labels none of which is on both sides."""
    if not (passed.is_enough and failed.is_enough):
        return None
    runs = passed.answers + failed.answers
    sums = by_judge * passed.share + (trials - by_judge) * failed.share
    rate = min(float(sums.sum()) / runs, 1.0)
    effect = _effect(sums, np.full(len(by_judge), float(trials)), shares=False)
    sides = [(side.points() - side.share) * side.answers / runs for side in (passed, failed)]
    return _interval(rate, np.clip(_mixed([_share(rate, runs / effect), *sides]).sum(axis=0), 0, 1))


def stratified_interval(
    passed: ArraySide, failed: ArraySide, by_judge: Floats, trials: int, labelled: Iterable[Labelled]
) -> Interval:
    """As `stratified_rate` has it."""
    parts, of_all = strata(labelled), float(by_judge.sum()) / (len(by_judge) * trials)
    with np.errstate(over="ignore"):
        gammas = [_gamma(shape) for part in parts for shape in part.shapes()]
    points = _mixed([*gammas, np.arange(POINTS, dtype=float)])
    right, told = _stratified(parts, points[:-1])
    slope = float(((right - right.mean()) * (told - told.mean())).sum() / ((told - told.mean()) ** 2).sum())
    seen = _stratified(parts, np.array([cell for part in parts for cell in part.cells])[:, None])
    rate = min(max(float(seen[0][0]) - slope * (float(seen[1][0]) - of_all), 0.0), 1.0)
    sums = by_judge * passed.share + (trials - by_judge) * failed.share
    runs = passed.answers + failed.answers
    effect = _effect(sums, np.full(len(by_judge), float(trials)), shares=False)
    chance = _share(rate, runs / effect)[points[-1].astype(int)]
    return _interval(rate, np.clip(chance + right - slope * (told - of_all) - rate, 0, 1))


def _stratified(parts: Sequence[Stratum], cells: Floats) -> tuple[Floats, Floats]:
    tables = _tables(parts, cells)
    return np.asarray(tables[:, [1, 3]].sum(axis=(0, 1))), np.asarray(tables[:, [2, 3]].sum(axis=(0, 1)))


def _tables(parts: Sequence[Stratum], cells: Floats) -> Floats:
    """Of each stratum the shares of all answers that are in its four cells."""
    tables = cells.reshape(len(parts), 4, -1)
    shares = np.array([part.share for part in parts])[:, None, None]
    return np.asarray(tables / tables.sum(axis=1, keepdims=True) * shares)


def alpha_interval(answers: Iterable[Ratings]) -> Interval | None:
    """As `krippendorff` has it."""
    seen, unseen = kinds_of_ratings(answers)
    return _of_kinds(_alpha, seen, unseen, priors_of_alpha(seen, unseen))


def kappa_interval(pairs: Iterable[tuple[int, bool, bool, float]]) -> Interval | None:
    """As `weighted_kappa` has it."""
    seen, unseen = kinds_of_pairs(pairs)
    return _of_kinds(_kappa_of_table, seen, unseen, [(prior_of_kinds(len(unseen)), 1.0)])


def _alpha(sums: Floats) -> Floats:
    split, passed, failed = sums
    return np.asarray(1 - split * (passed + failed - 1) / (2 * passed * failed))


def _kappa_of_table(cells: Floats) -> Floats:
    total = cells.sum(axis=0)
    first, second = (cells[2] + cells[3]) / total, (cells[1] + cells[3]) / total
    chance = first * second + (1 - first) * (1 - second)
    return np.asarray(((cells[0] + cells[3]) / total - chance) / (1 - chance))


def _of_kinds(figure: Figure, seen: Seen, unseen: set[Kind], priors: Sequence[Prior]) -> Interval | None:
    scenarios, added = np.array([each for each, _ in seen]), np.array([kind for _, kind in seen])
    totals, numbers = added.sum(axis=0), np.unique(scenarios, return_inverse=True)[1]
    counts = Counter(kind for _, kind in seen)
    kinds = sorted({*counts, *unseen})
    with np.errstate(all="ignore"):
        found = float(figure(totals))
        if not math.isfinite(found) or numbers.max() < 1:
            return None
        effect, sizes = 1.0, np.bincount(numbers)
        if len(sizes) < len(seen):
            groups = np.array([np.bincount(numbers, column) for column in added.T]).T
            alone = _jackknife(figure, totals, added)
            kish = float((sizes**2).sum() / len(seen))
            effect = max(_jackknife(figure, totals, groups) / alone, 1.0) if alone > 0 else kish
        by_prior = (
            _mixed([_gamma(counts[kind] / effect / fewer + prior * (kind in unseen)) for kind in kinds])
            for prior, fewer in priors
        )
        return _widest(_interval(found, figure(_MANY * (np.array(kinds).T @ points))) for points in by_prior)


def _jackknife(figure: Figure, totals: Floats, groups: Floats) -> float:
    left = figure((totals - groups).T)
    left = np.where(np.isfinite(left), left, figure(totals))
    return float(((left - left.mean()) ** 2).sum() * (len(left) - 1) / len(left))
