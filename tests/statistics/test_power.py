from __future__ import annotations

import random

import pytest

from pytest_benchmodels.statistics.paired import paired_p_value
from pytest_benchmodels.statistics.power import PairedTrials, scenarios_needed, trials_needed


def pairs(better: int, worse: int, same: int = 0) -> list[float]:
    return [1.0] * better + [-1.0] * worse + [0.0] * same


def power_of(differences: list[float], count: int, steps: int) -> float:
    """How often `count` scenarios drawn from these differ significantly; with draws of its own."""
    draw = random.Random(99)  # noqa: S311 - statistics, not a secret
    return sum(paired_p_value(draw.choices(differences, k=count), steps) < 0.05 for _ in range(600)) / 600


@pytest.mark.parametrize(
    ("differences", "steps"),
    [
        (pairs(0, 1, 19), 1),
        (pairs(2, 8, 39), 1),
        (pairs(1, 4, 25), 1),
        (pairs(3, 5, 42), 1),
        (pairs(0, 2, 3), 1),
        ([-1 / 3] * 6 + [1 / 3] * 3 + [-2 / 3] * 2 + [0.0] * 20, 3),
        ([-1.0] * 2 + [1 / 3] * 2 + [-2 / 3] * 2 + [0.0] * 14, 3),
    ],
)
def test_so_many_scenarios_find_the_difference_four_times_in_five(differences: list[float], steps: int) -> None:
    needed = scenarios_needed(differences, steps, 0.05)
    assert needed is not None
    assert 0.74 <= power_of(differences, needed, steps) <= 0.86


def test_no_fewer_scenarios_are_named_than_can_be_significant() -> None:
    # 2 / 2**5 is 0.063: "1 more scenario" than 4 would not do.
    assert scenarios_needed(pairs(0, 3), 1, 0.05) == 6
    assert scenarios_needed(pairs(0, 5), 1, 0.05) == 6
    # A tenth of the level, as among ten models: 2 / 2**9 is 0.004.
    assert scenarios_needed(pairs(0, 5), 1, 0.005) == 9


@pytest.mark.parametrize("differences", [[], [0.0, 0.0], pairs(3, 3, 1), [0.1, 0.2, -0.3]])
def test_no_difference_needs_no_number_of_scenarios(differences: list[float]) -> None:
    assert scenarios_needed(differences, 10, 0.05) is None


# (1.96 sqrt(0.44) + 0.8416 sqrt(0.44 - 0.04**2))**2 / 0.04**2 is 2157.
def test_many_changed_scenarios_come_to_what_connors_formula_gives() -> None:
    assert scenarios_needed(pairs(24, 20, 56), 1, 0.05) == pytest.approx(2157, rel=0.01)


def scenarios(count: int, before: int, after: int, of: int) -> list[PairedTrials]:
    return [PairedTrials(before, of, after, of)] * count


@pytest.mark.parametrize(
    "runs",
    [
        scenarios(20, 1, 0, 1),  # one trial: nobody knows what a second would do
        scenarios(5, 4, 3, 5),  # fewer than six scenarios
        [*scenarios(4, 5, 0, 5), *scenarios(20, 5, 5, 5)],  # each scenario's trials agree
        [
            *scenarios(4, 5, 0, 5),
            *scenarios(2, 0, 5, 5),
            *scenarios(3, 3, 3, 5),
        ],  # the scenarios differ, not the trials
    ],
)
def test_trials_that_cannot_help_are_not_advised(runs: list[PairedTrials]) -> None:
    assert trials_needed(runs, 0.05) is None


@pytest.mark.parametrize(
    "runs",
    [
        [*scenarios(10, 4, 3, 5), *scenarios(10, 4, 4, 5)],
        [*scenarios(20, 3, 3, 4), *scenarios(10, 3, 2, 4)],
        [*scenarios(100, 3, 3, 4), *scenarios(30, 3, 2, 4)],
    ],
)
def test_so_many_trials_find_the_difference_four_times_in_five(runs: list[PairedTrials]) -> None:
    needed = trials_needed(runs, 0.05)
    assert needed is not None
    # Less scatter than binomial trials alone have: all scenarios are then taken for equally hard.
    before, after = (sum(side) / len(runs) for side in zip(*((r[0] / r[1], r[2] / r[3]) for r in runs), strict=True))
    draw, found = random.Random(5), 0  # noqa: S311 - statistics, not a secret
    for _ in range(300):
        differences = [
            (sum(draw.random() < after for _ in range(needed)) - sum(draw.random() < before for _ in range(needed)))
            / needed
            for _ in runs
        ]
        found += paired_p_value(differences, needed) < 0.05
    assert 0.73 <= found / 300 <= 0.88
