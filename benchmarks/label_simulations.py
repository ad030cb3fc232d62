"""What the figures of a judge promise, tried on drawn suites: `python benchmarks/label_simulations.py [DRAWS]`.

Prints the table of docs/judging.md. A suite is drawn with its true rate, its judge's errors and the answers that people
label, half of them from each side of the judge, and it is counted how often each interval holds the truth. Draws are
seeded. With the 2,000 of the table the standard error of a share of 95 % is 0.5 percentage points.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.table import Row, render
from pytest_benchmodels.statistics.agreement import (
    Counted,
    Ratings,
    Side,
    corrected_rate,
    krippendorff,
    reliability,
    weighted_kappa,
)
from pytest_benchmodels.statistics.intervals import Estimate, design_effect

__all__ = ["rows"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LABELS = (40, 100, 200)
_LEAST, _MOST = 0.93, 0.97


@dataclass(frozen=True)
class Suite:
    """A kind of suite. `spread`: how much scenarios differ in their rates and in the judge's errors, 0 for not at all.

    The spread is the concentration of a beta distribution: 1 for rates that are nearly 0 or 1.
    """

    rate: float
    sensitivity: float
    specificity: float
    scenarios: int = 400
    trials: int = 1
    spread: float = 0.0

    @property
    def name(self) -> str:
        kind = "alike" if not self.spread else "in clusters"
        judge = f"sensitivity {self.sensitivity:.2f}, specificity {self.specificity:.2f}"
        return f"rate {self.rate:.2f}, {judge}, {self.scenarios} x {self.trials} {kind}"

    @property
    def truth(self) -> Mapping[str, float]:
        passed = self.rate * self.sensitivity + (1 - self.rate) * (1 - self.specificity)
        same = self.rate * self.sensitivity + (1 - self.rate) * self.specificity
        chance = passed * self.rate + (1 - passed) * (1 - self.rate)
        mean = (passed + self.rate) / 2
        return {
            "corrected rate": self.rate,
            "agreement": same,
            "kappa": (same - chance) / (1 - chance),
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "kappa of one of several judges": (same - chance) / (1 - chance),
            "alpha": 1 - (1 - same) / (2 * mean * (1 - mean)),
        }

    def draw(self, generator: np.random.Generator) -> tuple[Ints, Bools, Bools]:
        """Each run's scenario, what is true of its answer, and what the judge says."""
        scenarios = np.repeat(np.arange(self.scenarios), self.trials)

        def rates(mean: float, spread: float) -> NDArray[np.float64]:
            if not spread:
                return np.full(len(scenarios), mean)
            drawn = generator.beta(mean * spread, (1 - mean) * spread, self.scenarios)
            return np.asarray(drawn[scenarios])

        right = generator.random(len(scenarios)) < rates(self.rate, self.spread)
        passing = np.where(
            right, rates(self.sensitivity, 2 * self.spread), rates(1 - self.specificity, 2 * self.spread)
        )
        return scenarios, right, generator.random(len(scenarios)) < passing


SUITES = (
    *(
        Suite(rate, sensitivity, specificity)
        for rate in (0.5, 0.8, 0.9, 0.95)
        for sensitivity, specificity in ((0.9, 0.7), (0.95, 0.9), (0.99, 0.95))
    ),
    *(
        Suite(rate, sensitivity, specificity, scenarios=130, trials=3, spread=1.0)
        for rate in (0.6, 0.85)
        for sensitivity, specificity in ((0.9, 0.7), (0.95, 0.9))
    ),
)


def rows(draws: int) -> Iterator[Row]:
    """One row for each figure and kind of suite, the corrected rate first."""
    measured = {suite: {labels: _coverage(suite, labels, draws) for labels in LABELS} for suite in SUITES}
    for figure in SUITES[0].truth:
        for suite, found in measured.items():
            shares = {labels: found[labels][figure] for labels in LABELS}
            told = ", ".join(f"{labels}: {share:.3f}" for labels, share in shares.items())
            holds = all(_LEAST <= share <= _MOST for share in shares.values())
            yield Row(f"{figure}: {suite.name}", told, ".93-.97", holds if draws >= 1000 else None)


def _coverage(suite: Suite, labels: int, draws: int) -> dict[str, float]:
    """How often each figure's interval held the truth, of the times that there was one."""
    generator = np.random.default_rng(labels)
    held, told = dict.fromkeys(suite.truth, 0), dict.fromkeys(suite.truth, 0)
    for _ in range(draws):
        for figure, estimate in _estimates(suite, labels, generator).items():
            if estimate is not None:
                told[figure] += 1
                held[figure] += estimate.low <= suite.truth[figure] <= estimate.high
    return {figure: held[figure] / max(told[figure], 1) for figure in held}


def _estimates(suite: Suite, labels: int, generator: np.random.Generator) -> dict[str, Estimate | None]:
    scenarios, right, passing = suite.draw(generator)
    chosen = _chosen(passing, labels, generator)
    failed, passed = (
        Side(int((passing == verdict).sum()), _by_scenario(scenarios[places], right[places]))
        for verdict, places in zip((False, True), chosen, strict=True)
    )
    by_judge = np.bincount(scenarios, passing).astype(int).tolist()
    found = reliability(passed, failed, design_effect([(count, suite.trials) for count in by_judge]))
    weights = [side.answers / max(side.labels, 1) for side in (failed, passed)]
    rated = [
        (int(scenarios[place]), bool(passing[place]), bool(right[place]), weights[int(passing[place])])
        for place in np.concatenate(chosen).tolist()
    ]
    counted = [Counted(judged_passed=count, judged_failed=suite.trials - count) for count in by_judge]
    ratings = [Ratings(each[0], each[1] + each[2], 2 - each[1] - each[2], each[3]) for each in rated]
    return {
        "corrected rate": corrected_rate(counted, passed, failed),
        "agreement": found.agreement if found else None,
        "kappa": found.kappa if found else None,
        "sensitivity": found.sensitivity if found else None,
        "specificity": found.specificity if found else None,
        "kappa of one of several judges": weighted_kappa(rated),
        "alpha": krippendorff(ratings),
    }


def _chosen(passing: Bools, labels: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Half of the labels from each side; where one side has fewer, the rest from the other."""
    failed, passed = np.flatnonzero(~passing), np.flatnonzero(passing)
    of_passed = max(min(labels // 2, len(passed)), labels - len(failed))
    of_failed = min(labels - of_passed, len(failed))
    return generator.choice(failed, of_failed, replace=False), generator.choice(passed, of_passed, replace=False)


def _by_scenario(scenarios: Ints, right: Bools) -> tuple[tuple[int, int], ...]:
    known, places = np.unique(scenarios, return_inverse=True)
    labels = np.bincount(places, minlength=len(known))
    passed = np.bincount(places, right, minlength=len(known)).astype(int)
    return tuple(zip(passed.tolist(), labels.tolist(), strict=True))


def main(arguments: Sequence[str]) -> int:
    draws = int(arguments[0]) if arguments else 2000
    found = list(rows(draws))
    print(render(found))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
