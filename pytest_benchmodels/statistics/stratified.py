"""A judge's errors, and the pass rate without them, of labels that were drawn by other verdicts than this judge's.

The sample is then one of strata that are not the judge's sides: of what the first judge failed, say, each label stands
for two answers, of what it passed for forty. Of a side of this judge, where both are mixed, few heavy labels may be
missing by chance alone, and no posterior of the side as one knows that. So each stratum has its own: a table of this
judge's verdicts and people's. The share of right answers is that of the strata together, moved by how far the sample's
share of this judge's passes is from that of all answers, which is known: a difference estimator (W. G. Cochran,
"Sampling techniques", 1977, 5.2 and 7.2) whose factor is the slope of the one on the other in the posterior.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_benchmodels.statistics.agreement import (
    LEAST_LABELS,
    Counted,
    Reliability,
    Side,
    expected_passes,
    missing_labels,
    reliability_of,
    share_points,
)
from pytest_benchmodels.statistics.intervals import Estimate, design_effect
from pytest_benchmodels.statistics.posterior import JEFFREYS, POINTS, credible, gamma_points, in_lattice

__all__ = [
    "PRIOR_OF_CELL",
    "Labelled",
    "Stratum",
    "drawn_by_others",
    "heavy_labels",
    "is_drawn_by_others",
    "strata",
    "stratified_rate",
    "stratified_reliability",
]

Labelled = tuple[int, bool, bool, float]
"""A labelled answer: its scenario, the judge's verdict, people's, and how many answers the label stands for."""

PRIOR_OF_CELL = JEFFREYS / 2
"""Of each of the four: then the share of right answers, two of them together, has Jeffreys' prior."""

_MOST_STRATA = 4  # two samples of two sides each; more have too few labels each, and a prior each


@dataclass(frozen=True, slots=True)
class Stratum:
    """Labels that stand for about as many answers each.

    `share` of all judged answers, 0 to 1, is what they stand for together. `cells` is how many there are by both
    verdicts: both fail, only people pass, only the judge passes, both pass. They tell as much as `observations`
    independent ones.
    """

    share: float
    cells: tuple[float, float, float, float]
    observations: float

    def shapes(self, prior: float = PRIOR_OF_CELL) -> list[float]:
        """Of gamma distributions that make the posterior of the cells' shares."""
        effect = sum(self.cells) / self.observations
        return [cell / effect + prior for cell in self.cells]


def is_drawn_by_others(labelled: Sequence[Labelled]) -> bool:
    """Whether some labels of one side stand for more answers than others: by its own verdicts all are equal."""
    weights: dict[bool, set[float]] = {False: set(), True: set()}
    for _, verdict, _, weight in labelled:
        weights[verdict].add(weight)
    return any(len(each) > 1 for each in weights.values())


def drawn_by_others(labelled: Iterable[tuple[int, bool, bool | None, float | None]]) -> Sequence[Labelled]:
    """What is labelled, where the sample was drawn by other verdicts and is enough for strata; else nothing."""
    listed = list(labelled)
    known = [
        (scenario, verdict, right, weight)
        for scenario, verdict, right, weight in listed
        if right is not None and weight is not None
    ]
    is_enough = len(known) == len(listed) and len(known) >= 2 * LEAST_LABELS
    return known if is_enough and is_drawn_by_others(known) else ()


def heavy_labels(labelled: Sequence[Labelled]) -> int:
    """How many labels stand for at least half as many answers as the one that stands for most."""
    heaviest = max((each[3] for each in labelled), default=0.0)
    return sum(each[3] >= heaviest / 2 for each in labelled)


def strata(labelled: Iterable[Labelled]) -> list[Stratum]:
    """Those of one weight each; neighbours together where there are many, or one has fewer than `LEAST_LABELS`."""
    by_weight: defaultdict[float, list[Labelled]] = defaultdict(list)
    for each in labelled:
        by_weight[each[3]].append(each)
    groups = [by_weight[weight] for weight in sorted(by_weight)]
    while len(groups) > 1 and (len(groups) > _MOST_STRATA or min(map(len, groups)) < LEAST_LABELS):
        place = min(range(len(groups)), key=lambda number: len(groups[number]))
        beside = [number for number in (place - 1, place + 1) if 0 <= number < len(groups)]
        first, second = sorted((place, min(beside, key=lambda number: len(groups[number]))))
        groups[first : second + 1] = [groups[first] + groups[second]]
    total = math.fsum(each[3] for group in groups for each in group)
    return [_stratum(group, total) for group in groups]


def _stratum(labelled: Sequence[Labelled], total: float) -> Stratum:
    weight = math.fsum(each[3] for each in labelled)
    unit = len(labelled) / weight
    cells = [0.0] * 4
    right: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for scenario, verdict, passes, stands_for in labelled:
        cells[2 * verdict + passes] += stands_for * unit
        right[scenario][0] += stands_for * unit * passes
        right[scenario][1] += stands_for * unit
    effect = design_effect([(passed, labels) for passed, labels in right.values()])
    return Stratum(weight / total, (cells[0], cells[1], cells[2], cells[3]), len(labelled) / effect)


def stratified_rate(
    scenarios: Iterable[Counted], passed: Side, failed: Side, labelled: Iterable[Labelled]
) -> Estimate | None:
    """The same as `corrected_rate`, of labels that were drawn by other verdicts; None without runs or labels.

    `passed` and `failed` only say how alike scenarios are.
    """
    counted, parts = list(scenarios), strata(labelled)
    judged_passed = sum(each.judged_passed for each in counted)
    judged = judged_passed + sum(each.judged_failed for each in counted)
    runs = sum(each.runs for each in counted)
    if not judged or not parts:
        return None
    known = sum(each.known_passed for each in counted)
    cells = [gamma_points(shape) for part in parts for shape in part.shapes()]
    points = in_lattice([*cells, range(POINTS)])
    tables = [_shares(parts, point) for point in points]
    slope = _slope(tables)
    seen_right, seen_passed = _shares(parts, [cell for part in parts for cell in part.cells])
    of_all = judged_passed / judged
    right = min(max(seen_right - slope * (seen_passed - of_all), 0.0), 1.0)
    rate = min((known + judged * right) / runs, 1.0)
    groups = expected_passes(counted, passed.share, failed.share)
    chance = share_points(rate, runs / design_effect(groups, shares=False))
    values = (
        chance[int(point[-1])] + (found - slope * (told - of_all) - right) * judged / runs
        for point, (found, told) in zip(points, tables, strict=True)
    )
    return credible(rate, (min(max(value, 0.0), 1.0) for value in values))


def stratified_reliability(
    passed: Side, failed: Side, effect: float, labelled: Iterable[Labelled]
) -> Reliability | None:
    """The same as `reliability`, of labels that were drawn by other verdicts.

    Which share of the judge's own failures people pass depends most on answers that the other verdicts passed: few
    are labelled of many. Their stratum has its own posterior, so that the interval allows for those that are not seen.
    """
    if missing_labels(passed, failed) is not None:
        return None
    parts, answers = strata(labelled), passed.answers + failed.answers
    share = share_points(passed.answers / answers, answers / effect)

    def posterior(prior: float) -> list[tuple[float, ...]]:
        # The heavier prior of ratios would be one in each stratum: it held the truth in 90 % where errors are rare.
        cells = [gamma_points(shape) for part in parts for shape in part.shapes(min(prior, JEFFREYS) / 2)]
        return [(*_right(parts, point), point[-1]) for point in in_lattice([*cells, share])]

    return reliability_of((passed.share, failed.share, passed.answers / answers), posterior)


def _right(parts: Sequence[Stratum], cells: Sequence[float]) -> tuple[float, float]:
    """The share of right answers among those that the judge passed, and among those that it failed."""
    tables = []
    for number, part in enumerate(parts):
        own = cells[4 * number : 4 * number + 4]
        total = math.fsum(own)
        tables.append([part.share * cell / total for cell in own])
    both_fail, only_people, only_judge, both_pass = map(math.fsum, zip(*tables, strict=True))
    return both_pass / (both_pass + only_judge), only_people / (only_people + both_fail)


def _shares(parts: Sequence[Stratum], cells: Sequence[float]) -> tuple[float, float]:
    """The share of all answers that is right, and that the judge passed, by four cells of each stratum."""
    right = passed = 0.0
    for number, part in enumerate(parts):
        _, only_people, only_judge, both = own = cells[4 * number : 4 * number + 4]
        total = math.fsum(own)
        right += part.share * (only_people + both) / total
        passed += part.share * (only_judge + both) / total
    return right, passed


def _slope(tables: Sequence[tuple[float, float]]) -> float:
    """By how much one more right answer comes with one more that the judge passes."""
    means = [math.fsum(column) / len(tables) for column in zip(*tables, strict=True)]
    together = math.fsum((right - means[0]) * (passed - means[1]) for right, passed in tables)
    return together / math.fsum((passed - means[1]) ** 2 for _, passed in tables)
