"""What chance alone may do: tests and intervals for paired results, estimates over trials.

Everything here is a pure function of numbers and the same for any order of them. `differences` are always one number
per scenario (after minus before, or one model minus another): trials of one scenario resemble each other, so the
scenario, not the trial, is what counts as one observation.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .metrics import percentile

__all__ = [
    "SIGNIFICANT",
    "Estimate",
    "TrialFigures",
    "disagreement",
    "holm",
    "mcnemar",
    "paired_bootstrap",
    "paired_p_value",
    "pass_at_k",
    "pass_hat_k",
    "scenarios_needed",
    "trial_figures",
]

SIGNIFICANT = 0.05
"""A p-value below this is called a difference."""

_Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile
_Z_POWER = 0.8416212335729143  # its 80 % quantile: a difference as large as the one seen is found four times in five
_RESAMPLES = 2000
_RESAMPLED_SCENARIOS = 200
_ENUMERATED = 14  # 2**14 sums take about a millisecond
_NEGLIGIBLE = 1e-12  # what floating point leaves of nothing, in shares from 0 to 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def mcnemar(better: int, worse: int) -> float:
    """The two-sided p-value of McNemar's exact test, whether `better` and `worse` pairs are equally likely.

    Twice the binomial tail, at most 1 (Q. McNemar, 1947, in its exact form). Pairs that agree tell nothing. The time is
    that of the square root of the counts.
    """
    fewer, total = min(better, worse), better + worse
    if 2 * fewer == total:
        return 1.0
    ways = math.lgamma(total + 1) - math.lgamma(fewer + 1) - math.lgamma(total - fewer + 1)
    term, tail = math.exp(ways - total * math.log(2)), 0.0
    for count in range(fewer, -1, -1):
        tail += term
        # From the largest term downwards: what follows soon changes nothing.
        if term <= tail * 1e-17:
            break
        term *= count / (total - count + 1)
    return min(1.0, 2 * tail)


def paired_p_value(differences: Iterable[float]) -> float:
    """The two-sided p-value of paired differences: how often their sum is as far from 0 if coins toss their signs.

    This is R. A. Fisher's sign-flip test (1935). Where all differences have one size, as those of pass and fail with
    one trial, it is McNemar's exact test. Otherwise all signs are tried up to 14 differences, and the normal
    approximation is taken beyond. Differences of 0 tell nothing.
    """
    moved = [difference for difference in differences if abs(difference) > _NEGLIGIBLE]
    sizes = sorted(map(abs, moved))
    if not moved or sizes[-1] - sizes[0] <= _NEGLIGIBLE:
        better = sum(difference > 0 for difference in moved)
        return mcnemar(better, len(moved) - better)
    seen = abs(math.fsum(moved))
    if len(moved) > _ENUMERATED:
        return math.erfc(seen / math.sqrt(2 * math.fsum(size * size for size in sizes)))
    sums = [0.0]
    for size in sizes:
        sums = [total + signed for total in sums for signed in (size, -size)]
    return sum(abs(total) >= seen - 1e-9 for total in sums) / len(sums)


def paired_bootstrap(differences: Iterable[float], seed: int = 0) -> Estimate | None:
    """The mean difference with its percentile bootstrap interval (B. Efron, 1979); None for no scenarios.

    Scenarios are resampled 2,000 times. Beyond 200 scenarios the interval is computed: the Cornish-Fisher expansion
    with the sample's skewness is nearer to the bootstrap's distribution than 2,000 draws from it are.
    """
    ranked = sorted(differences)
    if not ranked:
        return None
    count = len(ranked)
    mean = math.fsum(ranked) / count
    if count > _RESAMPLED_SCENARIOS:
        return _expansion(ranked, mean)
    draws = random.Random(seed)  # noqa: S311 - statistics, not a secret; the seed makes reports repeatable
    means = [sum(draws.choices(ranked, k=count)) / count for _ in range(_RESAMPLES)]
    return Estimate(mean, percentile(means, 0.025) or 0.0, percentile(means, 0.975) or 0.0)


def _expansion(ranked: Sequence[float], mean: float) -> Estimate:
    count = len(ranked)
    variance = math.fsum((value - mean) ** 2 for value in ranked) / count
    if variance <= _NEGLIGIBLE**2:
        return Estimate(mean, mean, mean)
    skewness = math.fsum((value - mean) ** 3 for value in ranked) / count / variance**1.5
    step, tilt = math.sqrt(variance / count), skewness / math.sqrt(count) * (_Z_95**2 - 1) / 6
    low, high = mean + step * (tilt - _Z_95), mean + step * (tilt + _Z_95)
    return Estimate(mean, max(low, ranked[0]), min(high, ranked[-1]))


def scenarios_needed(differences: Sequence[float]) -> int | None:
    """How many scenarios it takes to call a difference of this size significant, four times in five.

    R. J. Connor's formula for McNemar's test (Biometrics 43, 1987, 207-211): with the discordant share psi and the mean
    difference delta it is (1.96 sqrt(psi) + 0.84 sqrt(psi - delta**2))**2 / delta**2. For scenarios of several trials
    the mean squared difference takes psi's place. None if the mean difference is 0.
    """
    mean = math.fsum(differences) / len(differences) if differences else 0.0
    if abs(mean) <= _NEGLIGIBLE:
        return None
    square = math.fsum(difference * difference for difference in differences) / len(differences)
    spread = _Z_95 * math.sqrt(square) + _Z_POWER * math.sqrt(max(square - mean * mean, 0.0))
    return math.ceil((spread / mean) ** 2)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, in their order, adjusted for how many there are (S. Holm, 1979).

    If each that stays below 0.05 is called a difference, the chance that any such call is wrong is at most 5 %.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def pass_at_k(passed: int, trials: int, k: int) -> float:
    """The chance that at least one of `k` trials passes: 1 - C(trials - passed, k) / C(trials, k).

    The unbiased estimate of M. Chen et al., "Evaluating large language models trained on code" (2021). Raises
    `ValueError` unless 1 <= k <= trials and 0 <= passed <= trials.
    """
    _check_trials(passed, trials, k)
    return 1 - math.comb(trials - passed, k) / math.comb(trials, k)


def pass_hat_k(passed: int, trials: int, k: int) -> float:
    """The chance that all of `k` trials pass, pass^k: C(passed, k) / C(trials, k).

    The unbiased estimate of S. Yao et al., "tau-bench" (2024). Raises `ValueError` as `pass_at_k` does.
    """
    _check_trials(passed, trials, k)
    return math.comb(passed, k) / math.comb(trials, k)


def _check_trials(passed: int, trials: int, k: int) -> None:
    if not 1 <= k <= trials:
        raise ValueError(f"k = {k} of {trials} trials: k must be from 1 to the number of trials; run more with repeat")
    if not 0 <= passed <= trials:
        raise ValueError(f"{passed} of {trials} trials passed: give a count from 0 to the number of trials")


def disagreement(passed: int, trials: int) -> float:
    """A scenario's flakiness: the chance that two different trials of it disagree, 0 to 1; 0 for a single trial.

    Half of many trials passed: 0.5. Of two trials one passed: 1.
    """
    return 2 * passed * (trials - passed) / (trials * (trials - 1)) if trials > 1 else 0.0


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """What `k` trials of each scenario tell of one model.

    `scenarios` had at least `k` graded trials; `pass_at_k` and `pass_hat_k` are means over them, 0 to 1. `flaky_share`
    is the share of them whose trials disagree.
    """

    k: int
    scenarios: int
    pass_at_k: float
    pass_hat_k: float
    flaky_share: float


def trial_figures(counts: Iterable[tuple[int, int]], k: int) -> TrialFigures | None:
    """The figures of scenarios given as (passed, graded) trials; None if none of them has `k`.

    A scenario with fewer graded trials, as after an error, is left out. Raises `ValueError` if k is less than 1.
    """
    enough = [(passed, graded) for passed, graded in counts if graded >= k]
    if not enough:
        return None
    return TrialFigures(
        k=k,
        scenarios=len(enough),
        pass_at_k=math.fsum(pass_at_k(passed, graded, k) for passed, graded in enough) / len(enough),
        pass_hat_k=math.fsum(pass_hat_k(passed, graded, k) for passed, graded in enough) / len(enough),
        flaky_share=sum(0 < passed < graded for passed, graded in enough) / len(enough),
    )
