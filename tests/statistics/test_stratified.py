from __future__ import annotations

import pytest

from pytest_benchmodels.statistics.agreement import Counted, Side, reliability
from pytest_benchmodels.statistics.intervals import Estimate
from pytest_benchmodels.statistics.stratified import (
    Labelled,
    heavy_labels,
    is_drawn_by_others,
    strata,
    stratified_rate,
    stratified_reliability,
)

NO_SIDE = Side(0, ())  # nothing is known of how alike scenarios are
HEAVY, LIGHT = 40.0, 2.0


def group(first: int, weight: float, **cells: int) -> list[Labelled]:
    """So many labelled answers of each kind, of scenarios from this number on: `pf` are passed by the judge alone."""
    kinds = [kind for kind, count in cells.items() for _ in range(count)]
    return [(first + number, kind[0] == "p", kind[1] == "p", weight) for number, kind in enumerate(kinds)]


def rate(labelled: list[Labelled], passed: int, failed: int, known: int = 0) -> Estimate:
    counted = [Counted(judged_passed=1)] * passed + [Counted(judged_failed=1)] * failed
    found = stratified_rate([*counted, *[Counted(known_passed=1)] * known], NO_SIDE, NO_SIDE, labelled)
    assert found is not None
    return found


def test_a_judge_that_tells_nothing_leaves_the_rate_of_the_strata() -> None:
    """400 answers of which 9 in 10 are right, and 20 of which half are; the judge passes half of each."""
    labelled = group(0, HEAVY, pp=9, pf=1, fp=9, ff=1) + group(50, LIGHT, pp=5, pf=5, fp=5, ff=5)
    expected = (20 * HEAVY * 0.9 + 20 * LIGHT * 0.5) / (20 * HEAVY + 20 * LIGHT)
    for passed in (100, 300):
        found = rate(labelled, passed, 400 - passed)
        assert found.mean == pytest.approx(expected, abs=0.005)
        assert 0.65 < found.low < found.mean < found.high < 1


def test_a_judge_that_errs_nowhere_gives_the_rate_that_it_has_of_all_answers() -> None:
    """By chance the sample has too few of the answers that it fails."""
    labelled = group(0, HEAVY, pp=19, ff=1) + group(50, LIGHT, pp=10, ff=10)
    alone = (20 * HEAVY * 0.95 + 20 * LIGHT * 0.5) / (20 * HEAVY + 20 * LIGHT)
    found = rate(labelled, 340, 60)
    # Not quite: that it never errs is not known for sure.
    assert found.mean == pytest.approx(0.85, abs=0.02)
    assert alone - found.mean > 0.06
    # What is known of it takes away most of the doubt that so few labels leave.
    unknown = rate(group(0, HEAVY, pp=19, pf=1) + group(50, LIGHT, pp=10, pf=10), 400, 0)
    assert found.high - found.low < (unknown.high - unknown.low) * 0.8


def test_heavy_answers_that_no_label_is_of_are_allowed_for() -> None:
    """Of 370 answers that the first judge passed all ten labelled are right and passed: others may not be."""
    found = rate(group(0, 37.0, pp=10) + group(50, 3.0, pp=6, ff=4), 360, 40)
    assert found.low < 0.85
    assert found.high > 0.96


def test_sensitivity_allows_for_heavy_answers_that_are_failed_and_not_labelled() -> None:
    """Ten labels stand for 370 of 400 answers: this judge passes all ten, but fails 50 of the 400."""
    labelled = group(0, 37.0, pp=10) + group(50, 3.0, pp=2, fp=1, ff=7)
    passed, failed = _side(350, labelled, verdict=True), _side(50, labelled, verdict=False)
    plain, found = reliability(passed, failed), stratified_reliability(passed, failed, 1.0, labelled)
    assert plain is not None
    assert found is not None
    assert plain.sensitivity is not None
    assert found.sensitivity is not None
    # Some of its failures must be among the 370, where no label shows whether they are right.
    assert found.sensitivity.low < 0.9 < plain.sensitivity.low
    for figure in ("agreement", "kappa", "sensitivity", "specificity"):
        own, other = getattr(plain, figure), getattr(found, figure)
        assert own.mean == other.mean
        assert other.low < other.mean <= other.high


def test_labels_that_are_missing_on_a_side_leave_another_judge_without_figures() -> None:
    labelled = group(0, HEAVY, pp=10) + group(50, LIGHT, pp=8, ff=2)
    sides = _side(350, labelled, verdict=True), _side(50, labelled, verdict=False)
    assert stratified_reliability(*sides, 1.0, labelled) is None


def test_of_equal_weights_the_figures_are_about_those_of_the_sides() -> None:
    labelled = group(0, 2.0, pp=80, pf=20, fp=15, ff=85)
    sides = _side(200, labelled, verdict=True), _side(200, labelled, verdict=False)
    plain, found = reliability(*sides), stratified_reliability(*sides, 1.0, labelled)
    for figure in ("agreement", "kappa", "sensitivity", "specificity"):
        own, other = getattr(plain, figure), getattr(found, figure)
        assert (other.low, other.high) == pytest.approx((own.low, own.high), abs=0.01)


def _side(answers: int, labelled: list[Labelled], *, verdict: bool) -> Side:
    here = [each for each in labelled if each[1] == verdict]
    unit = len(here) / sum(each[3] for each in here)
    return Side(answers, tuple((each[3] * unit * each[2], each[3] * unit) for each in here))


def test_runs_that_no_judge_decided_count_as_they_are() -> None:
    labelled = group(0, HEAVY, pp=15, pf=5) + group(50, LIGHT, pp=2, ff=8)
    judged, both = rate(labelled, 300, 100), rate(labelled, 300, 100, known=400)
    assert both.mean == pytest.approx((judged.mean + 1) / 2)
    assert both.high - both.low < judged.high - judged.low


def test_labels_of_one_scenario_tell_less_than_labels_of_many() -> None:
    many = group(0, HEAVY, pp=15, pf=5) + group(50, LIGHT, pp=5, ff=15)
    one = [(scenario // 5, verdict, passes, weight) for scenario, verdict, passes, weight in many]
    found, clustered = rate(many, 300, 100), rate(one, 300, 100)
    assert found.mean == pytest.approx(clustered.mean, abs=0.02)
    assert clustered.high - clustered.low > (found.high - found.low) * 1.2


def test_without_runs_or_labels_there_is_no_rate() -> None:
    assert stratified_rate([Counted(known_passed=1)], NO_SIDE, NO_SIDE, group(0, 1.0, pp=20)) is None
    assert stratified_rate([Counted(judged_passed=1)], NO_SIDE, NO_SIDE, []) is None


def test_a_stratum_is_what_has_one_weight() -> None:
    light, heavy = strata(group(0, HEAVY, pp=6, pf=2) + group(50, LIGHT, fp=5, ff=15))
    assert (light.share, heavy.share) == pytest.approx((40 / 360, 320 / 360))
    assert light.cells == pytest.approx((15, 5, 0, 0))
    assert heavy.cells == pytest.approx((0, 0, 2, 6))
    assert (light.observations, heavy.observations) == (20, 8)


def test_few_labels_are_joined_to_those_that_stand_for_about_as_many() -> None:
    """Two labels of 40 answers each stand for most answers of their stratum, and two of them tell little."""
    first, second = strata(group(0, HEAVY, pp=2) + group(10, LIGHT, ff=8) + group(30, 1.0, fp=9))
    assert first.cells == pytest.approx((0, 9, 0, 0))
    assert second.share == pytest.approx(96 / 105)
    assert second.cells == pytest.approx((16 * 10 / 96, 0, 0, 80 * 10 / 96))
    assert second.observations == pytest.approx(96**2 / (2 * HEAVY**2 + 8 * LIGHT**2))

    many = [each for number in range(30) for each in group(number, 1.0 + number, pp=1)]
    found = strata(many)
    assert len(found) == 4
    assert sum(part.share for part in found) == pytest.approx(1)
    assert sum(sum(part.cells) for part in found) == pytest.approx(30)


def test_a_sample_was_drawn_by_others_where_a_side_has_labels_of_several_weights() -> None:
    own = group(0, HEAVY, pp=6, pf=2) + group(50, LIGHT, fp=5, ff=15)
    assert not is_drawn_by_others(own)
    assert not is_drawn_by_others([])
    assert is_drawn_by_others([*own, (99, False, True, HEAVY)])
    assert heavy_labels(own) == 8
    assert heavy_labels([*own, (99, False, True, 81.0)]) == 1
    assert heavy_labels([]) == 0
