from __future__ import annotations

import math
import random

import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.statistics.intervals import (
    Interval,
    design_effect,
    paired_interval,
    percentile_interval,
    student,
    wilson,
)


@pytest.mark.parametrize("freedom", [1, 2, 4, 5, 6, 10, 30, 386])
def test_students_quantile_agrees_with_scipy(freedom: int) -> None:
    assert student(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), abs=0.0003)


def tango(better: int, worse: int, same: int) -> tuple[float, float]:
    count = better + worse + same
    estimate = paired_interval(
        [1.0] * better + [-1.0] * worse + [0.0] * same, better / count, worse / count, most=count
    )
    assert estimate is not None
    assert estimate.mean == pytest.approx((better - worse) / count)
    return estimate.low, estimate.high


# Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), 2850-2875, give -0.517 to -0.026 for 1 and 7 of 21.
def test_one_trial_has_tangos_published_interval() -> None:
    assert tango(1, 7, 13) == pytest.approx((-0.517, -0.026), abs=0.0005)


def likelihood_score(better: int, worse: int, same: int, difference: float) -> float:
    """The score statistic with the nuisance share found by maximising the likelihood numerically."""
    count = better + worse + same

    def minus_log(share: float) -> float:
        return -float(
            scipy.stats.multinomial.logpmf(
                [better, worse, same], count, [share + difference, share, 1 - 2 * share - difference]
            )
        )

    low, high = max(0.0, -difference) + 1e-9, (1 - difference) / 2 - 1e-9
    share = scipy.optimize.minimize_scalar(minus_log, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x
    variance = (2 * share + difference - difference**2) / count
    return float(((better - worse) / count - difference) ** 2 / variance)


@pytest.mark.parametrize("counts", [(1, 7, 13), (2, 8, 39), (3, 5, 42), (4, 1, 25)])
def test_the_ends_of_the_interval_are_where_the_score_statistic_is_critical(counts: tuple[int, int, int]) -> None:
    for end in tango(*counts):
        assert likelihood_score(*counts, end) == pytest.approx(scipy.stats.chi2.ppf(0.95, 1), rel=1e-3)


def test_scenarios_that_all_agree_leave_room_for_one_that_does_not() -> None:
    z2 = scipy.stats.chi2.ppf(0.95, 1)
    assert tango(0, 0, 20) == pytest.approx((-z2 / (20 + z2), z2 / (20 + z2)))
    scores = paired_interval([0.0] * 20, 0.0, 0.0)
    assert scores is not None
    assert (scores.low, scores.high) == pytest.approx((-z2 / (20 + z2), z2 / (20 + z2)))


def test_nothing_has_no_interval() -> None:
    assert paired_interval([], 0.0, 0.0) is None
    assert percentile_interval([], 0.5, 0) is None


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_the_interval_holds_the_mean_within_its_bounds_and_knows_no_side(differences: list[float]) -> None:
    rises = math.fsum(max(each, 0.0) for each in differences) / len(differences)
    falls = math.fsum(max(-each, 0.0) for each in differences) / len(differences)
    estimate = paired_interval(differences, rises, falls)
    mirrored = paired_interval([-each for each in differences], falls, rises)
    assert estimate is not None
    assert mirrored is not None
    assert -1 <= estimate.low <= estimate.mean <= estimate.high <= 1
    assert (mirrored.low, mirrored.high) == pytest.approx((-estimate.high, -estimate.low), abs=1e-9)


def test_one_trial_of_each_scenario_is_one_observation() -> None:
    assert design_effect([(1, 1), (0, 1), (1, 1)]) == 1
    assert wilson(2, 3, 1.0) == wilson(2, 3)


def test_trials_that_agree_count_once() -> None:
    # 3 of 3 or 0 of 3 in each of 40 scenarios: Wilson's interval for 20 of 40, and a little for how few they are.
    effect = design_effect([(3, 3), (0, 3)] * 20)
    interval, few = wilson(60, 120, effect), wilson(20, 40)
    assert effect == pytest.approx(3, rel=0.02)
    assert interval is not None
    assert few is not None
    assert (interval.low, interval.high) == pytest.approx((few.low, few.high), abs=0.01)
    assert design_effect([(3, 3)] * 12) == 3


def test_trials_that_do_not_resemble_each_other_count_nearly_each() -> None:
    draw = random.Random(2)  # noqa: S311 - statistics, not a secret
    groups = [(sum(draw.random() < 0.7 for _ in range(10)), 10) for _ in range(300)]
    assert 1 <= design_effect(groups) < 1.2


def test_scores_that_vary_little_have_a_narrow_interval() -> None:
    draw = random.Random(4)  # noqa: S311 - statistics, not a secret
    scores = [draw.gauss(0.6, 0.1) for _ in range(200)]
    effect = design_effect([(score, 1) for score in scores], shares=False)
    interval = wilson(sum(scores), 200, effect)
    assert interval is not None
    half = 1.96 * 0.1 / math.sqrt(200)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.15)


@given(st.lists(st.integers(1, 10).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1))
def test_a_share_has_an_interval_within_bounds_whatever_the_trials(groups: list[tuple[int, int]]) -> None:
    passed, graded = sum(each for each, _ in groups), sum(each for _, each in groups)
    effect = design_effect(groups)
    interval = wilson(passed, graded, effect)
    assert interval is not None
    assert 1 <= effect <= graded + 1e-9
    assert 0 <= interval.low <= passed / graded <= interval.high <= 1


# The ranks by scipy.stats.binom: the largest l with cdf(l - 1) <= 0.025, the least h with cdf(h - 1) >= 0.975.
@pytest.mark.parametrize(("count", "share"), [(72, 0.95), (100, 0.95), (1000, 0.95), (6, 0.5), (30, 0.5), (387, 0.5)])
def test_the_ends_of_a_percentiles_interval_are_ranks_of_the_binomial(count: int, share: float) -> None:
    low = max(rank for rank in range(1, count + 1) if scipy.stats.binom.cdf(rank - 1, count, share) <= 0.025)
    high = min(rank for rank in range(1, count + 1) if scipy.stats.binom.cdf(rank - 1, count, share) >= 0.975)
    values = [float(value) for value in range(count, 0, -1)]
    assert percentile_interval(values, share, count) == Interval(low, high)


@pytest.mark.parametrize(("count", "share"), [(71, 0.95), (5, 0.5)])
def test_too_few_values_have_no_interval(count: int, share: float) -> None:
    assert percentile_interval([1.0] * count, share, count) is None


def test_trials_that_are_alike_widen_a_percentiles_interval() -> None:
    values = [float(value) for value in range(300)]
    alone, alike = percentile_interval(values, 0.95, 300), percentile_interval(values, 0.95, 100)
    assert alone is not None
    assert alike is not None
    assert alike.low <= alone.low <= alone.high <= alike.high
    assert percentile_interval(values, 0.95, 50) is None
