"""What chance alone may do: tests for paired results, and estimates over trials.

Everything here is a pure function of numbers and the same for any order of them. `differences` are always one number
per scenario (after minus before, or one model minus another): trials of one scenario resemble each other, so the
scenario, not the trial, is what counts as one observation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "SIGNIFICANT",
    "TrialFigures",
    "common_k",
    "common_steps",
    "disagreement",
    "holm",
    "mcnemar",
    "paired_p_value",
    "pass_at_k",
    "pass_hat_k",
    "trial_figures",
]

SIGNIFICANT = 0.05
"""A p-value below this is called a difference."""

_NEGLIGIBLE = 1e-12  # what floating point leaves of nothing, in shares from 0 to 1
_SMALLEST = 1e-10  # the sum over frequencies is true to about 1e-11
_FEW = 32  # tosses: so few that the sum tells which whole number of 2**32 ways it means
_WHOLE = 64  # pairs: few enough to count in whole numbers, so that 2 / 2**6 is 0.03125
_FAR = 9  # standard deviations
_STEPS = 20_000  # steps times sqrt(scenarios): the sum then takes half a second at most
_LATTICES = (5040, 2520, 840, 360, 120, 60)  # most numbers of trials divide them
_ENOUGH = 0.9  # of a model's scenarios


def mcnemar(better: int, worse: int) -> float:
    """The two-sided p-value of McNemar's exact test, whether `better` and `worse` pairs are equally likely.

    Twice the binomial tail, at most 1 (Q. McNemar, 1947, in its exact form). Pairs that agree tell nothing. The time is
    that of the square root of the counts.
    """
    fewer, total = min(better, worse), better + worse
    if 2 * fewer == total:
        return 1.0
    if total <= _WHOLE:  # in whole numbers
        return min(1.0, 2 * sum(math.comb(total, count) for count in range(fewer + 1)) / (1 << total))
    ways = math.lgamma(total + 1) - math.lgamma(fewer + 1) - math.lgamma(total - fewer + 1)
    term, tail = math.exp(ways - total * math.log(2)), 0.0
    for count in range(fewer, -1, -1):
        tail += term
        # From the largest term downwards: what follows soon changes nothing.
        if term <= tail * 1e-17:
            break
        term *= count / (total - count + 1)
    return min(1.0, 2 * tail)


def paired_p_value(differences: Iterable[float], steps: int | None = None) -> float:
    """The two-sided p-value of paired differences: how often their sum is as far from 0 if coins toss their signs.

    This is R. A. Fisher's sign-flip test (1935), each difference from -1 to 1; differences of 0 tell nothing. Where all
    have one size, as those of pass and fail with one trial, it is McNemar's exact test.

    It is exact on a lattice: `steps` are how many lie between 0 and 1, so that the difference of two shares is a whole
    number of them (the least common multiple of the numbers of trials). Where none are given, or so many that it would
    take long, sizes are rounded to a coarser lattice. That keeps the error of 5 % exact, for whatever is rounded is as
    likely to have either sign; and a difference that shrinks never lowers the p-value. One below 1e-10 is told as that
    or as W. Hoeffding's bound (1963), whichever is less.
    """
    values = list(differences)
    lattice = _lattice(len(values), steps)
    moved = [step for value in values if (step := round(value * lattice))]
    sizes = Counter(map(abs, moved))
    if len(sizes) <= 1:
        better = sum(step > 0 for step in moved)
        return mcnemar(better, len(moved) - better)
    unit = math.gcd(*sizes)
    return _sign_flips({size // unit: count for size, count in sizes.items()}, abs(sum(moved)) // unit)


def common_steps(trials: Iterable[int]) -> int:
    """The steps of `paired_p_value` for shares of so many trials: their least common multiple."""
    return math.lcm(*set(trials))


def _lattice(count: int, steps: int | None) -> int:
    affordable = _STEPS / math.sqrt(max(count, 1))
    if steps is not None and steps <= affordable:
        return steps
    return next((lattice for lattice in _LATTICES if lattice <= affordable), _LATTICES[-1])


def _sign_flips(sizes: Mapping[int, int], seen: int) -> float:
    """How often |sum| >= seen, of `sizes` (size: how many) with random signs.

    The distribution is a convolution of two-point ones, so its Fourier transform is a product of cosines, and the
    probability of the values nearer to 0 than `seen` a sum over it. All of them are multiples of 2 apart. Where the
    sums reach farther than nine standard deviations, they wrap around there: that adds less than 1e-17.
    """
    if not seen:
        return 1.0
    squares = sum(size * size * count for size, count in sizes.items())
    hoeffding = 2 * math.exp(-seen * seen / (2 * squares))
    if hoeffding < _SMALLEST:
        return hoeffding
    reach = sum(size * count for size, count in sizes.items())
    period = min(reach + 1, math.ceil(seen / 2 + _FAR * math.sqrt(squares) / 2) + 1) | 1
    frequent = sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0]))
    p_value = 1 - math.fsum(_waves(frequent, seen, period)) / period
    if (tosses := sum(sizes.values())) <= _FEW:
        return round(p_value * (1 << tosses)) / (1 << tosses)
    return min(1.0, max(p_value, _SMALLEST))


def _waves(sizes: Sequence[tuple[int, int]], seen: int, period: int) -> Iterator[float]:
    yield seen - 1
    for wave in range(1, period // 2 + 1):
        angle, product = math.pi * wave / period, 1.0
        for size, count in sizes:
            product *= math.cos(size * angle) ** count
            if -(_NEGLIGIBLE**2) < product < _NEGLIGIBLE**2:
                break
        else:
            yield 2 * product * math.sin((seen - 1) * angle) / math.sin(angle)


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

    `scenarios` had at least `k` graded trials; the others are means over them, 0 to 1. `flaky_share` is the share of
    scenarios of which `k` trials disagree: at least one passes, and not all.
    """

    k: int
    scenarios: int
    pass_at_k: float
    pass_hat_k: float

    @property
    def flaky_share(self) -> float:
        """As above; of more than `k` trials, `k` are drawn."""
        return self.pass_at_k - self.pass_hat_k


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
    )


def common_k(models: Iterable[Iterable[int]]) -> int | None:
    """The k of pass@k that models are compared by; None where no scenario has several graded trials.

    `models` has for each model how many graded trials each of its scenarios has. It is the largest k that nine in ten
    of the scenarios with several trials have, of each model that has such scenarios: one scenario with more trials than
    the others does not decide, nor do a few that lost a trial to an error.
    """
    largest = [
        ranked[math.floor((1 - _ENOUGH) * len(ranked) + _NEGLIGIBLE)]
        for trials in models
        if (ranked := sorted(each for each in trials if each > 1))
    ]
    return min(largest, default=None)
