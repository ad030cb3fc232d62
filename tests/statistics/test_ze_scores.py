"""The scores of ze-benchmarks, by hand-computed cases."""

from __future__ import annotations

import pytest

from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.statistics.ze_scores import ZeScoring, original_score, original_success

OVERRIDES = {"install_success": 1.0, "tests_nonregression": 1.5, "manager_correctness": 1.0, "llm_judge": 1.0}


@pytest.mark.parametrize(
    ("judge", "heuristics", "weights", "score"),
    [
        (1.0, 1.0, {}, 10.0),
        (1.0, 0.0, {}, 5.0),  # a scenario without heuristics
        (1.0, 0.0, OVERRIDES, 10 / 5.5),  # 1.82: its zero metrics weigh 3.5
        (0.0, 0.0, {}, 0.0),
        (0.5, 0.5, {"llm_judge": 3.0, "efficiency": 9.0}, 5.0),  # no metric has that name
    ],
)
def test_the_original_score(judge: float, heuristics: float, weights: dict[str, float], score: float) -> None:
    assert original_score(judge, heuristics, weights) == pytest.approx(score)


@pytest.mark.parametrize(
    ("judge", "heuristics", "installed", "expected"),
    [
        (0.7, 0.0, True, (True, 0.7)),  # a zero is left out
        (0.7, 0.5, True, (False, 0.6)),
        (1.0, 1.0, False, (False, 1.0)),
        (0.0, 0.0, True, (False, 0.0)),
    ],
)
def test_the_original_success(judge: float, heuristics: float, installed: bool, expected: tuple[bool, float]) -> None:  # noqa: FBT001 - a case
    success, metric = original_success(judge, heuristics, installed=installed)

    assert success is expected[0]
    assert metric == pytest.approx(expected[1])


def verdict(name: str, score: float, weight: float = 1.0, said: str = "") -> CheckResult:
    votes = (Vote("j", score, passed=True, verdict=said),) if said else ()
    return CheckResult(name, score, score >= 0.7, "", weight, votes=votes)


JUDGED = (
    verdict("install", 1.0),
    verdict("test", 0.0),
    verdict("heuristic_checks: there", 1.0),
    verdict("heuristic_checks: no_blue", 1.0, 3.0),
    verdict("llm_judge", 0.8, said="Colour 5, and more 3, Edges 3"),
)


def test_the_true_score_counts_all_and_says_what_the_original_would() -> None:
    scoring = ZeScoring(
        categories=("Colour", "and more", "Edges"),
        inverted=frozenset({"heuristic_checks: no_blue"}),
        has_install=True,
    )

    grade = scoring.grade("m", JUDGED)

    judge, heuristics = (1 + 0.5 + 0.5) / 3, 1 / 4  # categories alike; the pattern was not found
    assert grade.measures == {
        "true": pytest.approx(10 * (1 + 0 + 1 + 0.8) / 4),
        "original": pytest.approx(10 * (judge + heuristics) / 2),
        "original_metric": pytest.approx((judge + heuristics) / 2),
        "original_success": 0.0,
    }
    assert grade.score == pytest.approx(0.7)
    assert grade.passed
    assert grade.explanation.startswith("7.00 of 10 (install 1.00, test 0.00, llm_judge 0.80, heuristic_checks 1.00)")


def test_weights_of_the_file_hold_for_what_they_are_meant_for() -> None:
    scoring = ZeScoring(weights={"tests_nonregression": 0.0, "llm_judge": 2.0}, has_install=True)

    assert scoring.grade("m", JUDGED).score == pytest.approx((1 + 1 + 2 * 0.8) / 4)


def test_nothing_passes_whose_install_failed() -> None:
    scoring = ZeScoring(has_install=True)

    assert not scoring.grade("m", (verdict("install", 0.0), *JUDGED[2:], *[verdict("lint", 1.0)])).passed


def test_the_originals_own_score_decides_in_its_mode() -> None:
    grade = ZeScoring(original=True, has_install=True).grade("m", (JUDGED[0], JUDGED[4]))

    assert grade.score == pytest.approx(0.4)
    assert grade.passed
    assert "true" not in grade.measures


def test_a_templates_weights_scale_the_score() -> None:
    grade = ZeScoring(models={"m": 0.4}).grade("m", JUDGED)

    assert grade.measures["weighted"] == pytest.approx(10 * grade.score * 0.4)


@pytest.mark.parametrize(
    ("network", "passed", "told"), [(False, False, True), (False, True, False), (True, False, False)]
)
def test_an_install_that_failed_without_network_says_so(network: bool, passed: bool, told: bool) -> None:  # noqa: FBT001 - parameters of pytest's
    install = CheckResult("install", float(passed), passed, "")

    grade = ZeScoring(has_install=True, network=network).grade("m", (install,))

    assert ("write network = true into [ze] of bench.toml" in grade.explanation) is told
