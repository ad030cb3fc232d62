"""Gates stand on runs with a verdict: too few of those that were to be made, and they do not hold."""

from __future__ import annotations

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, broken, hanging, json_report, junit_cases, right, wrong

GATE = "--bench-gate=pass_rate >= 90%"
PRICED = '[model.priced]\nprovider = "sim"\nname = "steady"\nprice = {input = 1000000, output = 0}\n'
REPLACES = "; asked by default: a gate such as 'graded >= 50%' replaces it"
SHARE = ", the share of runs with a verdict"


def test_where_the_budget_ends_early_no_gate_holds_in_silence(project: Project) -> None:
    project.write("bench.toml", PRICED)
    project.suite(*(right(f"s{number}") for number in range(10)), models=["priced"])
    spent = ("--bench-budget=0.5", "--bench-concurrency=1")

    outcome = project.bench(GATE, "--junitxml=j.xml", "--bench-json=b.json", "--bench-markdown=b.md", *spent)

    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    told = f"gate failed graded >= 95%: 0.100 (1/10){SHARE}{REPLACES}"
    outcome.stdout.fnmatch_lines(["gate held   pass_rate >= 90%: 1.000 (1/1), over 1 of 10 runs", told])
    failure = junit_cases(project.path / "j.xml")["graded >= 95%"].find("failure")
    assert failure is not None
    assert failure.text == told
    document = json_report(project.path / "b.json")
    verdict = document["gates"][1]
    assert (verdict["count"], verdict["total"], verdict["held"], verdict["implied"]) == (1, 10, False, True)
    assert document["run"]["planned"] == {"priced": 10}
    assert "1 of 2 gates held" in (project.path / "b.md").read_text("utf-8")

    assert project.bench(GATE, "--bench-gate=graded >= 10%", *spent).ret == pytest.ExitCode.OK
    assert project.bench(GATE, "--bench-gate=graded >= 0", *spent).ret == pytest.ExitCode.OK
    assert project.bench(GATE, "--bench-gate=graded > 10%", *spent).ret == pytest.ExitCode.TESTS_FAILED


def test_errors_are_no_verdicts_and_timeouts_are(project: Project) -> None:
    project.suite(right("a"), broken("b"), hanging("c"), wrong("d"), right("e", skip="later"))

    outcome = project.bench("--bench-gate=pass_rate >= 30%")

    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    outcome.stdout.fnmatch_lines(
        [
            "gate held   pass_rate >= 30%: 0.333 (1/3), over 3 of 4 runs",
            f"gate failed graded >= 95%: 0.750 (3/4){SHARE}*",
        ]
    )


def test_each_model_is_asked_where_a_gate_asks_each(project: Project) -> None:
    project.write("bench.toml", '[model.bad]\nprovider = "sim"\nname = "steady"\nparams = {sim = {status = 400}}\n')
    project.suite(*(right(f"s{number}") for number in range(3)), models=["sim/steady", "bad"])
    each = "--bench-gate=error_rate <= 100% @ *"

    outcome = project.bench(each)

    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    way_out = "; asked by default: a gate such as 'graded >= 50% @ bad' replaces it"
    outcome.stdout.fnmatch_lines(
        [
            f"gate failed graded >= 95% @ [*] (bad): 0.000 (0/3){SHARE}{way_out}",
            f"gate held   graded >= 95% @ [*] (sim/steady): 1.000 (3/3){SHARE}",
        ]
    )
    assert project.bench(each, "--bench-gate=graded >= 0 @ bad").ret == pytest.ExitCode.OK
    assert project.bench("--bench-gate=pass_rate == 1 @ sim/steady").ret == pytest.ExitCode.OK


def test_what_was_never_started_was_to_be_run(project: Project) -> None:
    project.suite(wrong("a"), *(right(f"s{number}") for number in range(9)))

    outcome = project.bench("-x", "--bench-concurrency=1", "--bench-gate=pass_rate >= 0")

    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    outcome.stdout.fnmatch_lines([f"gate failed graded >= 95%: 0.* (*/10){SHARE}*"])


def test_what_is_deselected_was_not_to_be_run(project: Project) -> None:
    project.suite(*(right(f"s{number}") for number in range(4)))
    outcome = project.bench("-k", "s1", GATE)
    assert outcome.ret == pytest.ExitCode.OK
    outcome.stdout.fnmatch_lines([f"gate held   graded >= 95%: 1.000 (1/1){SHARE}"])


def test_a_missing_answer_is_no_verdict_either(project: Project) -> None:
    project.suite(right("a"))
    project.bench()
    project.suite(right("a"), right("b", prompt="What is 3 + 1?"))
    outcome = project.bench("--bench-regrade", GATE)
    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    outcome.stdout.fnmatch_lines([f"gate failed graded >= 95%: 0.500 (1/2){SHARE}*"])


def test_the_command_knows_what_was_never_started(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(wrong("a"), *(right(f"s{number}") for number in range(9)))
    project.bench("-x", "--bench-concurrency=1", "--bench-json=b.json")
    monkeypatch.chdir(project.path)
    for run in ("latest", "b.json"):
        capsys.readouterr()
        assert main(["gate", run, "pass_rate >= 0"]) == 1
        assert "/10), the share of runs with a verdict; asked by default" in capsys.readouterr().out
    assert main(["gate", "latest", "pass_rate >= 0", "graded >= 0"]) == 0


def test_a_baseline_of_another_suite_is_called_so(project: Project) -> None:
    project.suite(right("a"), right("b"), right("gone"))
    project.bench()
    project.suite(right("a"), right("b"), right("new"), right("newer"))
    outcome = project.bench("--bench-compare=latest", "--bench-gate=pass_rate >= baseline")
    assert outcome.ret == pytest.ExitCode.OK
    outcome.stdout.fnmatch_lines(
        [
            (
                "gate held   pass_rate >= baseline: 1.000 (4/4), baseline 1.000, over 4 of 4 runs, "
                "3 scenarios are in only one of the two"
            )
        ]
    )
