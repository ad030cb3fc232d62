from __future__ import annotations

import pytest

from pytest_benchmodels.core.result import Failure, Result, Status
from pytest_benchmodels.statistics.gates import implied_gates, parse_gates
from pytest_benchmodels.statistics.outcomes import Coverage, CoverageTally
from tests.core.made_results import made


def result(name: str, model: str = "m", status: Status = "passed", kind: str = "") -> Result:
    error = Failure(kind, "") if kind else None
    return made(f"s.yaml::{name}[{model}]", name, model, 1, status, 0.0, 0.0, error=error)


def tally(*results: Result) -> CoverageTally:
    counted = CoverageTally()
    for each in results:
        counted.add(each)
    return counted


def test_only_what_was_left_out_on_purpose_was_not_to_be_run() -> None:
    counted = tally(
        result("a"),
        result("b", status="skipped", kind="skip"),
        result("c", status="skipped", kind="budget"),
        result("d", status="skipped", kind="not-stored"),
        result("e", status="error", kind="auth"),
        result("f", "other", "timeout", "timeout"),
    )
    assert counted.coverage() == Coverage({"m": 4, "other": 1}, 5)


def test_what_never_began_is_known_by_name_or_by_number() -> None:
    counted = tally(result("a"), result("b", status="skipped", kind="skip"))
    nodeids = [f"s.yaml::{name}[m]" for name in "abcd"] + ["s.yaml::a[n#1]", "s.yaml::a[n#2]"]
    assert counted.coverage(nodeids) == Coverage({"m": 3, "n": 2}, 5)
    assert counted.coverage(unnamed=7) == Coverage({"m": 1}, 8)
    assert counted.coverage().at_least({"m": 3, "n": 2}) == Coverage({"m": 3, "n": 2}, 5)
    assert counted.coverage().of("unknown") == 0


@pytest.mark.parametrize(
    ("gates", "implied"),
    [
        ([], []),
        (["score > 0"], ["graded >= 95%"]),
        (["score > 0", "cost < 1"], ["graded >= 95%"]),
        (["score > 0 @ *", "cost < 1", "cost < 1 @ m"], ["graded >= 95% @ *"]),
        (["score > 0 @ m", "cost < 1"], ["graded >= 95%", "graded >= 95% @ m"]),
        (["score > 0 @ m", "cost < 1 @ n"], ["graded >= 95% @ m", "graded >= 95% @ n"]),
        (["score > 0", "graded >= 50%"], []),
        (["score > 0 @ *", "graded >= 0 @ *"], []),
        (["score > 0 @ m", "cost < 1 @ n", "graded >= 0 @ m"], ["graded >= 95% @ n"]),
        (["graded >= 50% @ m"], []),
    ],
)
def test_what_gates_imply(gates: list[str], implied: list[str]) -> None:
    assert [gate.text for gate in implied_gates(parse_gates(gates))] == implied
