"""What a judge's figures promise of suites that nobody knows beforehand: `python benchmarks/label_priors.py [DRAWS]`.

Prints the table of all kinds of suites in docs/judging.md. The truth of each suite is itself drawn: its rate, its
judges' errors, how many scenarios and trials it has, and how alike the trials of one are. So it is asked how often the
intervals of 2,000 different suites hold what is true of each. The ranges were written down before the first draw and
stay as they are, whatever comes of it. Draws are seeded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.label_simulations import FIGURES, LABELS, Cell, Errors, Suite, by_labels, is_held
from benchmarks.table import Row, render

__all__ = ["NAMES", "PANEL", "PRIORS", "Prior", "coverage", "rows"]

Range = tuple[float, float]

PANEL = " (several judges)"
OF_PANEL = ("corrected rate", "agreement", "kappa", "sensitivity", "specificity")
NAMES = (
    *(name for name in FIGURES if name not in ("kappa of one of several judges", "alpha")),
    *(name + PANEL for name in (*OF_PANEL, "kappa of one of several judges", "alpha")),
    "alpha",
)


@dataclass(frozen=True)
class Prior:
    """Ranges, 0 to 1, in which the truth of a suite is uniform: its rate, and each judge's own errors."""

    name: str
    rate: Range
    sensitivity: Range
    specificity: Range

    def draw(self, judges: int, generator: np.random.Generator) -> Suite:
        """A suite with so many judges.

        It has 40 to 800 scenarios, as likely 40 to 80 as 400 to 800; one trial of each, or 2 to 5, with the same
        chance. Two trials of a scenario are correlated by 0 to 0.7.
        """

        def errors() -> Errors:
            return float(generator.uniform(*self.sensitivity)), float(generator.uniform(*self.specificity))

        first, *others = (errors() for _ in range(judges))
        correlation = generator.uniform(0, 0.7)
        return Suite(
            float(generator.uniform(*self.rate)),
            *first,
            scenarios=round(40 * 20 ** generator.random()),
            trials=int(generator.choice([1, int(generator.integers(2, 6))])),
            spread=1 / correlation - 1,
            others=tuple(others),
        )


PRIORS = (
    Prior("anything", (0.02, 0.98), (0.5, 1.0), (0.5, 1.0)),
    Prior("good judges", (0.3, 0.95), (0.9, 1.0), (0.9, 1.0)),
    Prior("poor judges", (0.2, 0.9), (0.5, 0.8), (0.5, 0.8)),
    Prior("rare failures", (0.9, 0.99), (0.8, 1.0), (0.6, 1.0)),
)


def coverage(prior: Prior, labels: int, draws: int, names: Sequence[str] = NAMES) -> dict[str, Cell]:
    """How often each figure's interval held the truth of its suite, of the times that there was one."""
    generator = np.random.default_rng([labels, *prior.name.encode()])
    held: dict[str, list[bool]] = {name: [] for name in names}
    for _ in range(draws):
        # Two judges of whom one took the sample, and three who decide together.
        for judges, panel in ((2, False), (3, True)):
            suite = prior.draw(judges, generator)
            drawn = suite.draw(min(labels, suite.scenarios * suite.trials), generator)
            for name in names:
                figure = name.removesuffix(PANEL)
                if name.endswith(PANEL) == panel and (interval := FIGURES[figure].interval(drawn)) is not None:
                    held[name].append(is_held(interval, suite.truth[figure]))
    return {name: Cell(sum(found) / len(found)) for name, found in held.items() if len(found) > draws / 20}


def rows(draws: int, names: Sequence[str] = NAMES) -> Iterator[Row]:
    """One row for each figure: by the number of labels, its share for each prior, in their order."""
    found = by_labels(coverage, PRIORS, draws, names)
    for name in names:
        shares = {labels: [found[prior, labels].get(name) for prior in PRIORS] for labels in LABELS}
        told = "; ".join(
            f"{labels}: " + " ".join(f"{cell.held:.3f}" if cell else "-" for cell in cells)
            for labels, cells in shares.items()
        )
        holds = all(cell.is_within for cells in shares.values() for cell in cells if cell)
        yield Row(name, told, ".93-.97", holds if draws >= 1000 else None)


def main(arguments: Sequence[str]) -> int:
    found = list(rows(int(arguments[0]) if arguments else 2000, arguments[1:] or NAMES))
    print(render(found))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
