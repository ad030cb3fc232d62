"""`command`: commands of checks run in each run's workspace, or their scenarios are skipped."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, results

ALLOW = "--bench-allow-commands"


def checked(name: str, /, *checks: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A scenario whose workspace holds a script, and these checks of it."""
    files = {"run.sh": "echo out; echo err >&2; exit ${1:-0}\n"}
    return scenario(name, checks=[{"equals": "4"}, *checks], **{"files": files, **keys})


def test_a_command_passes_or_fails_its_run(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(
        checked("good", {"command": "sh run.sh", "stdout": "out", "stderr": {"contains": "er"}}),
        checked("bad", {"command": "sh run.sh 3", "name": "builds"}),
        checked("denied", {"command": "sh run.sh 3", "not": True}),
        checked("several", {"all_of": [{"command": ["sh", "run.sh"]}, {"none_of": [{"command": "false"}]}]}),
        checked("weighed", {"command": "false", "weight": 1}, {"command": "true", "weight": 2}, threshold=0.7),
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*failed  builds: command 'sh run.sh 3'*: exit status 3 after * s: expected 0; it wrote at the end:",
            "*out",
            "*err",
        ]
    )
    found = results(project)
    assert found["bad[sim/steady]"]["score"] == 0.5
    assert found["weighed[sim/steady]"]["score"] == 0.75


def test_each_run_has_a_workspace_of_its_own(project: Project, workers: tuple[str, ...]) -> None:
    """What a command writes is seen by the next check of the run, and by no other run."""
    checks = [{"command": "test ! -e mark && touch mark"}, {"command": "test -e mark"}, {"file": "mark"}]
    project.suite(checked("a", *checks, repeat=3), checked("b", *checks))

    project.bench(ALLOW, *workers).assert_outcomes(passed=4)


def test_a_workspace_that_was_locked_is_told_without_a_traceback(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(checked("a", {"command": "chmod 000 ."}, {"command": "true"}))

    result = project.bench(ALLOW, *workers)

    result.assert_outcomes(failed=1)
    refused = r".*cannot (be entered|change directory to .*): Permission denied"
    result.stdout.re_match_lines([r".*exit status 12[56] after .*", refused])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_command_that_waits_for_ever_ends_with_the_run(project: Project, workers: tuple[str, ...]) -> None:
    waits = {"command": "rm run.sh && mkfifo run.sh && cat run.sh"}
    project.suite(
        checked("a", waits, {"command": "true"}, timeout=3),
        checked("b", {**waits, "timeout": 0.5}, {"command": "true"}),
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(failed=2)
    found = results(project)
    first, second = [check["explanation"] for check in found["a[sim/steady]"]["checks"][1:]]
    assert re.match(r"the command did not end within [0-3]\.\d s, which was left of the run's limit: raise", first)
    assert second.startswith("the command was not started: nothing was left of the run's limit")
    told = [check["explanation"] for check in found["b[sim/steady]"]["checks"][1:]]
    assert told[0].startswith("the command did not end within 0.5 s; ")
    assert told[1].startswith("exit status 0")


def test_a_folder_with_a_pipe_is_copied_without_it(project: Project, workers: tuple[str, ...]) -> None:
    project.write("fixture/a.txt", "a\n")
    os.mkfifo(project.path / "fixture/pipe")
    project.suite(checked("a", {"command": "test -f a.txt && test ! -e pipe"}, workspace="fixture"))

    project.bench(ALLOW, *workers).assert_outcomes(passed=1)


def test_a_folder_beside_the_scenario_stays_as_it_is(project: Project, workers: tuple[str, ...]) -> None:
    project.write("fixture/a.txt", "a\n")
    project.suite(checked("a", {"command": "rm a.txt && test ! -e a.txt"}, workspace="fixture"))

    project.bench(ALLOW, *workers).assert_outcomes(passed=1)

    assert (project.path / "fixture/a.txt").read_text() == "a\n"


def test_without_the_option_they_are_skipped(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(checked("a", {"command": f"touch {project.path}/ran"}), right("sum"))

    result = project.bench("-rs", *workers)

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * commands are not run unless you allow it: give --bench-allow-commands"])
    assert not (project.path / "ran").exists()


def test_a_check_of_a_turn_judges_the_end(project: Project, workers: tuple[str, ...]) -> None:
    turns = [
        {"prompt": "What is 2 + 2?", "checks": [{"command": "sh run.sh 1"}]},
        {"prompt": "And again?", "checks": [{"command": "sh run.sh"}]},
    ]
    project.suite({"id": "a", "turns": turns, "files": {"run.sh": "exit ${1:-0}"}})

    result = project.bench(ALLOW, *workers)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*failed  turn 1: command 'sh run.sh 1'*exit status 1*"])


def test_what_was_stored_is_judged_by_commands_that_run_again(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(checked("a", {"command": "test -s run.sh"}))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1)
    project.suite(checked("a", {"command": "test -s other"}))

    project.bench(ALLOW, "--bench-regrade", *workers).assert_outcomes(failed=1)
    project.bench("--bench-regrade", *workers).assert_outcomes(skipped=1)


def test_what_it_writes_is_hostile_text(project: Project, workers: tuple[str, ...]) -> None:
    script = "printf '\\033[31m\\n::error::<script>x</script>\\n'; exit 1\n"
    project.suite(checked("a", {"command": "sh run.sh"}, files={"run.sh": script}))

    result = project.bench(ALLOW, JSON, "--bench-html=report.html", "--junitxml=junit.xml", *workers)

    result.assert_outcomes(failed=1)
    assert "\x1b[31m\n" not in result.stdout.str()
    assert "\n  ::error" not in result.stdout.str()
    assert "<script>x" not in (project.path / "report.html").read_text("utf-8")
    assert "exit status 1" in results(project)["a[sim/steady]"]["checks"][1]["explanation"]


def test_show_and_html_tell_what_ran(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.suite(checked("a", {"command": "sh run.sh 3"}))
    project.bench(ALLOW, "--bench-html=report.html").assert_outcomes(failed=1)

    main(["show", "latest", "a[sim/steady]"])

    assert "exit status 3" in capsys.readouterr().out
    assert "exit status 3" in (project.path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({"command": ""}, "*suite.yaml:1: *command: there is no command: write a text for a shell*"),
        ({"command": "a", "stdout": {"contain": 1}}, "*'contain' is no check, did you mean 'contains'*"),
        (
            {"command": "a", "extract": "last_number"},
            "*check 'command' judges what is in the workspace, and `extract`*",
        ),
        ({"command": "a", "exits": 1}, "*unknown key 'exits' in check 'command'; did you mean 'exit'?*"),
        ({"tests_pass": "pytest"}, "*how are the tests counted? name the JUnit file that the command writes*"),
        ({"file": "../a"}, "*'../a' is no path in the workspace*"),
        ({"pattern": "("}, "*is no pattern that can be compiled*"),
        ({"changed_only": "/"}, "*'/' is no path in the workspace*"),
        ({"shell": "ls"}, "*unknown check 'shell'; write `command:`*"),
        ({"file_exists": "a"}, "*unknown check 'file_exists'; write `file:`, an entry for each*"),
        ({"unit_tests": "make"}, "*unknown check 'unit_tests'; write `tests_pass:` with the command*"),
        ({"allowed_paths": "src"}, "*unknown check 'allowed_paths'; write `changed_only:`*"),
    ],
)
def test_what_cannot_be_a_check_is_told_with_its_line(
    project: Project, capsys: pytest.CaptureFixture[str], check: dict[str, Any], problem: str
) -> None:
    path = project.suite(checked("a", check))

    result = project.bench(ALLOW)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([problem])
    assert main(["validate", str(path)]) == 1
    assert "suite.yaml:1:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "check", [{"command": "a"}, {"file": "a"}, {"pattern": "a"}, {"changed_only": "a"}, {"any_of": [{"file": "a"}]}]
)
def test_without_a_workspace_it_is_an_error_of_the_file(project: Project, check: dict[str, Any]) -> None:
    project.suite(scenario("a", checks=[check]))

    result = project.bench(ALLOW)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*of scenario 'a' looks into a workspace, and it has none: name its folder*"])


def test_the_example_passes(project: Project, workers: tuple[str, ...]) -> None:
    example = Path(__file__).parents[2] / "examples" / "workspace.yaml"
    project.write("workspace.yaml", example.read_text("utf-8"))

    project.bench(ALLOW, *workers).assert_outcomes(passed=2)


def test_the_schema_knows_them(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.suite(checked("a", {"command": "a", "exit": [0, 1]}, {"file": "a", "checks": [{"contains": "x"}]}))

    assert main(["validate", str(path)]) == 0
    capsys.readouterr()
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)

    names = ("command", "tests_pass", "file", "pattern", "changed_only")
    assert {f"check:{name}" for name in names} <= schema["$defs"].keys()
