from __future__ import annotations

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.label import (
    Label,
    LabelKey,
    Labels,
    answer_digest,
    check_names,
    keyed_checks,
    label_keys,
    masked_weight,
    unmasked_weight,
)
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.statistics.agreement import Counted, Side, corrected_rate
from pytest_benchmodels.statistics.gates import parse_gate
from pytest_benchmodels.statistics.judging import LabelFigures
from pytest_benchmodels.statistics.run_tally import RunTally
from tests.statistics.judged_results import check, judged, labelled

BOTH = {"a": True, "b": True}
NONE = {"a": False, "b": False}


def one(name: str, *, passed: bool, model: str = "m") -> Result:
    return judged(name, check(passed=passed, votes={"a": passed}), model=model)


def figures(results: list[Result], labels: Labels) -> LabelFigures:
    found = RunTally(results, labels=labels).tally.figures(1).checks.judging
    assert found is not None
    return found


# 60 answers that passed: 10 are labelled, and 8 of these are right. 40 that failed: 10 are labelled, and 1 is right.
RUN = [one(f"p{number}", passed=True) for number in range(60)] + [
    one(f"f{number}", passed=False) for number in range(40)
]
LABELS = labelled(
    *[(RUN[number], "anna", [number < 8]) for number in range(10)],
    *[(RUN[60 + number], "anna", [number < 1]) for number in range(10)],
)


def test_a_rate_is_corrected_by_what_people_say_of_either_side() -> None:
    found = figures(RUN, LABELS)
    passed, failed = Side(60, ((1, 1),) * 8 + ((0, 1),) * 2), Side(40, ((1, 1),) + ((0, 1),) * 9)
    expected = corrected_rate([Counted(judged_passed=1)] * 60 + [Counted(judged_failed=1)] * 40, passed, failed)
    rate = found.rate_of("m")
    assert rate is not None
    assert expected is not None
    assert rate.estimate == expected
    assert (rate.rate, rate.graded, rate.judged, rate.labels) == (0.6, 100, 100, 20)
    assert found.rate_of(None) is not None
    assert (found.labels, found.fitting, found.undecided, found.people) == (20, 20, 0, ("anna",))
    assert found.overall.figures is not None
    assert found.overall.figures.agreement.mean == pytest.approx(0.6 * 0.8 + 0.4 * 0.9)


def combined(name: str, *, says: bool) -> Result:
    """A run that passes whatever its judge says, which is the second check of the first one inside."""
    inner = replace(check("any_of"), checks=(check("contains"), check("judge", passed=says, votes={"a": says})))
    return judged(name, replace(check("all_of"), checks=(inner,)))


def test_a_judge_inside_of_a_combination_is_known_by_its_place() -> None:
    results = [combined(f"s{number}", says=number % 2 == 0) for number in range(20)]
    assert [key.check for key, _ in keyed_checks(results[0])] == [
        "all_of",
        "all_of/1 any_of",
        "all_of/1 any_of/1 contains",
        "all_of/1 any_of/2 judge",
    ]
    keys = [list(keyed_checks(each))[-1][0] for each in results]
    # Anna agrees but about the first two.
    labels = Labels(Label(key, (number % 2 == 0) != (number < 2), "anna") for number, key in enumerate(keys))
    found = figures(results, labels)
    assert (found.fitting, found.overall.answers, found.overall.labels) == (20, 20, 20)
    assert found.overall.figures is not None
    assert found.overall.figures.kappa is not None
    assert found.overall.figures.kappa.mean == pytest.approx(0.8)
    rate = found.rate_of("m")
    assert rate is not None
    assert (rate.judged, rate.estimate) == (0, None)
    assert rate.reason == "its judges are inside of combinations; label these, too, by --check NAME"


def test_where_no_judge_decides_there_is_nothing_to_correct() -> None:
    rate = figures([judged("a", check("contains"))], LABELS).rate_of("m")
    assert rate is not None
    assert rate.reason == "no judge decided a run"


def test_labels_hold_for_a_later_run_as_far_as_it_gave_the_same_answers() -> None:
    later = [
        *RUN[:65],
        *(judged(f"f{number}", check(passed=False, votes=NONE), answer="new") for number in range(5, 40)),
    ]
    found = figures(later, LABELS)
    assert (found.labels, found.fitting) == (20, 15)


def test_a_label_is_of_one_answer_to_one_scenario_by_one_check() -> None:
    result = judged("a", check(passed=True, votes=BOTH), check(passed=True, votes=BOTH), check("other", votes=BOTH))
    assert check_names(result.checks) == ["judge", "judge #2", "other"]
    assert answer_digest(result) == answer_digest(judged("b", answer="answer to a"))
    assert answer_digest(result) != answer_digest(judged("a", answer="another"))
    assert answer_digest(result).startswith("a")


def test_a_run_that_fails_whatever_the_judge_says_is_known() -> None:
    deterministic = check("contains", passed=False)
    known = [judged(f"k{number}", check(votes=BOTH), deterministic) for number in range(20)]
    late = [judged(f"t{number}", status="timeout") for number in range(5)]
    found = figures([*RUN, *known, *late, judged("e", status="error")], LABELS).rate_of("m")
    assert found is not None
    assert (found.graded, found.judged, found.labels) == (125, 100, 20)
    assert found.estimate is not None
    assert found.estimate.mean == pytest.approx((60 * 0.8 + 40 * 0.1) / 125)


def test_a_run_of_several_judged_checks_takes_labels_of_all_that_may_decide() -> None:
    result = judged("a", check(votes=BOTH), check(votes=BOTH))
    for said, labels in (([True, None], 0), ([True, True], 1), ([False, None], 1)):
        found = figures([result], labelled((result, "anna", said))).rate_of("m")
        assert found is not None
        assert found.labels == labels


def test_where_a_threshold_decides_a_label_counts_as_all_or_nothing() -> None:
    result = judged("a", check(passed=False, votes=NONE), check("contains"), threshold=0.5, status="passed")
    found = figures([result], labelled((result, "anna", [False, None]))).rate_of("m")
    assert found is not None
    assert found.judged == 0  # half of the score is there without the judge


def test_people_of_two_minds_decide_nothing_and_most_of_them_do() -> None:
    results = [one("a", passed=True), one("b", passed=True)]
    said = {"anna": (True, True), "ben": (False, False), "cleo": (None, False)}
    labels = labelled(*[(result, who, [said[who][place]]) for who in said for place, result in enumerate(results)])
    found = figures(results, labels)
    assert (found.fitting, found.undecided, found.overall.labels) == (2, 1, 1)
    assert found.people == ("anna", "ben", "cleo")
    assert found.people_alpha is not None


def test_a_check_that_no_model_judged_can_be_labelled_too() -> None:
    results = [judged(f"s{number}", check("similar", passed=number < 20)) for number in range(40)]
    labels = labelled(*[(result, "anna", [place % 20 < 15]) for place, result in enumerate(results)])
    found = figures(results, labels)
    assert found.overall.answers == 40
    assert found.rates[0].estimate is not None
    assert figures(results, Labels()).overall.answers == 0


def test_each_of_several_judges_has_a_kappa_of_its_own() -> None:
    results = [
        judged(f"s{number}", check(passed=number < 20, votes={"good": number < 20, "bad": number % 2 == 0}))
        for number in range(40)
    ]
    labels = labelled(*[(result, "anna", [place < 20]) for place, result in enumerate(results)])
    good, bad = sorted(figures(results, labels).judges, key=lambda judge: judge.judge, reverse=True)
    assert good.kappa is not None
    assert good.kappa.mean == pytest.approx(1)
    assert bad.kappa is not None
    assert bad.kappa.mean == pytest.approx(0)


def test_a_sample_that_was_taken_by_another_judges_verdicts_stands_for_what_that_one_judged() -> None:
    """The first judge passed 80, of which 10 are labelled, and failed 20, of which 10 are. The second passes all."""
    results = [judged(f"s{n}", check(votes={"second": True})) for n in range(100)]
    labels = [
        *(Label(label_keys(results[n])[0], n < 9, "anna", 8.0) for n in range(10)),
        *(Label(label_keys(results[80 + n])[0], n < 2, "anna", 2.0) for n in range(10)),
    ]
    found_figures = figures(results, Labels(labels))
    found = found_figures.rate_of("m")
    assert found is not None
    assert found.estimate is not None
    assert found.estimate.mean == pytest.approx((0.9 * 80 + 0.2 * 20) / 100)
    assert found.labels == 20

    assert not found.has_few_labels

    figures_of = found_figures.overall.figures
    assert figures_of is not None
    assert figures_of.agreement.mean == pytest.approx(0.76)
    # The two kinds of labels each stand for what is known of them: all of one, with their weights, leave 0.52 to 0.92.
    assert (figures_of.agreement.low, figures_of.agreement.high) == pytest.approx((0.55, 0.86), abs=0.01)

    unknown = [Label(label.key, label.passed, label.labeller) for label in labels]
    without = figures(results, Labels(unknown)).rate_of("m")
    assert without is not None
    assert without.estimate is not None
    assert without.estimate.mean == pytest.approx(11 / 20)


def test_a_judge_that_failed_hardly_any_labelled_answer_has_a_rate_by_the_labels_of_another() -> None:
    """The first judge passed 80 and failed 20, as before; of all labelled answers the second fails but two."""
    results = [judged(f"s{n}", check(passed=n < 88, votes={"second": n < 88})) for n in range(100)]
    labels = [
        *(Label(label_keys(results[n])[0], n < 9, "anna", 8.0) for n in range(10)),
        *(Label(label_keys(results[80 + n])[0], n < 2, "anna", 2.0) for n in range(10)),
    ]
    found = figures(results, Labels(labels))
    assert found.overall.figures is None
    assert found.overall.reason == "2 of 5 labels needed of answers that the judge failed"
    rate = found.rate_of("m")
    assert rate is not None
    assert rate.estimate is not None
    assert rate.estimate.mean == pytest.approx(0.76, abs=0.05)
    assert 0.4 < rate.estimate.low < rate.estimate.mean < rate.estimate.high < 0.95

    few = figures(results, Labels(labels[:9])).rate_of("m")
    assert few is not None
    assert (few.estimate, few.has_few_labels) == (None, False)
    assert few.reason == "0 of 5 labels needed of answers that the judge failed"


def test_a_rate_by_few_labels_says_so() -> None:
    """By fewer than were tried, or where only some are of the answers that most others are like."""
    full = figures(RUN, LABELS)
    fewer = figures(RUN, labelled(*[(RUN[n], "anna", [n < 60]) for n in (*range(9), *range(60, 70))]))
    all_of_few = figures(RUN[55:65], labelled(*[(each, "anna", [True]) for each in RUN[55:65]]))
    heavy = Labels(
        Label(label_keys(RUN[n])[0], n < 60, "anna", 20.0 if n < 4 else 2.0) for n in (*range(20), *range(60, 70))
    )
    told = [
        (found.rate_of("m"), few) for found, few in ((full, 0), (fewer, 1), (all_of_few, 0), (figures(RUN, heavy), 1))
    ]
    for rate, few in told:
        assert rate is not None
        assert rate.estimate is not None
        assert rate.has_few_labels == bool(few)


def test_an_answer_that_was_judged_both_ways_is_on_both_sides() -> None:
    results = [
        judged(f"s{n}", check(passed=passed, votes={"a": passed}), trial=trial)
        for n in range(40)
        for trial, passed in ((1, True), (2, n % 2 == 0))
    ]
    labels = labelled(*[(results[2 * n], "anna", [n % 4 < 3]) for n in range(40)], weight=1.0)
    found = figures(results, labels).rate_of("m")
    assert found is not None
    counted = [Counted(judged_passed=2 - n % 2, judged_failed=n % 2) for n in range(40)]
    right = [n % 4 < 3 for n in range(40)]
    sides = (
        Side(60, tuple(((2 - n % 2) * right[n], 2 - n % 2) for n in range(40))),
        Side(20, tuple((int(right[n]), 1) for n in range(1, 40, 2))),
    )
    # Of the 60 labels of one side 20 are of the answers that are all of the other.
    assert found.estimate == corrected_rate(counted, *sides, shared=sum([1 / 60] * 20))


@pytest.mark.parametrize("weight", [1.0, 1.5, 40.0, 123_456.0])
def test_a_weight_is_read_back_and_is_not_to_be_seen(weight: float) -> None:
    keys = [LabelKey(f"s.yaml::{n}", "judge", "a1") for n in range(50)]
    masked = [masked_weight(weight, key) for key in keys]
    assert len(set(masked)) > 45
    assert [unmasked_weight(text, key) for text, key in zip(masked, keys, strict=True)] == [
        pytest.approx(weight, rel=0.002)
    ] * 50
    assert unmasked_weight("5", keys[0]) is None


def test_labels_of_one_model_do_not_stand_for_another() -> None:
    other = [one(f"{side}{number}", passed=side == "p", model="n") for side in "pf" for number in range(50, 90)]
    found = figures([*RUN, *other], LABELS)
    assert found.rates[0].estimate is None
    assert found.rates[0].reason == "0 of the labels are of answers of n, 9 would be its share"
    assert found.rates[1].estimate is not None
    assert found.rates[2].reason == "0 of 5 labels needed of answers that the judge passed"


def test_gates_go_by_the_corrected_rate_and_by_kappa() -> None:
    tally = RunTally(RUN, labels=LABELS)
    rate, confident, kappa, relative = tally.judged(
        [
            parse_gate("pass_rate >= 0.55"),
            parse_gate("pass_rate >= 0.3 with 95% confidence"),
            parse_gate("judge_agreement >= 0.9"),
            parse_gate("pass_rate >= baseline"),
        ],
        before=RunTally(RUN),
    )[:4]
    assert rate.held is False
    assert rate.value == pytest.approx(0.52)
    assert rate.by_labels is not None
    assert (rate.by_labels.labels, rate.by_labels.uncorrected) == (20, 0.6)
    assert confident.held
    assert confident.bound is not None
    assert confident.bound < 0.5
    assert kappa.held is False
    assert kappa.value == pytest.approx((0.84 - 0.504) / (1 - 0.504))
    assert (relative.held, relative.value, relative.by_labels) == (True, 0.6, None)


def test_with_too_few_labels_gates_go_by_the_judges_and_say_why() -> None:
    few = labelled((RUN[0], "anna", [True]))
    rate, kappa = RunTally(RUN, labels=few).judged(
        [parse_gate("pass_rate >= 0.6"), parse_gate("judge_agreement >= 0")]
    )[:2]
    assert rate.held
    assert rate.by_labels is not None
    assert rate.by_labels.reason == "1 of 5 labels needed of answers that the judge passed"
    assert kappa.held is None
    assert kappa.reason == "1 of 5 labels needed of answers that the judge passed; label more answers"
    (without,) = RunTally(RUN).judged([parse_gate("judge_agreement >= 0")])[:1]
    assert str(without.reason).startswith("there are no labels: make some with `benchmodels label`")
