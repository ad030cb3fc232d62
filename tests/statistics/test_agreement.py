from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import krippendorff as reference
import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_benchmodels.statistics.agreement import (
    Counted,
    Ratings,
    Side,
    corrected_rate,
    kinds_of_ratings,
    krippendorff,
    missing_labels,
    priors_of_alpha,
    reliability,
    weighted_kappa,
)
from pytest_benchmodels.statistics.intervals import Estimate, wilson


def side(answers: int, right: int, labels: int) -> Side:
    """Each label of a scenario of its own."""
    return Side(answers, ((1, 1),) * right + ((0, 1),) * (labels - right))


# What 40 people's labels say of 300 answers that passed and 100 that failed.
PASSED, FAILED = side(300, 18, 20), side(100, 3, 20)


def cohens_kappa(table: NDArray[np.float64]) -> Any:
    """That of statsmodels, which takes a second to import: each of the tests' processes imports this module."""
    from statsmodels.stats.inter_rater import cohens_kappa as published

    return published(table)


def test_the_figures_are_those_of_the_whole_table() -> None:
    found = reliability(PASSED, FAILED)
    assert found is not None
    # 300 answers stand for 270 right and 30 wrong ones, 100 for 15 and 85.
    table = np.array([[270.0, 30.0], [15.0, 85.0]])
    assert found.agreement.mean == pytest.approx(355 / 400)
    assert found.kappa is not None
    assert found.kappa.mean == pytest.approx(cohens_kappa(table).kappa)
    assert found.sensitivity is not None
    assert found.sensitivity.mean == pytest.approx(270 / 285)
    assert found.specificity is not None
    assert found.specificity.mean == pytest.approx(85 / 115)
    for estimate in (found.agreement, found.kappa, found.sensitivity, found.specificity):
        assert 0 <= estimate.low < estimate.mean < estimate.high <= 1


def test_one_error_seen_leaves_it_open_whether_a_judge_hardly_errs() -> None:
    """The interval reaches as far as with Jeffreys' prior, and with a lighter one: here by numbers that scipy draws."""
    found = reliability(side(200, 10, 10), side(200, 1, 10))
    assert found is not None
    ends = []
    for prior in (1 / 2, 1 / 3):
        generator = np.random.default_rng(1)
        right, missed, passed = (
            scipy.stats.beta(a + prior, b + prior).rvs(200_000, random_state=generator)
            for a, b in ((10, 0), (1, 9), (200.0 + 1 / 2 - prior, 200.0 + 1 / 2 - prior))
        )
        ends.append(np.quantile(passed * right + (1 - passed) * (1 - missed), [0.025, 0.975]))
    assert found.agreement.low == pytest.approx(min(low for low, _ in ends), abs=0.004)
    assert found.agreement.high == pytest.approx(max(high for _, high in ends), abs=0.002)
    assert found.agreement.high > ends[0][1] + 0.003


def test_the_corrected_rate_is_that_of_prediction_powered_inference() -> None:
    scenarios = [Counted(judged_passed=1)] * 300 + [Counted(judged_failed=1)] * 100
    found = corrected_rate(scenarios, PASSED, FAILED)
    assert found is not None

    # ppi-python 0.2.3, ppi_mean_pointestimate(lam=18/20 - 3/20). It is no dependency of the tests: its wheel has a
    # package `tests` of its own, which would stand before this one.
    assert found.mean == pytest.approx(0.7125)
    assert found.mean == pytest.approx((270 + 15) / 400)


def test_with_labels_in_the_runs_proportions_the_interval_is_that_of_prediction_powered_inference() -> None:
    """400 of 2,000 runs are labelled, 306 of the 1,527 that the judge passed and 94 of the 473 that it failed."""
    scenarios = [Counted(judged_passed=1)] * 1527 + [Counted(judged_failed=1)] * 473
    found = corrected_rate(scenarios, side(1527, 290, 306), side(473, 30, 94))
    assert found is not None
    # ppi-python 0.2.3, ppi_mean_ci: 0.79906 (0.76757 to 0.83055) of the same counts.
    assert found.mean == pytest.approx(0.79906, abs=0.001)
    assert found.low == pytest.approx(0.76757, abs=0.005)
    assert found.high == pytest.approx(0.83055, abs=0.005)


def test_a_judge_that_never_errs_leaves_the_rate_as_it_is_and_the_interval_wider() -> None:
    found = corrected_rate(
        [Counted(judged_passed=1)] * 90 + [Counted(judged_failed=1)] * 10, side(90, 20, 20), side(10, 0, 10)
    )
    plain = wilson(90, 100)
    assert found is not None
    assert plain is not None
    assert found.mean == pytest.approx(0.9)
    assert found.low < plain.low
    assert found.high - found.low > plain.high - plain.low


def test_runs_that_no_judge_decided_count_as_they_are() -> None:
    scenarios = [Counted(known_passed=1)] * 30 + [Counted(known_failed=1)] * 10
    judged = [Counted(judged_passed=1)] * 40 + [Counted(judged_failed=1)] * 20
    found = corrected_rate([*scenarios, *judged], side(40, 15, 20), side(20, 1, 20))
    assert found is not None
    assert found.mean == pytest.approx((30 + 40 * 0.75 + 20 * 0.05) / 100)
    assert corrected_rate(scenarios, Side(0, ()), Side(0, ())) is None


def test_labels_of_one_scenario_tell_less_than_labels_of_many() -> None:
    scenarios = [Counted(judged_passed=3)] * 40 + [Counted(judged_failed=3)] * 40
    many = corrected_rate(scenarios, side(120, 24, 30), side(120, 6, 30))
    few = Side(120, ((3, 3),) * 8 + ((0, 3),) * 2), Side(120, ((3, 3),) * 2 + ((0, 3),) * 8)
    clustered = corrected_rate(scenarios, *few)
    assert many is not None
    assert clustered is not None
    assert clustered.mean == pytest.approx(many.mean)
    assert clustered.high - clustered.low > many.high - many.low


def test_labels_of_answers_on_both_sides_leave_more_doubt() -> None:
    scenarios = [Counted(judged_passed=1)] * 300 + [Counted(judged_failed=1)] * 100
    widths = []
    for shared in (0.0, 0.5, 1.0):
        found = corrected_rate(scenarios, PASSED, FAILED, shared)
        assert found is not None
        assert found.mean == pytest.approx(0.7125)
        widths.append(found.high - found.low)
    assert widths == sorted(set(widths))


@pytest.mark.parametrize(
    ("passed", "failed", "missing"),
    [
        (side(300, 4, 4), side(100, 3, 20), "4 of 5 labels needed of answers that the judge passed"),
        (side(300, 4, 20), Side(100, ()), "0 of 5 labels needed of answers that the judge failed"),
        (side(300, 4, 20), side(2, 1, 1), "1 of 2 labels needed of answers that the judge failed"),
        (Side(0, ()), Side(0, ()), "nothing was judged"),
        (side(300, 4, 20), side(2, 1, 2), None),
        (side(300, 4, 5), Side(0, ()), None),
    ],
)
def test_with_too_few_labels_there_is_no_figure(passed: Side, failed: Side, missing: str | None) -> None:
    assert missing_labels(passed, failed) == missing
    assert (reliability(passed, failed) is None) == (missing is not None)
    counted = [Counted(judged_passed=passed.answers, judged_failed=failed.answers)]
    assert (corrected_rate(counted, passed, failed) is None) == (missing is not None)


def test_what_has_no_meaning_is_left_out() -> None:
    all_right = reliability(side(50, 10, 10), Side(0, ()))
    assert all_right is not None
    assert all_right.kappa is None
    assert all_right.specificity is None
    assert all_right.sensitivity is not None
    assert all_right.agreement.mean == 1
    assert all_right.agreement.low < 0.85  # ten labels prove little


@given(st.lists(st.lists(st.sampled_from([0, 1, None]), min_size=4, max_size=4), min_size=3, max_size=20))
def test_alpha_agrees_with_the_reference(table: list[list[int | None]]) -> None:
    """A row for each answer, a column for each of four raters; None for an answer that one left out."""
    answers = [Ratings(number, row.count(1), row.count(0)) for number, row in enumerate(table)]
    found = krippendorff(answers)
    rated = [row for row in table if len(row) - row.count(None) > 1]
    if len(rated) < 2 or len({verdict for row in rated for verdict in row if verdict is not None}) < 2:
        assert found is None
        return
    data = np.array([[np.nan if verdict is None else verdict for verdict in row] for row in table], dtype=float).T
    assert found is not None
    assert found.mean == pytest.approx(reference.alpha(reliability_data=data, level_of_measurement="nominal"))
    assert -1 <= found.low <= found.mean <= found.high <= 1


@pytest.mark.parametrize("scenarios", [3, 20, 400])
def test_alpha_has_fewer_observations_where_few_scenarios_tell_how_much_it_differs(scenarios: int) -> None:
    """By how much Student's t of so many scenarios goes beyond the normal distribution; the usual prior makes up."""
    seen, unseen = kinds_of_ratings(
        [Ratings(number // 2, number % 4, 3 - number % 4) for number in range(2 * scenarios)]
    )
    (usual, as_many), (light, fewer) = priors_of_alpha(seen, unseen)
    assert usual == pytest.approx(2 * light)
    assert as_many == 1
    student, normal = scipy.stats.t.ppf(0.975, scenarios - 1), scipy.stats.norm.ppf(0.975)
    assert fewer == pytest.approx((student / normal) ** 2, abs=0.001)


def test_raters_that_always_agree_leave_a_doubt_that_answers_take_away() -> None:
    widths = []
    for answers in (10, 100):
        found = krippendorff([Ratings(number, 2 * (number % 2), 2 - 2 * (number % 2)) for number in range(answers)])
        assert found is not None
        assert found.mean == 1
        widths.append(found.high - found.low)
    assert widths[0] > 0.2
    assert 0 < widths[1] < 0.06


def test_kappa_of_two_raters_agrees_with_statsmodels_and_counts_what_each_answer_stands_for() -> None:
    cells = {(False, False): 12, (False, True): 3, (True, False): 2, (True, True): 23}
    rows = [(*verdicts, 1.0) for verdicts, count in cells.items() for _ in range(count)]
    found = weighted_kappa((number, *row) for number, row in enumerate(rows))
    expected = cohens_kappa(np.array([[12.0, 3.0], [2.0, 23.0]]))
    assert found is not None
    assert found.mean == pytest.approx(expected.kappa)
    assert found.high - found.low == pytest.approx(expected.kappa_upp - expected.kappa_low, rel=0.25)

    weighed = [(number, first, second, 3.0 if first else 1.0) for number, (first, second, _) in enumerate(rows)]
    heavier = weighted_kappa(weighed)
    assert heavier is not None
    assert heavier.mean == pytest.approx(cohens_kappa(np.array([[12.0, 3.0], [6.0, 69.0]])).kappa)


def test_what_raters_said_has_one_interval_in_whatever_order_it_came() -> None:
    rated = [(number, number % 4 > 0, number % 3 > 0, 1.0 + 2 * (number % 2)) for number in range(30)]
    assert weighted_kappa(rated) == weighted_kappa(rated[::-1])
    answers = [Ratings(number, first + second, 2 - first - second, weight) for number, first, second, weight in rated]
    assert krippendorff(answers) == krippendorff(answers[::-1])


def test_answers_of_one_scenario_tell_less_of_raters_than_answers_of_many() -> None:
    """Ten scenarios of three answers each, all of which agree or none, beside thirty of one."""
    figures: tuple[Callable[[Sequence[int]], Estimate | None], ...] = (
        lambda scenarios: krippendorff(
            [Ratings(scenario, 2 - (number >= 24), number >= 24) for number, scenario in enumerate(scenarios)]
            + [Ratings(100 + number, 0, 2) for number in range(10)]
        ),
        lambda scenarios: weighted_kappa(
            [(scenario, True, number < 24, 1.0) for number, scenario in enumerate(scenarios)]
            + [(100 + number, False, False, 1.0) for number in range(10)]
        ),
    )
    for figure in figures:
        alone, alike = figure(range(30)), figure([number // 3 for number in range(30)])
        assert alone is not None
        assert alike is not None
        assert alike.mean == pytest.approx(alone.mean)
        assert alike.low < alone.low
        assert alike.high > alone.high


def test_many_weights_do_not_pretend_that_raters_disagreed() -> None:
    """Forty answers on which two raters agree, of two weights, and of forty: the prior is as strong for both."""
    lows = []
    for weights in (2, 40):
        found = weighted_kappa((number, number < 20, number < 20, 1 + number % weights / 100) for number in range(40))
        assert found is not None
        lows.append(found.low)
    assert lows[1] == pytest.approx(lows[0], abs=0.05)


def test_a_judge_that_is_one_of_the_raters_keeps_answers_from_being_of_its_other_side() -> None:
    """It passed 30 and failed 10, and people said the same of all but one."""
    rows = [(1, 1, 3.0, True), *[(2, 0, 3.0, True)] * 29, *[(0, 2, 1.0, False)] * 10]
    known = krippendorff([Ratings(number, *row) for number, row in enumerate(rows)])
    unknown = krippendorff([Ratings(number, *row[:3]) for number, row in enumerate(rows)])
    assert known is not None
    assert unknown is not None
    assert known.mean == unknown.mean
    assert known.low != unknown.low


@pytest.mark.parametrize("verdict", [True, False])
def test_a_judge_that_said_one_thing_only_has_a_kappa_of_0_that_is_not_certain(verdict: bool) -> None:  # noqa: FBT001 - a table
    """It may yet say the other; the more labels, the less that would change."""
    few, many = (weighted_kappa([(each, verdict, each % 3 > 0, 1.0) for each in range(count)]) for count in (20, 400))
    assert few is not None
    assert many is not None
    assert (few.mean, many.mean) == pytest.approx((0, 0))
    assert few.low < many.low < 0 < many.high < few.high
    assert many.high - many.low < 0.05 < few.high - few.low


@pytest.mark.parametrize("rated", [[], [(0, True, True, 1.0)], [(0, True, True, 1.0), (1, True, True, 1.0)]])
def test_one_verdict_or_one_scenario_has_no_kappa(rated: list[tuple[int, bool, bool, float]]) -> None:
    assert weighted_kappa(rated) is None
    assert krippendorff([Ratings(each[0], 2, 0) for each in rated]) is None
