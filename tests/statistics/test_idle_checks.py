from __future__ import annotations

import pytest

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.statistics.idle_checks import CheckName, IdleChecks, IdleTally
from tests.statistics.judged_results import judged


def said(name: str, summary: str, *, passed: bool) -> CheckResult:
    return CheckResult(name, float(passed), passed, "", summary=summary)


def found(results: list[Result]) -> IdleChecks:
    tally = IdleTally()
    for result in results:
        tally.add(result)
    return tally.found()


def runs(count: int, *, failing: int = 0) -> list[Result]:
    return [
        judged(
            f"s{number}",
            said("max_words", "max_words 200", passed=True),
            said("json", "json", passed=number >= failing),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("count", "names"), [(19, []), (20, ["max_words 200"])])
def test_a_check_that_never_failed_is_told_from_20_runs_on(count: int, names: list[str]) -> None:
    assert [check.name.check for check in found(runs(count, failing=1)).never_failed] == names


def test_what_both_passed_and_failed_tells_something_and_what_never_passed_does_not() -> None:
    never = found(runs(20, failing=20)).never_passed
    assert [(check.name, check.runs) for check in never] == [(CheckName("suite.yaml", "json"), 20)]
    some = found(runs(20, failing=1))
    assert some.never_passed == ()
    assert some.agreeing == ()


@pytest.mark.parametrize(("failing", "pairs"), [(2, 0), (3, 1), (17, 1), (18, 0)])
def test_two_that_always_agree_need_three_verdicts_of_each_kind(failing: int, pairs: int) -> None:
    results = [
        judged(f"s{number}", *(said(name, f"{name} 1", passed=number >= failing) for name in ("equals", "number")))
        for number in range(20)
    ]
    agreeing = found(results).agreeing
    assert [(pair.first.check, pair.second.check, pair.runs) for pair in agreeing] == [
        ("equals 1", "number 1", 20)
    ] * pairs
    results.append(judged("x", said("equals", "equals 1", passed=True), said("number", "number 1", passed=False)))
    assert found(results).agreeing == ()


def test_a_check_is_known_by_its_authors_name_else_by_what_it_asks_and_by_its_file() -> None:
    named = [judged(f"s{number}", said("polite", f"contains 'word {number}'", passed=True)) for number in range(20)]
    unnamed = [judged(f"s{number}", said("contains", f"contains 'word {number}'", passed=True)) for number in range(20)]
    turns = [judged(f"s{number}", said("turn 2: json", "not json", passed=True)) for number in range(20)]
    assert [check.name.check for check in found(named).never_failed] == ["polite"]
    assert not found(unnamed)
    assert [check.name.check for check in found(turns).never_failed] == ["turn 2: not json"]


def test_runs_without_a_verdict_say_nothing() -> None:
    late = [judged(f"s{number}", said("json", "json", passed=True), status="timeout") for number in range(30)]
    assert not found(late)
