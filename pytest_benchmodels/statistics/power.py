"""How many more scenarios or trials would settle a difference: the power of the sign-flip test, by simulation.

Formulas for it are off where few scenarios change sides, and no number of scenarios below 6 is ever enough. So the very
test that decides is tried on drawn results, with a fixed seed: what is told is the least number with which a difference
as large as the one seen is found four times in five.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pytest_benchmodels.statistics.paired import common_steps, paired_p_value

if TYPE_CHECKING:
    from statistics import NormalDist

__all__ = ["PairedTrials", "scenarios_needed", "trials_needed"]

_POWER = 0.8
_DRAWS = 1000
_FEW = 120  # scenarios that changed sides: beyond it the normal approximation gives the same power
_MOST_TRIALS = 200
_FINE = 24  # steps: on a finer lattice the test takes long, and says the same
_TRIED_EACH = 40  # the power of fewer scenarios goes up in jumps
_STEPS = 10
_NEGLIGIBLE = 1e-12  # what floating point leaves of nothing, in shares from 0 to 1


@cache
def _normal() -> NormalDist:
    from statistics import NormalDist  # noqa: PLC0415 - 20 ms, for those who plan a comparison

    return NormalDist()


class PairedTrials(NamedTuple):
    """One scenario's trials on both sides: how many passed of how many that were graded, each at least 1."""

    passed_before: int
    before: int
    passed_after: int
    after: int

    @property
    def difference(self) -> float:
        """By how much the share of trials that passed rose, -1 to 1."""
        return self.passed_after / self.after - self.passed_before / self.before


def scenarios_needed(differences: Sequence[float], steps: int, level: float) -> int | None:
    """How many scenarios in all it takes to find a mean difference as this one below `level`, four times in five.

    Scenarios are drawn from those seen; `steps` are those of `paired_p_value`. None if the mean difference is 0.
    """
    mean = math.fsum(differences) / len(differences) if differences else 0.0
    moved = Counter(step for difference in differences if (step := round(difference * steps)))
    if abs(mean) <= _NEGLIGIBLE:
        return None
    about = _approximate(differences, mean, level)
    share = moved.total() / len(differences)
    if about * share > _FEW:
        return about

    def power(count: int) -> float:
        return _drawn_power(moved, count, share, steps, level)

    least = 1 + math.ceil(-math.log2(level))  # n differences of one sign have a p-value of 2 / 2**n
    if about <= _TRIED_EACH:
        return _least(power, max(least, about // 3), max(2 * least, 2 * about))
    return _approached(power, about, level)


def _approximate(differences: Sequence[float], mean: float, level: float) -> int:
    """The number by which the mean of sum / sqrt(sum of squares) is far enough from its critical value.

    For one trial this is R. J. Connor's (Biometrics 43, 1987, 207-211), with a variance that knows that the root is of
    a random number, too.
    """
    count = len(differences)
    square, cube, fourth = (math.fsum(each**power for each in differences) / count for power in (2, 3, 4))
    # The delta method on mean / sqrt(square), of one scenario.
    covariance = cube - mean * square
    variance = (square - mean**2) / square - mean * covariance / square**2
    variance += mean**2 * (fourth - square**2) / (4 * square**3)
    critical = _normal().inv_cdf(1 - level / 2)
    spread = _normal().inv_cdf(_POWER) * math.sqrt(max(variance, 0.0))
    return math.ceil((critical + spread) ** 2 * square / mean**2)


def _drawn_power(moved: Counter[int], count: int, share: float, steps: int, level: float) -> float:
    """How often `count` scenarios, of which `share` differ as `moved` does, have a p-value below `level`."""
    draw = random.Random(count)  # noqa: S311 - statistics, not a secret; the seed makes reports repeatable
    numbers, chances = _binomial(count, share)
    values, weights = list(moved), list(moved.values())
    found, known = 0, dict[tuple[int, ...], bool]()
    for number in draw.choices(numbers, chances, k=_DRAWS):
        drawn = Counter(draw.choices(values, weights, k=number))
        key = tuple(drawn[value] for value in values)
        if key not in known:
            known[key] = _significant(list(drawn.elements()), steps, level)
        found += known[key]
    return found / _DRAWS


def _binomial(count: int, share: float) -> tuple[range, list[float]]:
    """The numbers that may come of `count` tries, and the chance of each, within 8 standard deviations."""
    if share >= 1 - _NEGLIGIBLE:
        return range(count, count + 1), [1.0]
    centre, reach = count * share, 8 * math.sqrt(count * share * (1 - share)) + 8
    numbers = range(max(0, math.floor(centre - reach)), min(count, math.ceil(centre + reach)) + 1)
    logs = [
        math.lgamma(count + 1) - math.lgamma(number + 1) - math.lgamma(count - number + 1)
        + number * math.log(share) + (count - number) * math.log1p(-share)
        for number in numbers
    ]  # fmt: skip
    return numbers, [math.exp(each) for each in logs]


def _approached(power: Callable[[int], float], count: int, level: float) -> int:
    """A number with the power wanted, to 1 %: the quantile of the power grows with the root of the number."""
    critical, low, high = _normal().inv_cdf(1 - level / 2), 0, 0
    for _ in range(_STEPS):
        found = power(count)
        low, high = (count, high) if found < _POWER else (low, count)
        if abs(found - _POWER) <= 0.01:
            break
        wanted, has = critical + _normal().inv_cdf(_POWER), critical + _normal().inv_cdf(min(max(found, 0.05), 0.99))
        count = math.ceil(count * (wanted / has) ** 2)
        if high and not low < count < high:
            count = (low + high) // 2 if low else high // 2
    return count


def _least(power: Callable[[int], float], low: int, high: int) -> int:
    """The least number with enough power, to 2 %; `high` is raised until it has it."""
    while power(high) < _POWER:
        low, high = high, 2 * high
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= _POWER else (middle, high)
    return low if power(low) >= _POWER else high


def trials_needed(scenarios: Sequence[PairedTrials], level: float) -> int | None:
    """How many trials of each scenario, on both sides, find their difference below `level`, four times in five.

    None where no number does: trials of a scenario agree, so that more of them tell nothing; or the scenarios are too
    few, or differ too much among themselves, even if each one's rates were known exactly. None too with one trial: how
    much chance there is within a scenario is then not known. Each scenario's rates are taken nearer to their mean, by
    what chance within the scenarios adds to their scatter.
    """
    rates = _true_rates(scenarios)
    if rates is None or paired_p_value(after - before for before, after in rates) >= level:
        return None
    noisy = sum(before * (1 - before) + after * (1 - after) for before, after in rates)
    if noisy <= _NEGLIGIBLE:
        return None
    high = 1
    while high <= _MOST_TRIALS and _power_of_trials(rates, high, level) < _POWER:
        high *= 2
    if high > _MOST_TRIALS:
        return None
    return _least(lambda trials: _power_of_trials(rates, trials, level), max(1, high // 2), high)


def _true_rates(scenarios: Sequence[PairedTrials]) -> list[tuple[float, float]] | None:
    several = [each for each in scenarios if each.before > 1 and each.after > 1]
    if len(several) < 2 or 2 * len(several) < len(scenarios):
        return None
    count = len(several)
    within = sum(
        each.passed_before * (each.before - each.passed_before) / (each.before**2 * (each.before - 1))
        + each.passed_after * (each.after - each.passed_after) / (each.after**2 * (each.after - 1))
        for each in several
    )
    mean = math.fsum(each.difference for each in several) / count
    scatter = math.fsum((each.difference - mean) ** 2 for each in several) * count / (count - 1)
    if within <= _NEGLIGIBLE:
        return None
    nearer = math.sqrt(max(1 - within / scatter, 0.0)) if scatter > _NEGLIGIBLE else 0.0
    before = math.fsum(each.passed_before / each.before for each in several) / count
    after = math.fsum(each.passed_after / each.after for each in several) / count
    return [
        (
            before + nearer * (each.passed_before / each.before - before),
            after + nearer * (each.passed_after / each.after - after),
        )
        for each in several
    ]


def _power_of_trials(rates: Sequence[tuple[float, float]], trials: int, level: float) -> float:
    """How often so many trials of scenarios with these rates have a p-value below `level`."""
    if len(rates) > _FEW:
        return _normal_power(rates, trials, level)
    draw = random.Random(trials)  # noqa: S311 - statistics, not a secret; the seed makes reports repeatable
    draws = _DRAWS // 2 if len(rates) > 12 else _DRAWS // 4
    columns = [
        [
            after - before
            for before, after in zip(_passed(draw, old, trials, draws), _passed(draw, new, trials, draws), strict=True)
        ]
        for old, new in rates
    ]
    steps = common_steps([trials])
    found = sum(_significant(differences, steps, level) for differences in zip(*columns, strict=True))
    return found / draws


def _passed(draw: random.Random, rate: float, trials: int, draws: int) -> list[int]:
    numbers, chances = _binomial(trials, min(max(rate, _NEGLIGIBLE), 1.0))
    return draw.choices(numbers, chances, k=draws)


def _significant(differences: Sequence[int], steps: int, level: float) -> bool:
    """Whether differences of so many steps have a p-value below `level`; of many, by a normal approximation."""
    square = sum(each * each for each in differences)
    if not square:
        return False
    approximate = math.erfc(max(abs(sum(differences)) - 1, 0) / math.sqrt(2 * square))
    clear = not level / 3 < approximate < 2 * level
    if len(differences) > 40 or (len(differences) > 12 and (clear or steps > _FINE)):
        return approximate < level
    return paired_p_value((each / steps for each in differences), min(steps, _FINE)) < level


def _normal_power(rates: Sequence[tuple[float, float]], trials: int, level: float) -> float:
    noise = math.fsum(before * (1 - before) + after * (1 - after) for before, after in rates) / trials
    shift = abs(math.fsum(after - before for before, after in rates))
    square = math.fsum((after - before) ** 2 for before, after in rates) + noise
    critical = _normal().inv_cdf(1 - level / 2) * math.sqrt(square)
    return _normal().cdf((shift - critical) / math.sqrt(noise))
