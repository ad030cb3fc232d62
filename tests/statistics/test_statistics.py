from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels.statistics.paired import (
    common_k,
    common_steps,
    disagreement,
    holm,
    mcnemar,
    paired_p_value,
    pass_at_k,
    pass_hat_k,
    trial_figures,
)

trials = st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, n)))
p_values = st.lists(st.floats(0, 1), max_size=20)


def pairs(better: int, worse: int, same: int = 0) -> list[float]:
    return [1.0] * better + [-1.0] * worse + [0.0] * same


# 1 and 7: Bentur's data in Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013), 2 * 9 / 2**8.
# The others: scipy 1.x binomtest(b, b + c, 0.5), and statsmodels' mcnemar(exact=True), which agree to all digits.
@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [
        (1, 7, 0.0703125),
        (0, 5, 0.0625),
        (121, 59, 4.4344492637551645e-06),
        (5, 15, 0.04138946533203125),
        (1, 9, 0.021484375),
        (43201, 42500, 0.01679562216089522),
        (500300, 499000, 0.19378783965055807),
        (0, 0, 1.0),
        (7, 7, 1.0),
    ],
)
def test_mcnemar_agrees_with_known_values(better: int, worse: int, expected: float) -> None:
    assert mcnemar(better, worse) == pytest.approx(expected, rel=1e-6)


def test_mcnemar_of_huge_and_of_hopelessly_unequal_counts_does_not_overflow() -> None:
    # Twice the normal tail beyond 10,000 / sqrt(10**10) = 0.1 standard deviations.
    assert mcnemar(5 * 10**9 + 5000, 5 * 10**9 - 5000) == pytest.approx(math.erfc(0.1 / math.sqrt(2)), rel=1e-3)
    assert mcnemar(10**6, 0) == 0.0


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_twice_the_exact_binomial_tail(better: int, worse: int) -> None:
    total = better + worse
    tail = Fraction(sum(math.comb(total, count) for count in range(min(better, worse) + 1)), 2**total)
    assert mcnemar(better, worse) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-9)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_pairs_of_one_trial_are_tested_by_mcnemar(better: int, worse: int, same: int) -> None:
    assert paired_p_value(pairs(better, worse, same)) == mcnemar(better, worse)


def test_thirds_of_floating_point_count_as_one_size() -> None:
    assert paired_p_value([1 - 2 / 3, 2 / 3 - 1 / 3, 1 / 3]) == mcnemar(3, 0)


# scipy.stats.permutation_test(permutation_type="samples", n_resamples=inf) of the sum.
@pytest.mark.parametrize(
    ("differences", "expected"),
    [([1, 0.5, -0.25, 0.75, 0.5, 0.25, -0.5, 1], 0.109375), ([0.1, 0.2, -0.3, 0.25, 0.15, 0.05, 0.4], 0.21875)],
)
def test_sign_flips_agree_with_scipy(differences: list[float], expected: float) -> None:
    assert paired_p_value(differences) == pytest.approx(expected)


# 14 scenarios from 3/3 to 0/3 and 5 the other way; one of the 14 softened to 1/3. Counted out over all 2**19 signs.
@pytest.mark.parametrize("softened", [1.0, 2 / 3, 1 / 3])
def test_a_smaller_regression_is_never_more_significant(softened: float) -> None:
    whole = paired_p_value([-1.0] * 14 + [1.0] * 5, 3)
    assert whole == pytest.approx(0.063568115234375, rel=1e-12)
    assert paired_p_value([-1.0] * 13 + [-softened] + [1.0] * 5, 3) >= whole - 1e-12


def counted_out(steps: list[int]) -> float:
    """The p-value over all signs, in whole numbers."""
    ways = Counter({0: 1})
    for step in filter(None, steps):
        further = Counter[int]()
        for total, count in ways.items():
            further[total + step] += count
            further[total - step] += count
        ways = further
    seen = abs(sum(steps))
    return float(Fraction(sum(count for total, count in ways.items() if abs(total) >= seen), ways.total()))


lattices = st.sampled_from([2, 3, 5, 6, 10, 12]).flatmap(
    lambda k: st.tuples(st.just(k), st.lists(st.integers(-k, k), max_size=60))
)


@given(lattices)
def test_sign_flips_are_counted_out_on_the_lattice_of_the_trials(lattice: tuple[int, list[int]]) -> None:
    k, steps = lattice
    expected = counted_out(steps)
    for lattice_steps in (k, None):
        found = paired_p_value([step / k for step in steps], lattice_steps)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-10)


@given(lattices, st.data())
def test_a_difference_that_shrinks_never_lowers_the_p_value(
    lattice: tuple[int, list[int]], data: st.DataObject
) -> None:
    k, steps = lattice
    side = 1 if sum(steps) > 0 else -1
    towards = [index for index, step in enumerate(steps) if step * side > 0]
    if towards and sum(steps):
        index = data.draw(st.sampled_from(towards))
        smaller = [*steps]
        smaller[index] -= side * data.draw(st.integers(1, min(abs(steps[index]), abs(sum(steps)))))
        before, after = (paired_p_value([step / k for step in each], k) for each in (steps, smaller))
        assert after >= before - 1e-9


@pytest.mark.parametrize(("count", "k"), [(387, 3), (387, 10), (800, 12)])
def test_many_sign_flips_agree_with_a_convolution_of_arrays(count: int, k: int) -> None:
    draw = random.Random(count)  # noqa: S311 - statistics, not a secret
    steps = [draw.randint(-k, k) for _ in range(count)]
    chances = np.array([1.0])
    for size in filter(None, map(abs, steps)):
        chances = (np.pad(chances, (0, size)) + np.pad(chances, (size, 0))) / 2
    reach = sum(map(abs, steps))
    expected = chances[np.abs(2 * np.arange(reach + 1) - reach) >= abs(sum(steps))].sum()
    assert paired_p_value([step / k for step in steps], k) == pytest.approx(expected, abs=1e-10)


def test_differing_numbers_of_trials_share_a_lattice() -> None:
    assert common_steps([3, 3, 2, 1]) == 6
    # 2/3 - 1/2, 1/3 - 1, 1/2 - 0: 1, -4 and 3 sixths.
    assert paired_p_value([2 / 3 - 1 / 2, 1 / 3 - 1, 1 / 2], common_steps([2, 3, 1])) == counted_out([1, -4, 3]) == 1


def test_a_lattice_that_would_take_long_is_rounded_and_stays_near() -> None:
    draw = random.Random(11)  # noqa: S311 - statistics, not a secret
    differences = [draw.uniform(-1, 1.1) for _ in range(3000)]
    near = math.erfc(abs(sum(differences)) / math.sqrt(2 * sum(each * each for each in differences)))
    assert paired_p_value(differences, 360_360) == pytest.approx(near, rel=0.02)


def test_a_tiny_p_value_is_at_most_what_is_told() -> None:
    p_value = paired_p_value([1.0] * 60 + [0.5] * 60, 2)
    assert 2.0**-119 <= p_value <= 1e-10
    assert paired_p_value([1.0] * 30 + [0.5] * 10, 2) >= 2.0**-39


@pytest.mark.parametrize(("count", "trials"), [(5, 3), (12, 3), (40, 1), (40, 3)])
def test_chance_alone_is_called_a_difference_in_one_of_twenty_at_most(count: int, trials: int) -> None:
    draw = random.Random(17)  # noqa: S311 - statistics, not a secret
    wrong = 0
    for _ in range(800):
        rates = [draw.choice([0.1, 0.5, 0.9]) for _ in range(count)]
        sides = [[sum(draw.random() < rate for _ in range(trials)) / trials for rate in rates] for _ in range(2)]
        wrong += paired_p_value((b - a for a, b in zip(*sides, strict=True)), trials) < 0.05
    assert wrong / 800 <= 0.07  # 5 % and 2.6 standard deviations


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), max_size=30))
def test_a_p_value_is_a_share_and_knows_no_order_and_no_side(differences: list[float]) -> None:
    p_value = paired_p_value(differences)
    assert 0 <= p_value <= 1
    assert paired_p_value(differences[::-1]) == p_value
    assert paired_p_value([-difference for difference in differences]) == p_value


# statsmodels.stats.multitest.multipletests(method="holm").
@pytest.mark.parametrize(
    ("given_values", "expected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.2, 0.0004, 0.013, 0.013, 0.6], [0.4, 0.002, 0.052, 0.052, 0.6]),
        ([], []),
    ],
)
def test_holm_agrees_with_statsmodels(given_values: list[float], expected: list[float]) -> None:
    assert holm(given_values) == pytest.approx(expected)


@given(p_values)
def test_holm_keeps_the_order_and_lowers_nothing(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(value <= corrected <= 1 for value, corrected in zip(values, adjusted, strict=True))
    ranked = sorted(zip(values, adjusted, strict=True))
    assert [corrected for _, corrected in ranked] == sorted(adjusted)


@given(trials)
def test_pass_at_k_is_the_product_of_the_paper(counts: tuple[int, int, int]) -> None:
    passed, n, k = counts
    # Chen et al. (2021), figure 3: 1 - prod(1 - k / arange(n - c + 1, n + 1)), and 1 if n - c < k.
    factors = [1 - k / i for i in range(n - passed + 1, n + 1)]
    expected = 1.0 if n - passed < k else 1 - math.prod(factors)
    assert pass_at_k(passed, n, k) == pytest.approx(expected, abs=1e-9)


@given(trials)
def test_pass_hat_k_mirrors_pass_at_k_of_the_failures(counts: tuple[int, int, int]) -> None:
    passed, n, k = counts
    assert pass_hat_k(passed, n, k) == pytest.approx(1 - pass_at_k(n - passed, n, k), abs=1e-12)
    assert pass_hat_k(passed, n, 1) == pytest.approx(passed / n)


@pytest.mark.parametrize("k", [0, 4])
def test_k_beyond_the_trials_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=rf"k = {k} of 3 trials: k must be from 1 to the number of trials; run more"):
        pass_at_k(1, 3, k)


@pytest.mark.parametrize("passed", [-1, 4])
def test_more_passes_than_trials_are_refused(passed: int) -> None:
    with pytest.raises(ValueError, match=rf"{passed} of 3 trials passed: give a count from 0 to the number of trials"):
        pass_hat_k(passed, 3, 1)


@pytest.mark.parametrize(("passed", "n", "expected"), [(0, 3, 0), (3, 3, 0), (1, 2, 1), (2, 4, 2 / 3), (1, 1, 0)])
def test_disagreement_is_the_chance_of_two_unlike_trials(passed: int, n: int, expected: float) -> None:
    assert disagreement(passed, n) == pytest.approx(expected)


def test_trial_figures_are_means_over_the_scenarios_with_enough_trials() -> None:
    figures = trial_figures([(3, 3), (1, 3), (0, 3), (2, 4), (2, 2)], 3)
    assert figures is not None
    assert (figures.k, figures.scenarios) == (3, 4)
    assert figures.pass_at_k == pytest.approx((1 + 1 + 0 + 1) / 4)
    assert figures.pass_hat_k == pytest.approx(1 / 4)
    assert figures.flaky_share == pytest.approx(2 / 4)


def test_too_few_trials_have_no_figures() -> None:
    assert trial_figures([(1, 1), (0, 2)], 3) is None


def test_flakiness_of_more_trials_is_that_of_k_drawn_from_them() -> None:
    figures = trial_figures([(1, 3)], 2)
    assert figures is not None
    assert figures.flaky_share == pytest.approx(disagreement(1, 3)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("models", "k"),
    [
        ([[5] * 10 + [6]], 5),
        ([[5] * 19 + [4]], 5),
        ([[5] * 8 + [4] * 2], 4),
        ([[3, 2]], 2),
        ([[5] * 4, [3] * 4], 3),
        ([[2, 2], [1, 1]], 2),
        ([[1] * 50 + [4] * 50], 4),
        ([[1, 1], []], None),
    ],
)
def test_k_is_what_nearly_all_scenarios_of_all_models_have(models: list[list[int]], k: int | None) -> None:
    assert common_k(models) == k
