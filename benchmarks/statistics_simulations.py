"""What the statistics promise, tried on drawn suites: `python benchmarks/statistics_simulations.py [DRAWS]`.

Prints the table of docs/statistics.md. The true rates are known here, so that it can be counted how often a test is
wrong, how often an interval holds the truth, and how often a difference is found with as many scenarios or trials as
are advised. Draws are seeded: the same numbers come out again. With the 2,000 draws of the table, the standard error
of a share of 95 % is 0.5 percentage points, that of a power 0.9; type I errors have 10,000 draws, and 0.2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.table import Row, render
from pytest_benchmodels.statistics.comparison import compare
from pytest_benchmodels.statistics.intervals import (
    Interval,
    design_effect,
    paired_interval,
    percentile_interval,
    wilson,
)
from pytest_benchmodels.statistics.outcomes import Outcome
from pytest_benchmodels.statistics.paired import SIGNIFICANT, common_steps, paired_p_value
from pytest_benchmodels.statistics.power import PairedTrials, scenarios_needed, trials_needed

__all__ = ["rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Suite = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""Draws so many scenarios: the rate of each before and after."""

_CHANGE = -0.03
_MORE = 5  # an error of 5 % is told from one of 5.5 % by 10,000 draws only


def _alike(generator: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    before = generator.beta(8, 2, count)
    return before, before * (1 + _CHANGE / 0.8)


def _uneven(generator: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    before = generator.beta(0.4, 0.2, count)
    return before, before * (1 + _CHANGE / (2 / 3))


def _few_flip(generator: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """5 % of the scenarios break for good, 2 % are mended: every trial agrees, and nearly all differences are 0."""
    fate = generator.random(count)
    return np.where(fate < 0.05, 1.0, np.where(fate < 0.07, 0.0, 1.0)), np.where(fate < 0.05, 0.0, 1.0)


def _skewed(generator: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """One scenario in twenty loses most of its rate, the others nothing."""
    before = generator.beta(8, 2, count)
    return before, np.where(generator.random(count) < 0.05, before * (1 + _CHANGE / (0.05 * 0.8)), before)


SUITES: dict[str, Suite] = {
    "alike": _alike,
    "uneven": _uneven,
    "a few scenarios flip": _few_flip,
    "skewed": _skewed,
}


def rows(draws: int) -> Iterator[Row]:
    """One row for each promise and situation."""
    yield from _errors(_MORE * draws)
    yield from _powers(draws)
    yield from _paired(draws)
    yield from _rates(draws)
    yield from _scores(draws)
    yield from _percentiles(draws)


def _row(what: str, shares: dict[int, float], limit: str, *, holds: bool, draws: int) -> Row:
    measured = ", ".join(f"{count}: {share:.3f}" for count, share in shares.items())
    return Row(what, measured, limit, holds if draws >= 1000 else None)


def _errors(draws: int) -> Iterator[Row]:
    for name, trials in {"1 trial": (1,), "3 trials": (3,), "1 to 5 trials, differing": (1, 2, 3, 4, 5)}.items():
        shares = {}
        for count in (5, 6, 10, 20, 50, 100, 387):
            generator = np.random.default_rng(count)
            wrong = sum(_p_value(generator, count, trials) < SIGNIFICANT for _ in range(draws))
            shares[count] = wrong / draws
        what = f"type I error by scenarios, {name}"
        yield _row(what, shares, "<= 0.055", holds=max(shares.values()) <= 0.055, draws=draws)


def _p_value(generator: np.random.Generator, count: int, trials: Sequence[int]) -> float:
    """Of two runs of one model: rates of all kinds, the same on both sides."""
    rates = generator.beta(1, 1, count)
    graded = generator.choice(trials, (2, count))
    before, after = generator.binomial(graded, rates) / graded
    return paired_p_value((after - before).tolist(), common_steps(graded.ravel().tolist()))


# What was seen: the differences, in steps of the second.
_SEEN: dict[str, tuple[list[float], int]] = {
    "1 of 20 worse": ([-1.0] + [0.0] * 19, 1),
    "8 of 49 worse, 2 better": ([-1.0] * 8 + [1.0] * 2 + [0.0] * 39, 1),
    "4 of 30 worse, 1 better": ([-1.0] * 4 + [1.0] + [0.0] * 25, 1),
    "15 of 100 worse, 10 better": ([-1.0] * 15 + [1.0] * 10 + [0.0] * 75, 1),
    "1 of 387 worse": ([-1.0] + [0.0] * 386, 1),
    "2 of 5 worse": ([-1.0] * 2 + [0.0] * 3, 1),
    "3 trials, small changes": ([-1 / 3] * 6 + [1 / 3] * 3 + [-2 / 3] * 2 + [0.0] * 20, 3),
    "3 trials, large changes": ([-1.0] * 2 + [1 / 3] * 2 + [-2 / 3] * 2 + [0.0] * 14, 3),
    "10 trials": ([-0.1] * 5 + [0.2] * 3 + [-0.3] * 4 + [0.0] * 8, 10),
}


def _powers(draws: int) -> Iterator[Row]:
    for name, (seen, steps) in _SEEN.items():
        generator = np.random.default_rng(1)
        needed = scenarios_needed(seen, steps, SIGNIFICANT) or 0
        found = sum(paired_p_value(generator.choice(seen, needed).tolist(), steps) < SIGNIFICANT for _ in range(draws))
        holds = 0.75 <= found / draws <= 0.85
        yield _row(
            f"power with the scenarios advised, {name}",
            {needed: found / draws},
            ".75-.85",
            holds=holds,
            draws=draws,
        )
    for count, trials, rates in ((20, 5, (0.8, 0.7)), (30, 4, (0.75, 0.667)), (130, 4, (0.75, 0.692))):
        yield _power_of_trials(count, trials, rates, draws)


def _power_of_trials(count: int, trials: int, rates: tuple[float, float], draws: int) -> Row:
    """Scenarios that are equally hard, and were seen to scatter no more than that."""
    generator = np.random.default_rng(count)
    fewer = round(count * trials * (rates[0] - rates[1]))
    passed = round(trials * rates[0])
    runs = [PairedTrials(passed, trials, passed - (number < fewer), trials) for number in range(count)]
    needed = trials_needed(runs, SIGNIFICANT) or 1
    after = rates[0] - fewer / (count * trials)
    found = 0
    for _ in range(draws):
        before_passed, after_passed = (generator.binomial(needed, rate, count) for rate in (passed / trials, after))
        found += paired_p_value(((after_passed - before_passed) / needed).tolist(), needed) < SIGNIFICANT
    what = f"power with the trials advised, {count} scenarios of {trials} trials"
    return _row(what, {needed: found / draws}, ".75-.85", holds=0.75 <= found / draws <= 0.85, draws=draws)


def _paired(draws: int) -> Iterator[Row]:
    for name, suite in SUITES.items():
        for trials in (1, 3, 10):
            shares = {}
            for count in (5, 10, 20, 50, 200):
                generator = np.random.default_rng(count)
                shares[count] = sum(_covers_change(generator, suite, count, trials) for _ in range(draws)) / draws
            what = f"coverage of the change (-3 pp) by scenarios, {name}, {trials} trial{'s' * (trials > 1)}"
            yield _row(what, shares, ">= 0.93", holds=min(shares.values()) >= 0.93, draws=draws)


def _covers_change(generator: np.random.Generator, suite: Suite, count: int, trials: int) -> bool:
    before, after = (generator.binomial(trials, rates) / trials for rates in suite(generator, count))
    better, worse = float(np.mean(after * (1 - before))), float(np.mean(before * (1 - after)))
    estimate = paired_interval((after - before).tolist(), better, worse, count * trials)
    return estimate is not None and estimate.low <= _CHANGE <= estimate.high


def _rates(draws: int) -> Iterator[Row]:
    for name, shape in {"even (beta 70, 30)": (70.0, 30.0), "uneven (beta 0.4, 0.2)": (0.4, 0.2)}.items():
        for told, trials in {"3 trials": (3,), "10 trials": (10,), "1, 3 or 10 trials": (1, 3, 10)}.items():
            shares, plain = {}, {}
            for count in (10, 20, 50, 150, 387):
                generator = np.random.default_rng(count)
                drawn = [_covers_rate(generator, shape, count, trials) for _ in range(draws)]
                shares[count], plain[count] = (sum(column) / draws for column in zip(*drawn, strict=True))
            what = f"coverage of the rate by scenarios, {name}, {told}"
            yield _row(what, shares, ">= 0.93", holds=min(shares.values()) >= 0.93, draws=draws)
            yield Row(
                f"the same by Wilson's interval of runs, {name}, {told}", f"{min(plain.values()):.3f} at the least"
            )


def _covers_rate(
    generator: np.random.Generator, shape: tuple[float, float], count: int, trials: Sequence[int]
) -> tuple[bool, bool]:
    graded = generator.choice(trials, count)
    passed = generator.binomial(graded, generator.beta(*shape, count))
    true, groups = shape[0] / sum(shape), list(zip(passed.tolist(), graded.tolist(), strict=True))
    runs = (int(passed.sum()), int(graded.sum()))
    return _holds(wilson(*runs, design_effect(groups)), true), _holds(wilson(*runs), true)


def _holds(interval: Interval | None, true: float) -> bool:
    return interval is not None and interval.low <= true <= interval.high


def _scores(draws: int) -> Iterator[Row]:
    shapes = {
        "scattered (beta 2, 1)": (2.0, 1.0),
        "near 1 (beta 9, 1)": (9.0, 1.0),
        "0 or 1, nearly (beta 0.2, 0.1)": (0.2, 0.1),
    }
    for name, shape in shapes.items():
        for trials in (1, 3):
            shares = {}
            for count in (10, 20, 50, 387):
                generator, covered = np.random.default_rng(count), 0
                for _ in range(draws):
                    # Half of a score is its scenario's, half the trial's.
                    own, each = generator.beta(*shape, count), generator.beta(*shape, (trials, count))
                    sums = ((own + each) / 2).sum(axis=0)
                    effect = design_effect([(total, trials) for total in sums.tolist()], shares=False)
                    covered += _holds(wilson(float(sums.sum()), trials * count, effect), shape[0] / sum(shape))
                shares[count] = covered / draws
            what = f"coverage of the score by scenarios, {name}, {trials} trial{'s' * (trials > 1)}"
            yield _row(what, shares, ">= 0.93", holds=min(shares.values()) >= 0.93, draws=draws)


def _percentiles(draws: int) -> Iterator[Row]:
    for share, true in ((0.5, 1.0), (0.95, float(np.exp(1.6448536269514722)))):
        shares = {}
        for count in (72, 100, 387):
            generator = np.random.default_rng(count)
            latencies = (generator.lognormal(0, 1, count).tolist() for _ in range(draws))
            shares[count] = sum(_holds(percentile_interval(drawn, share, count), true) for drawn in latencies) / draws
        what = f"coverage of p{share * 100:.0f} by runs, lognormal latency"
        yield _row(what, shares, ">= 0.93", holds=min(shares.values()) >= 0.93, draws=draws)


def contradictions(draws: int) -> int:
    """How many of so many comparisons have an interval that leaves out 0 without a verdict, or holds it with one."""
    generator, found = np.random.default_rng(2), 0
    for _ in range(draws):
        trials = int(generator.integers(1, 4))
        before, after = (
            generator.binomial(trials, rates) for rates in _skewed(generator, int(generator.integers(5, 30)))
        )
        (model,) = compare(_outcomes(before, trials), _outcomes(after, trials)).models
        if model.rate is not None:
            low, high = model.rate.difference.low, model.rate.difference.high
            found += (low < 0 < high) != (model.verdict == "inconclusive") and 0 not in {low, high}
    return found


def _outcomes(passed: Ints, trials: int) -> Iterator[Outcome]:
    for scenario, count in enumerate(passed.tolist()):
        for trial in range(trials):
            yield Outcome(f"s{scenario}", "m", trial, "passed" if trial < count else "failed")


def main(arguments: Sequence[str]) -> int:
    draws = int(arguments[0]) if arguments else 2000
    found = list(rows(draws))
    print(render(found))
    print(f"{contradictions(min(draws, 200))} intervals that contradict their verdict")
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
