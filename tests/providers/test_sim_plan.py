from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.sim.knobs import PRESETS, KnobError, Knobs, turn
from pytest_benchmodels.providers.sim.reply import Asked, Plan, decide, draws, lognormal, own_answer, wrong_answer


def plans(knobs: Knobs, number: int, attempt: int = 1) -> list[Plan]:
    return [decide(Asked(f"prompt {n}", "?", "42", attempt=attempt), knobs) for n in range(number)]


def test_the_same_request_has_the_same_plan() -> None:
    knobs = Knobs(accuracy=0.5, rate_429=0.5)

    assert plans(knobs, 50) == plans(knobs, 50)
    assert plans(knobs, 50) != plans(turn(knobs, {"seed": 1}), 50)


def test_known_draws_stay_what_they_are() -> None:
    """Results of old runs are compared with new ones: the draws are part of the public behaviour."""
    assert [round(draw, 6) for draw in draws(0, 1, "prompt")] == [0.647093, 0.975311, 0.636288, 0.095935]


def test_accuracy_is_the_share_of_right_answers() -> None:
    right = sum(plan.text == "42" for plan in plans(Knobs(accuracy=0.9), 2000))

    assert 1750 < right < 1850


def test_what_a_model_knows_does_not_change_with_the_attempt() -> None:
    knobs = Knobs(accuracy=0.5)

    assert [plan.text for plan in plans(knobs, 100)] == [plan.text for plan in plans(knobs, 100, attempt=2)]


def test_trials_differ() -> None:
    texts = {decide(Asked("p", "?", "42", trial=trial), Knobs(accuracy=0.5)).text == "42" for trial in range(20)}

    assert texts == {True, False}


def test_latency_is_lognormal_around_its_median() -> None:
    delays = [plan.delay_s for plan in plans(Knobs(latency=0.5, sigma=0.6), 2000)]

    assert 0.47 < statistics.median(delays) < 0.53
    assert 0.57 < statistics.stdev(map(math.log, delays)) < 0.63


def test_the_slow_model_takes_seconds() -> None:
    delays = [plan.delay_s for plan in plans(PRESETS["slow"], 1000)]

    assert sum(1 <= delay <= 4 for delay in delays) > 980
    assert max(delays) < 6


def test_faults_come_at_their_rates_and_one_at_a_time() -> None:
    knobs = Knobs(rate_429=0.1, rate_500=0.1, hang_rate=0.1, reset_rate=0.1, truncate_rate=0.1, malformed_rate=0.1)
    faults = [plan.fault for plan in plans(knobs, 3000)]

    for fault in ("429", "500", "hang", "reset", "truncate", "malformed"):
        assert 240 < faults.count(fault) < 360
    assert 1100 < faults.count(None) < 1300


@pytest.mark.parametrize("fault", ["garbage", "endless"])
def test_a_switched_on_fault_strikes_every_attempt_until_it_recovers(fault: str) -> None:
    knobs = turn(Knobs(), {fault: True, "recover_after": 1})

    assert {plan.fault for plan in plans(knobs, 20)} == {fault}
    assert {plan.fault for plan in plans(knobs, 20, attempt=2)} == {None}


def test_the_flaky_model_fails_now_and_then_and_never_a_third_time() -> None:
    first = sum(plan.fault is not None for plan in plans(PRESETS["flaky"], 1000))

    assert 150 < first < 250
    assert all(plan.fault is None for plan in plans(PRESETS["flaky"], 1000, attempt=3))


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What is 2 + 2?", "4"),
        ("7*-6", "-42"),
        ("3 × 5", "15"),  # noqa: RUF001 - what people write
        ("10 - 4 please", "6"),
        ("7 / 2", "3.5"),
        ("1 / 0", "Division by zero has no result."),
        ("Name a colour.", "This is a simulated answer."),
        ("", "This is a simulated answer."),
    ],
)
def test_without_the_right_answer_it_says_what_it_can(prompt: str, answer: str) -> None:
    assert own_answer(prompt) == answer


@pytest.mark.parametrize(
    "right", ["42", "1", "-3", "B", "b", "yes", "True", "The answer is 18.", "Paris", "", "{}", '{"a": 1}']
)
def test_a_wrong_answer_does_not_hold_the_right_one(right: str) -> None:
    for step in range(20):
        wrong = wrong_answer(right, step / 20)
        assert wrong != right
        assert not right or right.lower() not in wrong.lower()


def test_a_wrong_number_is_a_number_and_a_wrong_letter_a_letter() -> None:
    assert wrong_answer("18", 0.0) == "19"
    assert wrong_answer("The answer is 18.", 0.5) == "The answer is 23."
    assert {wrong_answer("B", step / 10) for step in range(11)} == {"A", "C", "D"}
    assert wrong_answer("yes", 0.3) == "no"


@given(st.text(), st.floats(0, 1))
def test_any_answer_has_a_wrong_one(right: str, draw: float) -> None:
    assert wrong_answer(right, draw) != right


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_latency_is_a_time(one: float, two: float) -> None:
    assert 0 <= lognormal(0.5, 0.6, one, two) < math.inf


@pytest.mark.parametrize(
    ("given_knobs", "message"),
    [
        ({"latncy": 1}, r"unknown sim knob 'latncy'; did you mean 'latency'\? \(known: latency, sigma, "),
        ({"zzz": 1}, r"unknown sim knob 'zzz' \(known: latency, "),
        ({"latency": "1"}, "sim knob 'latency' takes a number from 0 to 3600, not '1'"),
        ({"latency": -1}, "sim knob 'latency' takes a number from 0 to 3600, not -1"),
        ({"accuracy": 1.5}, "sim knob 'accuracy' takes a number from 0 to 1, not 1.5"),
        ({"accuracy": True}, "sim knob 'accuracy' takes a number from 0 to 1, not True"),
        ({"accuracy": math.nan}, "sim knob 'accuracy' takes a number from 0 to 1, not nan"),
        ({"seed": 1.5}, "sim knob 'seed' takes a whole number"),
        ({"huge": 2**40}, "sim knob 'huge' takes a whole number from 0 to 268435456, not 1099511627776"),
        ({"text": 4}, "sim knob 'text' takes a text, not 4"),
        ({"bucket": 4}, "sim knob 'bucket' takes a text, not 4"),
        ({"endless": 1}, "sim knob 'endless' takes true or false, not 1"),
        ({"limit_rpm": 0}, "sim knob 'limit_rpm' takes a whole number from 1 to 1000000, not 0"),
        ({"interim": True}, "sim knob 'interim' takes a whole number from 0 to 10000, not True"),
        ({"status": 100}, "sim knob 'status' takes a whole number from 200 to 599, not 100"),
        ({"rate_429": 0.6, "rate_500": 0.6}, "the rates of the simulated faults add up to more than 1: lower one of"),
    ],
)
def test_a_knob_that_cannot_be_turned(given_knobs: dict[str, object], message: str) -> None:
    with pytest.raises(KnobError, match=message):
        turn(Knobs(), given_knobs)
