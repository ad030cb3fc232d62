"""What a judge's figures promise, tried on drawn suites: `python benchmarks/label_simulations.py [DRAWS [NAME...]]`.

Prints the table by situation of docs/judging.md. A suite is drawn with its true rate, the errors of two judges and the
answers that people label, half of them from each side of the first judge, and it is counted how often each interval
holds the truth. Draws are seeded, and the same for all kinds of suites. With 2,000 of them the standard error of a
share of 95 % is 0.5 percentage points.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, product
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.label_intervals import (
    ArraySide,
    alpha_interval,
    kappa_interval,
    rate_interval,
    reliability_intervals,
    stratified_interval,
    stratified_reliability_intervals,
)
from benchmarks.table import Row, render
from pytest_benchmodels.statistics.agreement import Ratings
from pytest_benchmodels.statistics.intervals import Interval
from pytest_benchmodels.statistics.stratified import is_drawn_by_others

__all__ = [
    "FIGURES",
    "LABELS",
    "LEAST",
    "MOST",
    "Cell",
    "Drawn",
    "Errors",
    "Suite",
    "by_labels",
    "coverage",
    "is_held",
    "rows",
]

Kind = TypeVar("Kind")
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Errors = tuple[float, float]
"""A judge's sensitivity and specificity, 0 to 1."""

LABELS = (20, 40, 100, 200)
LEAST, MOST = 0.93, 0.97
FEW = 100  # draws: not worth a process


@dataclass(frozen=True)
class Suite:
    """A kind of suite. `spread`: how much scenarios differ in their rates and in the judges' errors, 0 for not at all.

    The spread is the concentration of a beta distribution: 1 for rates that are nearly 0 or 1. `others` are the
    sensitivity and specificity of further judges; by default there is one, which errs as often as the first. All err
    independently of each other. Three judges decide together, by their majority.
    """

    rate: float
    sensitivity: float
    specificity: float
    scenarios: int = 400
    trials: int = 1
    spread: float = 0.0
    others: tuple[Errors, ...] = ()

    @property
    def name(self) -> str:
        kind = "alike" if not self.spread else "in clusters"
        judge = f"sensitivity {self.sensitivity:.2f}, specificity {self.specificity:.2f}"
        return f"rate {self.rate:.2f}, {judge}, {self.scenarios} x {self.trials} {kind}"

    @property
    def judges(self) -> tuple[Errors, ...]:
        own = (self.sensitivity, self.specificity)
        return (own, *(self.others or (own,)))

    @property
    def truth(self) -> Mapping[str, float]:
        first, second, *more = self.judges
        if more:
            first = (_majority(*(each[0] for each in self.judges)), _majority(*(each[1] for each in self.judges)))
        of_first, of_second = _truth(self.rate, *first), _truth(self.rate, *second)
        return {
            "corrected rate": self.rate,
            "corrected rate of another judge": self.rate,
            **of_first,
            **{f"{name} of another judge": figure for name, figure in of_second.items()},
            "kappa of one of several judges": of_second["kappa"],
            "alpha": _alpha(self.rate, self.judges),
        }

    def draw(self, labels: int, generator: np.random.Generator) -> Drawn:
        """One suite, of which so many answers are labelled."""
        scenarios = np.repeat(np.arange(self.scenarios), self.trials)

        def rates(mean: float, spread: float) -> Floats:
            if not spread or mean in (0, 1):
                return np.full(len(scenarios), mean)
            drawn = generator.beta(mean * spread, (1 - mean) * spread, self.scenarios)
            return np.asarray(drawn[scenarios])

        right = generator.random(len(scenarios)) < rates(self.rate, self.spread)
        verdicts = [
            generator.random(len(scenarios))
            < np.where(right, rates(sensitivity, 2 * self.spread), rates(1 - specificity, 2 * self.spread))
            for sensitivity, specificity in self.judges
        ]
        first = verdicts[0] if len(verdicts) < _MAJORITY else np.sum(verdicts, axis=0) > len(verdicts) / 2
        return Drawn(scenarios, right, first, verdicts, _chosen(first, labels, generator))


_MAJORITY = 3  # judges


def _majority(first: float, second: float, third: float) -> float:
    """How often two or three of three do what they do in these shares, independently."""
    return first * second + first * third + second * third - 2 * first * second * third


def _passed(rate: float, judge: Errors) -> float:
    return rate * judge[0] + (1 - rate) * (1 - judge[1])


def _truth(rate: float, sensitivity: float, specificity: float) -> dict[str, float]:
    passed = _passed(rate, (sensitivity, specificity))
    same = rate * sensitivity + (1 - rate) * specificity
    chance = passed * rate + (1 - passed) * (1 - rate)
    kappa = (same - chance) / (1 - chance)
    return {"agreement": same, "kappa": kappa, "sensitivity": sensitivity, "specificity": specificity}


def _alpha(rate: float, judges: Sequence[Errors]) -> float:
    """Of people, who are always right, and the judges."""
    raters = [(1.0, 1.0), *judges]
    differ = [
        sum(
            share * (one[side] * (1 - other[side]) + other[side] * (1 - one[side]))
            for side, share in enumerate((rate, 1 - rate))
        )
        for one, other in combinations(raters, 2)
    ]
    mean = sum(_passed(rate, each) for each in raters) / len(raters)
    return 1 - sum(differ) / len(differ) / (2 * mean * (1 - mean))


def _chosen(passing: Bools, labels: int, generator: np.random.Generator) -> Ints:
    """Half of the labels from each side; where one side has fewer, the rest from the other."""
    failed, passed = np.flatnonzero(~passing), np.flatnonzero(passing)
    of_passed = max(min(labels // 2, len(passed)), labels - len(failed))
    of_failed = min(labels - of_passed, len(failed))
    sides = ((failed, of_failed), (passed, of_passed))
    return np.concatenate([generator.choice(side, many, replace=False) for side, many in sides])


@dataclass(frozen=True)
class Drawn:
    """One suite: each run's scenario, what is true of its answer, what judges say, and which runs are labelled.

    `first` are the verdicts by which the sample was taken, of the first of the judges or of all together.
    """

    scenarios: Ints
    right: Bools
    first: Bools
    verdicts: Sequence[Bools]
    labelled: Ints

    @property
    def second(self) -> Bools:
        return self.verdicts[1]

    @cached_property
    def weights(self) -> Floats:
        """How many answers each label stands for."""
        verdicts = self.first[self.labelled]
        shares = [int((self.first == verdict).sum()) / max(int((verdicts == verdict).sum()), 1) for verdict in (0, 1)]
        return np.where(verdicts, shares[1], shares[0])

    def sides(self, judge: Bools) -> tuple[ArraySide, ArraySide]:
        """The answers that a judge passed, and those that it failed, with people's labels."""
        return self._side(judge, verdict=True), self._side(judge, verdict=False)

    def _side(self, judge: Bools, *, verdict: bool) -> ArraySide:
        is_here = judge[self.labelled] == verdict
        places, weights = self.labelled[is_here], self.weights[is_here]
        is_even = not len(weights) or weights.min() == weights.max()
        weights = np.ones(len(weights)) if is_even else weights * len(weights) / weights.sum()
        known, numbers = np.unique(self.scenarios[places], return_inverse=True)
        labels, right = (
            np.bincount(numbers, each, minlength=len(known)).astype(float)
            for each in (weights, weights * self.right[places])
        )
        return ArraySide(int((judge == verdict).sum()), right, labels)

    def by_judge(self, judge: Bools) -> Floats:
        """How many of each scenario's runs a judge passed."""
        return np.bincount(self.scenarios, judge).astype(float)

    @property
    def trials(self) -> int:
        return int(np.bincount(self.scenarios).max())

    @cached_property
    def of_first(self) -> tuple[ArraySide, ArraySide]:
        return self.sides(self.first)

    @cached_property
    def reliability(self) -> Mapping[str, Interval]:
        return reliability_intervals(*self.of_first, self.by_judge(self.first), self.trials)

    @cached_property
    def of_another(self) -> Mapping[str, Interval]:
        """The second judge's reliability, by the labels that were drawn by the first one's verdicts."""
        judged = (*self.sides(self.second), self.by_judge(self.second), self.trials)
        if not is_drawn_by_others(self.pairs):
            return reliability_intervals(*judged)
        return stratified_reliability_intervals(*judged, self.pairs)

    @cached_property
    def pairs(self) -> list[tuple[int, bool, bool, float]]:
        """Of each label: its scenario, what the second judge says, what people do, and how many it stands for."""
        columns = (self.scenarios, self.second, self.right)
        return list(zip(*(column[self.labelled].tolist() for column in columns), self.weights.tolist(), strict=True))

    @property
    def ratings(self) -> list[Ratings]:
        """What people and all judges say of each labelled answer."""
        raters = 1 + len(self.verdicts)
        passed = np.sum([self.right, *self.verdicts], axis=0)[self.labelled]
        columns = (self.scenarios[self.labelled], passed, self.weights, self.first[self.labelled])
        rated = zip(*(column.tolist() for column in columns), strict=True)
        return [Ratings(scenario, count, raters - count, weight, verdict) for scenario, count, weight, verdict in rated]

    def errors(self, judge: Bools, verdict: int | None = None) -> int:
        """How many errors of a judge the labels show, among all verdicts, or those that are this one."""
        said, right = judge[self.labelled], self.right[self.labelled]
        return int(((said != right) & ((said == verdict) if verdict is not None else True)).sum())


@dataclass(frozen=True)
class _Figure:
    """How a figure's interval is made, and the number of errors which it goes by, if that alone decides."""

    interval: Callable[[Drawn], Interval | None]
    errors: Callable[[Drawn], int] | None = None


def _of_second(drawn: Drawn) -> Interval | None:
    judged = (*drawn.sides(drawn.second), drawn.by_judge(drawn.second), drawn.trials)
    return stratified_interval(*judged, drawn.pairs) if is_drawn_by_others(drawn.pairs) else rate_interval(*judged)


def _of_reliability(name: str, drawn: Drawn) -> Interval | None:
    return drawn.reliability.get(name)


def _of_another(name: str, drawn: Drawn) -> Interval | None:
    return drawn.of_another.get(name)


FIGURES: Mapping[str, _Figure] = {
    "corrected rate": _Figure(lambda drawn: rate_interval(*drawn.of_first, drawn.by_judge(drawn.first), drawn.trials)),
    "corrected rate of another judge": _Figure(_of_second),
    "agreement": _Figure(partial(_of_reliability, "agreement"), lambda drawn: drawn.errors(drawn.first)),
    "kappa": _Figure(partial(_of_reliability, "kappa"), lambda drawn: drawn.errors(drawn.first)),
    "sensitivity": _Figure(partial(_of_reliability, "sensitivity"), lambda drawn: drawn.errors(drawn.first, 0)),
    "specificity": _Figure(partial(_of_reliability, "specificity"), lambda drawn: drawn.errors(drawn.first, 1)),
    "kappa of one of several judges": _Figure(
        lambda drawn: kappa_interval(drawn.pairs), lambda drawn: drawn.errors(drawn.second)
    ),
    "alpha": _Figure(
        lambda drawn: alpha_interval(drawn.ratings),
        lambda drawn: sum(each.passed > 0 < each.failed for each in drawn.ratings),
    ),
    **{
        f"{name} of another judge": _Figure(partial(_of_another, name))
        for name in ("agreement", "kappa", "sensitivity", "specificity")
    },
}

SUITES = (
    *(Suite(0.5, *judge) for judge in ((0.6, 0.7), (0.9, 0.7), (0.95, 0.9), (0.99, 0.95))),
    *(Suite(0.1, *judge) for judge in ((0.9, 0.7), (0.95, 0.9))),
    *(Suite(0.97, *judge) for judge in ((0.9, 0.7), (0.95, 0.9), (0.99, 0.95))),
    Suite(0.9, 1.0, 1.0),
    *(
        Suite(rate, *judge, scenarios=130, trials=3, spread=1.0)
        for rate, judge in product((0.6, 0.85), ((0.9, 0.7), (0.95, 0.9)))
    ),
)


@dataclass(frozen=True)
class Cell:
    """How often an interval held the truth, of the times that there was one.

    `attainable`: the share nearest to 95 % that an interval can reach which goes by the number of errors seen alone.
    """

    held: float
    attainable: float | None = None

    @property
    def is_within(self) -> bool:
        return LEAST <= round(self.held, 3) <= MOST  # as it is told

    @property
    def told(self) -> str:
        is_stepped = self.attainable is not None and not LEAST <= self.attainable <= MOST
        return f"{self.held:.3f}" + (f" (steps: {self.attainable:.3f})" if is_stepped and not self.is_within else "")


def by_labels(
    coverage: Callable[[Kind, int, int, Sequence[str]], Mapping[str, Cell]],
    kinds: Iterable[Kind],
    draws: int,
    names: Sequence[str],
) -> dict[tuple[Kind, int], Mapping[str, Cell]]:
    """The coverage of so many draws for each kind of suite and each number of labels, many at once in processes."""
    tried = list(product(kinds, LABELS))
    arguments = (*zip(*tried, strict=True), [draws] * len(tried), [names] * len(tried))
    if draws < FEW:
        cells = list(map(coverage, *arguments))
    else:
        with ProcessPoolExecutor() as pool:
            cells = list(pool.map(coverage, *arguments))
    return dict(zip(tried, cells, strict=True))


def rows(draws: int, figures: Sequence[str] = tuple(FIGURES)) -> Iterator[Row]:
    """One row for each figure and kind of suite, the corrected rate first."""
    found = by_labels(coverage, SUITES, draws, figures)
    for figure in figures:
        for suite in SUITES:
            shares = {labels: cell for labels in LABELS if (cell := found[suite, labels].get(figure)) is not None}
            told = ", ".join(f"{labels}: {cell.told}" for labels, cell in shares.items())
            holds = all(cell.is_within for cell in shares.values())
            yield Row(f"{figure}: {suite.name}", told, ".93-.97", holds if draws >= 1000 else None)


def coverage(suite: Suite, labels: int, draws: int, figures: Iterable[str] = tuple(FIGURES)) -> dict[str, Cell]:
    """How often each figure's interval held the truth; without those that hardly ever have one."""
    generator = np.random.default_rng(labels)
    seen: dict[str, Counter[int]] = {name: Counter() for name in figures}
    held = dict.fromkeys(seen, 0)
    for _ in range(draws):
        drawn = suite.draw(labels, generator)
        for name, counts in seen.items():
            interval, errors = FIGURES[name].interval(drawn), FIGURES[name].errors
            if interval is not None:
                counts[errors(drawn) if errors else 0] += 1
                held[name] += is_held(interval, suite.truth[name])
    return {
        name: Cell(held[name] / counts.total(), _attainable(counts) if FIGURES[name].errors else None)
        for name, counts in seen.items()
        if counts.total() > draws / 20
    }


_ROUNDING = 1e-9


def is_held(interval: Interval, truth: float) -> bool:
    """Whether the interval holds the truth."""
    return interval.low <= truth + _ROUNDING and truth <= interval.high + _ROUNDING


def _attainable(counts: Counter[int]) -> float:
    """What is nearest to 95 % of the shares that a range of numbers of errors has."""
    numbers = range(min(counts), max(counts) + 1)
    sums = np.concatenate([[0], np.cumsum([counts[number] for number in numbers])]) / counts.total()
    shares = (sums[None, :] - sums[:, None]).ravel()
    return float(shares[np.argmin(np.abs(shares - 0.95))])


def main(arguments: Sequence[str]) -> int:
    draws = int(arguments[0]) if arguments else 2000
    found = list(rows(draws, arguments[1:] or tuple(FIGURES)))
    print(render(found))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
