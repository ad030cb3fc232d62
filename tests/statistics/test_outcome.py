from __future__ import annotations

import math

import pytest

from pytest_benchmodels.core.result import Status
from pytest_benchmodels.statistics.outcomes import Outcome, Standing, standings
from tests.core.made_results import made


def test_an_outcome_keeps_the_node_id_without_its_model() -> None:
    result = made("a/b.yaml::x[one][sim/m#2]", "x[one]", "sim/m", 2, "passed", 0.0, 1.0, score=1.0, cached=True)
    assert Outcome.of(result) == Outcome("a/b.yaml::x[one]", "sim/m", 2, "passed", score=1.0, cached=True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("passed", Standing(passed=1, graded=1)),
        ("failed", Standing(graded=1)),
        ("timeout", Standing(graded=1)),
        ("error", Standing(errors=1)),
    ],
)
def test_each_status_is_counted_as_what_it_tells(status: Status, expected: Standing) -> None:
    assert standings([Outcome("s", "m", 1, status)]) == {"m": {"s": expected}}


def test_a_skipped_run_says_nothing() -> None:
    assert standings([Outcome("s", "m", 1, "skipped")]) == {}


def test_trials_are_pooled() -> None:
    runs = [Outcome("s", "m", 1, "passed", 1.0), Outcome("s", "m", 2, "failed", 0.5, cached=True)]
    standing = standings(runs)["m"]["s"]
    assert standing == Standing(passed=1, graded=2, cached=1, scored=2, score_sum=1.5)
    assert (standing.rate, standing.score) == (0.5, 0.75)


def test_nothing_has_a_rate_and_a_score_of_zero() -> None:
    assert (Standing().rate, Standing().score) == (0.0, 0.0)


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1e308])
def test_a_score_out_of_bounds_does_not_count(score: float) -> None:
    assert standings([Outcome("s", "m", 1, "failed", score)])["m"]["s"].scored == 0
