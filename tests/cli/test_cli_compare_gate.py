"""`benchmodels compare` and `benchmodels gate`: whose answer is the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.result import Result
from tests.cli.cli_parts import made_store, result, run_command, usual_store

Capture = pytest.CaptureFixture[str]

GRADED = "gate held   graded >= 95%: 1.000 (12/12), the share of runs with a verdict"


def results(passed: int, failed: int) -> list[Result]:
    return [result(f"s{number}", "passed" if number < passed else "failed") for number in range(passed + failed)]


@pytest.fixture
def runs(folder: Path) -> list[str]:
    """The first with 12 of 12 passed, the second with 2 of 12."""
    return made_store(usual_store(folder), results(12, 0), results(2, 10))


def test_what_got_worse_is_status_1(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "compare", "-2", "latest")

    assert done.status == 1
    assert done.out.startswith(f"run {runs[1]} compared with run {runs[0]}:\nmodel ")
    assert "m: got worse: 10 scenarios\n" in done.out
    assert "\n  suite.yaml::s2  1/1 -> 0/1\n" in done.out


def test_what_got_better_is_status_0(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "compare", runs[1], runs[0])

    assert done.status == 0
    assert "m: got better: 10 scenarios\n" in done.out


def test_what_chance_explains_is_status_0_and_says_what_would_settle_it(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), results(12, 0), results(11, 1))

    done = run_command(capsys, "compare", "-2", "-1")

    assert done.status == 0
    assert "m: inconclusive: about " in done.out
    assert " more scenarios would be needed" in done.out


def test_compare_as_json(runs: list[str], capsys: Capture) -> None:
    document = run_command(capsys, "compare", "-2", "-1", "--json").document

    assert (document["before"], document["after"], document["worse"]) == (f"run {runs[0]}", f"run {runs[1]}", True)
    assert document["models"][0]["verdict"] == "worse"


def test_a_file_is_compared_like_a_run(runs: list[str], capsys: Capture) -> None:
    assert run_command(capsys, "report", "-2", "--json", "old.json").status == 0

    done = run_command(capsys, "compare", "old.json", "latest")

    assert done.status == 1
    assert done.out.startswith(f"run {runs[1]} compared with old.json:\n")


def test_a_file_that_is_none_is_a_line(folder: Path, capsys: Capture) -> None:
    (folder / "bad.json").write_text("[1")

    done = run_command(capsys, "compare", "bad.json", "bad.json")

    assert done.status == 2
    assert done.err.startswith("benchmodels: error: file 'bad.json' is no file that --bench-json wrote: ")


def test_a_gate_that_holds_is_status_0(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "gate", "-2", "pass_rate >= 0.9")

    assert done == (0, f"gate held   pass_rate >= 0.9: 1.000 (12/12), over 12 of 12 runs\n{GRADED}\n", "")


def test_one_gate_that_does_not_hold_is_status_1(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "gate", "latest", "pass_rate >= 0.9", "error_rate == 0")

    assert done.status == 1
    assert done.out == (
        "gate failed pass_rate >= 0.9: 0.167 (2/12), over 12 of 12 runs\n"
        f"gate held   error_rate == 0: 0.000 (0/12), over 12 of 12 runs\n{GRADED}\n"
    )


def test_a_gate_against_a_baseline(runs: list[str], capsys: Capture) -> None:
    rule = "pass_rate >= baseline - 0.02"

    assert run_command(capsys, "gate", "latest", rule, "--baseline", "-2").status == 1
    assert run_command(capsys, "gate", "-2", rule, "--baseline", "-1").status == 0


def test_gate_as_json(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "gate", "latest", "cost < $1 @ *", "--json")

    assert done.status == 1
    assert done.document["held"] is False
    assert done.document["gates"][0]["gate"] == "cost < $1 @ *"
    assert done.document["gates"][0]["model"] == "m"
    assert done.document["gates"][0]["value"] == 3.0


def test_all_rules_that_are_none_are_told_at_once(runs: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "gate", "latest", "pass >= 1", "score >= baseline", "cost < 1")

    assert (done.status, done.out) == (2, "")
    first, second = done.err.splitlines()
    assert first.startswith("benchmodels: error: gate 'pass >= 1', column 1: expected a metric")
    assert second == (
        "benchmodels: error: gate 'score >= baseline': there is no baseline; name one with --baseline RUN"
    )
