from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.result import CheckResult, Status, passes, rule_of, total
from tests.core.made_results import made


def verdict(score: float, weight: float = 1.0, *, passed: bool | None = None) -> CheckResult:
    return CheckResult("c", score, passed=score == 1 if passed is None else passed, explanation="", weight=weight)


def test_a_sum_in_floating_point_decides_nothing() -> None:
    met = [verdict(1, 0.1), verdict(0, 0.2), verdict(1, 0.7)]
    assert 0.1 + 0.7 < 0.8
    assert total(met) == 0.8
    assert passes(met, 0.8)
    assert not passes(met, 0.8001)


def test_what_a_grader_worked_out_is_taken_for_what_it_stands_for() -> None:
    assert total([verdict(1 / 3), verdict(2 / 3), verdict(0.1 + 0.2)]) == pytest.approx(1.3 / 3, abs=0)
    assert passes([verdict(1 / 3)] * 7, 1 / 3)
    assert passes([verdict(0.9999999999999999)], 1.0)
    assert not passes([verdict(2 / 3)], 0.667)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), min_size=1), st.integers(0, 1000), st.integers(0, 4))
def test_decimal_weights_and_thresholds_are_exact(checks: list[tuple[bool, int]], threshold: int, digits: int) -> None:
    scale = 10**digits
    verdicts = [verdict(float(met), weight / scale) for met, weight in checks]
    all_of_it = sum(weight for _, weight in checks)
    exact = Fraction(sum(weight for met, weight in checks if met), all_of_it) if all_of_it else Fraction(1)
    assert total(verdicts) == float(exact)
    assert passes(verdicts, threshold / 1000) == (exact >= Fraction(threshold, 1000))


def test_a_checks_own_limit_counts_where_there_is_no_threshold() -> None:
    similar = verdict(0.85, passed=True)
    assert passes([similar, verdict(1)], None)
    assert not passes([similar, verdict(1)], 1.0)
    assert passes([similar, verdict(0, weight=0)], None)
    assert not passes([similar, verdict(0.99)], None)


def test_the_least_weight_counts_and_none_does_not() -> None:
    assert not passes([verdict(1), verdict(0, weight=1e-12)], None)
    assert not passes([verdict(1), verdict(0, weight=1e-12)], 1.0)
    assert passes([verdict(1), verdict(0, weight=0)], 1.0)


@pytest.mark.parametrize("verdicts", [[], [verdict(0, weight=0)], [verdict(0, weight=0), verdict(1, weight=0)]])
@pytest.mark.parametrize("threshold", [None, 0.0, 1.0])
def test_where_nothing_counts_any_answer_passes(verdicts: list[CheckResult], threshold: float | None) -> None:
    assert total(verdicts) == 1.0
    assert passes(verdicts, threshold)


@pytest.mark.parametrize(
    ("status", "threshold", "checks", "rule"),
    [
        ("passed", None, (verdict(1),), "checks"),
        ("failed", 0.8, (verdict(0),), "threshold"),
        ("passed", 0.8, (verdict(0, weight=0),), None),
        ("passed", None, (), None),
        ("timeout", 0.8, (verdict(1),), None),
        ("error", None, (verdict(1),), None),
    ],
)
def test_what_decided(
    status: Status, threshold: float | None, checks: tuple[CheckResult, ...], rule: str | None
) -> None:
    result = made("s.yaml::s[m]", "s", "m", 1, status, 0.0, 0.0, threshold=threshold, checks=checks)
    assert rule_of(result) == rule
