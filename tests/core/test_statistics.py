from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels.core.statistics import (
    disagreement,
    holm,
    mcnemar,
    paired_bootstrap,
    paired_p_value,
    pass_at_k,
    pass_hat_k,
    scenarios_needed,
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


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_twice_the_exact_binomial_tail(better: int, worse: int) -> None:
    total = better + worse
    tail = Fraction(sum(math.comb(total, count) for count in range(min(better, worse) + 1)), 2**total)
    assert mcnemar(better, worse) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-9)


@settings(deadline=None)
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


def test_many_sign_flips_are_near_what_drawing_them_gives() -> None:
    differences = [1, 0.5, 0.5, -0.5, -0.25] * 8
    draw = random.Random(1)  # noqa: S311 - statistics, not a secret
    seen, draws = sum(differences), 4000
    hits = sum(abs(sum(d if draw.random() < 0.5 else -d for d in differences)) >= seen for _ in range(draws))
    assert paired_p_value(differences) == pytest.approx(hits / draws, abs=0.01)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), max_size=30))
def test_a_p_value_is_a_share_and_knows_no_order_and_no_side(differences: list[float]) -> None:
    p_value = paired_p_value(differences)
    assert 0 <= p_value <= 1
    assert paired_p_value(differences[::-1]) == p_value
    assert paired_p_value([-difference for difference in differences]) == p_value


# scipy.stats.bootstrap(method="percentile", n_resamples=200_000) of numpy.mean. The tolerance is that of 2,000 draws.
@pytest.mark.parametrize(
    ("differences", "low", "high", "tolerance"),
    [
        (pairs(20, 10, 70), -0.01, 0.21, 0.011),
        ([0.5, 0.25, -0.25, 0, 0, 0, 1, 0.1, -0.1, 0.3] * 4, 0.08, 0.29, 0.01),
        (pairs(15, 5, 380), 0.0025, 0.0475, 0.002),
        (pairs(10, 0, 990), 0.004, 0.017, 0.001),
    ],
)
def test_the_bootstrap_agrees_with_scipy(differences: list[float], low: float, high: float, tolerance: float) -> None:
    estimate = paired_bootstrap(differences)
    assert estimate is not None
    assert estimate.mean == pytest.approx(sum(differences) / len(differences))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=tolerance)


def test_resampling_and_expansion_meet_where_one_gives_way_to_the_other() -> None:
    draw = random.Random(3)  # noqa: S311 - statistics, not a secret
    differences = [draw.choice([-1.0, -0.5, 0.0, 0.0, 0.25, 1.0]) for _ in range(200)]
    drawn, computed = paired_bootstrap(differences), paired_bootstrap([*differences, 0.0])
    assert drawn is not None
    assert computed is not None
    assert (drawn.low, drawn.high) == pytest.approx((computed.low, computed.high), abs=0.008)


def test_the_bootstrap_of_nothing_is_unknown() -> None:
    assert paired_bootstrap([]) is None


@pytest.mark.parametrize("count", [5, 500])
def test_the_bootstrap_of_equal_differences_is_a_point(count: int) -> None:
    estimate = paired_bootstrap([0.25] * count)
    assert estimate is not None
    assert (estimate.mean, estimate.low, estimate.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("count", [40, 400])
def test_the_bootstrap_repeats_itself_for_any_order(count: int) -> None:
    draw = random.Random(5)  # noqa: S311 - statistics, not a secret
    differences = [draw.uniform(-1, 1) for _ in range(count)]
    shuffled = draw.sample(differences, count)
    assert paired_bootstrap(differences) == paired_bootstrap(shuffled)


def test_another_seed_draws_otherwise() -> None:
    differences = [0.1 * step for step in range(-5, 9)]
    assert paired_bootstrap(differences, seed=1) != paired_bootstrap(differences, seed=2)


@settings(deadline=None)
@given(st.sampled_from([201, 1000]), st.integers(0, 200), st.floats(0.01, 1))
def test_the_computed_interval_holds_the_mean_within_the_data(count: int, moved: int, size: float) -> None:
    differences = [size] * moved + [0.0] * (count - moved)
    estimate = paired_bootstrap(differences)
    assert estimate is not None
    assert 0 <= estimate.low <= estimate.mean + 1e-12
    assert estimate.mean - 1e-12 <= estimate.high <= size


# Connor's formula as published calculators give it: powerandsamplesize.com, McNemar's Z-test with two sides, p01 = 0.45
# and p10 = 0.05 (23); clinicaltrials-tools, discordant share 0.45 and odds ratio 2 (155).
@pytest.mark.parametrize(("differences", "expected"), [(pairs(9, 1, 10), 23), (pairs(30, 15, 55), 155)])
def test_scenarios_needed_agree_with_published_values(differences: list[float], expected: int) -> None:
    assert scenarios_needed(differences) == expected


@pytest.mark.parametrize("differences", [[], [0.0, 0.0], pairs(3, 3, 1), [0.1, 0.2, -0.3]])
def test_no_difference_needs_no_number_of_scenarios(differences: list[float]) -> None:
    assert scenarios_needed(differences) is None


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


@settings(deadline=None)
@given(p_values)
def test_holm_keeps_the_order_and_lowers_nothing(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(value <= corrected <= 1 for value, corrected in zip(values, adjusted, strict=True))
    ranked = sorted(zip(values, adjusted, strict=True))
    assert [corrected for _, corrected in ranked] == sorted(adjusted)


@settings(deadline=None)
@given(trials)
def test_pass_at_k_is_the_product_of_the_paper(counts: tuple[int, int, int]) -> None:
    passed, n, k = counts
    # Chen et al. (2021), figure 3: 1 - prod(1 - k / arange(n - c + 1, n + 1)), and 1 if n - c < k.
    factors = [1 - k / i for i in range(n - passed + 1, n + 1)]
    expected = 1.0 if n - passed < k else 1 - math.prod(factors)
    assert pass_at_k(passed, n, k) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
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
