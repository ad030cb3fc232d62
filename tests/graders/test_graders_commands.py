"""`command` and `tests_pass`: commands that run in a real folder, and what is made of how they end."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_benchmodels.core.call import GradingContext, Transcript
from pytest_benchmodels.core.errors import CheckError, ScenarioFileError, WorkspaceError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Grade, Scenario
from pytest_benchmodels.core.workspace import Command, CommandResult, Workspace
from pytest_benchmodels.graders.commands import CommandCheck, PassesTests
from tests.graders.workspace_cases import judged, loaded

Judge = Callable[..., CheckResult]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    def of(check: Mapping[str, Any], work: Any = (), given: Mapping[str, str] | None = None) -> CheckResult:
        return judged(check, work or {}, tmp_path, given)

    return of


@dataclass
class Answering:
    """A workspace whose commands end as they are told to, and which notes them."""

    result: CommandResult | WorkspaceError
    ran: list[tuple[Command, str]] = field(default_factory=list)

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        self.ran.append((command, purpose))
        if isinstance(self.result, WorkspaceError):
            raise self.result
        return self.result


def graded(check: CommandCheck | PassesTests, workspace: Answering) -> Grade:
    response, scenario = Response("x"), Scenario("a", "a.yaml:1", ())
    context = GradingContext(response, Transcript(()), scenario, workspace=cast("Workspace", workspace))
    return asyncio.run(check.grade(context))


def test_a_command_sees_what_the_model_left(judge: Judge) -> None:
    verdict = judge({"command": "cat *.txt && test -f given"}, {"a.txt": "here"}, {"given": ""})

    assert verdict.passed
    assert verdict.explanation.startswith("exit status 0 after ")


def test_a_failure_tells_the_status_and_the_end_of_the_output(judge: Judge) -> None:
    loud = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo line $i; done; printf '\\033[31mred\\n' >&2; exit 3"

    said = judge({"command": loud}).explanation

    assert "exit status 3 after " in said
    assert ": expected 0; it wrote at the end:\n" in said
    assert "line 15\n  \\x1b[31mred" in said
    assert "line 3\n" not in said


def test_one_long_line_is_cut(judge: Judge) -> None:
    said = judge({"command": "head -c 100000 /dev/zero | tr '\\0' x; exit 1"}).explanation

    assert len(said) < 2_000


def test_silence_is_said(judge: Judge) -> None:
    assert "it wrote nothing" in judge({"command": "exit 1"}).explanation


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ({"exit": 3}, True),
        ({"exit": [0, 3]}, True),
        ({"exit": 0}, False),
        ({"exit": 3, "stdout": "out"}, True),
        ({"exit": 3, "stdout": {"contains": "ou"}}, True),
        ({"exit": 3, "stdout": ["out", {"contains": "x", "not": True}]}, True),
        ({"exit": 3, "stdout": "err"}, False),
        ({"exit": 3, "stderr": {"regex": "^err$"}}, True),
        ({"exit": 3, "output": {"contains_all": ["out", "err"]}}, True),
        ({"exit": 3, "output": [{"contains": "out"}, {"contains": "nothing"}]}, False),
        ({"exit": 3, "max_seconds": 500}, True),
        ({"exit": 4, "not": True}, True),
        ({"exit": 3, "not": True}, False),
    ],
)
def test_what_may_be_asked_of_it(judge: Judge, options: dict[str, Any], passed: bool) -> None:  # noqa: FBT001 - a case
    assert judge({"command": "echo out; echo err >&2; exit 3", **options}).passed is passed


def test_a_list_of_words_is_read_by_no_shell(judge: Judge) -> None:
    assert judge({"command": ["echo", "$HOME; ls"], "stdout": "$HOME; ls"}).passed


def test_a_signal_is_told_by_its_number(judge: Judge) -> None:
    assert judge({"command": "kill -9 $$", "exit": -9}).passed
    assert judge({"command": "kill -9 $$", "exit": 137}).passed
    assert not judge({"command": "kill -9 $$", "exit": -15}).passed
    assert "was ended by signal 9" in graded(CommandCheck("a"), Answering(CommandResult(-9))).explanation
    assert graded(CommandCheck("a", exit=-9), Answering(CommandResult(137))).passed


@pytest.mark.parametrize("check", [CommandCheck("a", timeout=2), PassesTests("a", format="tap", timeout=2)])
def test_at_its_limit_it_has_failed_and_so_has_its_opposite(check: CommandCheck | PassesTests) -> None:
    grade = graded(check, Answering(CommandResult(None, "so far")))

    assert (grade.passed, grade.undecided) == (False, True)
    assert grade.explanation == "the command did not end within 2 s; it wrote at the end:\n  so far"


LEFT = "was left of the run's limit: raise `timeout` of the scenario, or write one at the check"


@pytest.mark.parametrize("check", [CommandCheck("a"), PassesTests("a", format="tap")])
@pytest.mark.parametrize(
    ("limit_s", "said"),
    [
        (600.0, "the command did not end within 600 s; it wrote nothing"),
        (41.26, f"the command did not end within 41.3 s, which {LEFT}; it wrote nothing"),
        (0.0, f"the command was not started: nothing {LEFT}"),
    ],
)
def test_without_a_timeout_it_has_what_the_run_has_left(
    check: CommandCheck | PassesTests, limit_s: float, said: str
) -> None:
    workspace = Answering(CommandResult(None, limit_s=limit_s))

    grade = graded(check, workspace)

    assert [command.timeout_s for command, _ in workspace.ran] == [None]
    assert (grade.passed, grade.undecided, grade.explanation) == (False, True, said)


def test_a_command_that_took_longer_than_it_may_fails() -> None:
    grade = graded(CommandCheck("make", max_seconds=1), Answering(CommandResult(0, "done", duration_s=1.5)))

    assert not grade.passed
    assert "it took more than 1 s" in grade.explanation


def test_its_options_are_the_commands() -> None:
    workspace = Answering(CommandResult(0))

    graded(CommandCheck(("a", "b"), timeout=5, network=True, memory=100), workspace)

    assert workspace.ran == [(Command(("a", "b"), timeout_s=5, network=True, memory_mb=100), "check")]


def test_output_whose_beginning_is_gone_is_not_judged() -> None:
    cut = Answering(CommandResult(0, "the end", is_cut=True))

    assert graded(CommandCheck("a"), cut).passed
    assert "too long to be kept" in graded(CommandCheck("a", stdout="the end"), cut).explanation
    assert "too long to be kept" in graded(PassesTests("a", format="tap"), cut).explanation


@pytest.mark.parametrize("check", [CommandCheck("a"), PassesTests("a", format="tap")])
def test_where_nothing_can_run_the_check_cannot_judge(check: CommandCheck | PassesTests) -> None:
    with pytest.raises(CheckError, match="bubblewrap is not there"):
        graded(check, Answering(WorkspaceError("bubblewrap is not there")))


def report(*cases: str) -> str:
    """A script that writes a report with these test cases."""
    written = "".join(cases).replace("'", '"')
    return f"cat > report.xml <<'END'\n<testsuite>{written}</testsuite>\nEND\n"


PASSED, FAILED, SKIPPED = (
    "<testcase classname='t' name='one'/>",
    "<testcase classname='t' name='two[1]'><failure/></testcase>",
    "<testcase classname='t' name='three'><skipped/></testcase>",
)


FAILING = report(PASSED, FAILED) + "exit 1"


@pytest.mark.parametrize(
    ("script", "options", "score", "said"),
    [
        (report(PASSED), {}, 1.0, "1 of 1 tests passed, exit status 0"),
        (report(PASSED, SKIPPED), {}, 1.0, "1 of 1 tests passed, 1 skipped, exit status 0"),
        (FAILING, {}, 0.5, "1 of 2 tests passed, exit status 1 after *failed: 't.two[[]1]'; it wrote*"),
        (report(PASSED, FAILED), {}, 0.5, "1 of 2 tests passed, exit status 0 after *failed: *"),
        (report(PASSED) + "exit 1", {}, 0.0, "1 of 1 tests passed, *; none of them failed, but the command did;*"),
        (report(SKIPPED), {}, 0.0, "0 of 0 tests passed, 1 skipped, *; expected at least 1 to run;*"),
        (report(), {}, 0.0, "0 of 0 tests passed, *; expected at least 1 to run;*"),
        (report(PASSED), {"at_least": 4}, 0.25, "1 of 1 tests passed*; expected at least 4 to run;*"),
        (FAILING, {"may_fail": ["t.two*"]}, 1.0, "1 of 1 tests passed, 1 failed that may, *"),
        (FAILING, {"may_fail": ["*"], "must_pass": ["two[1]"]}, 0.5, "*failed: 't.two[[]1]'*"),
        (FAILING, {"may_fail": ["*"], "must_pass": ["t::one"]}, 1.0, "1 of 1 tests passed, 1 failed*"),
        (report(PASSED, SKIPPED), {"must_pass": ["three"]}, 0.5, "*failed: 't.three (which was skipped)'*"),
        (report(PASSED), {"must_pass": ["four"]}, 0.5, "*failed: 'four (which did not run)'*"),
        ("true", {}, 0.0, "exit status 0 *: it wrote no report of the tests that fits 'report.xml'; it wrote nothing"),
        ("echo no tests >&2; exit 2", {}, 0.0, "exit status 2 *: it wrote no report *; it wrote at the end:*no tests"),
        ("echo '<a/>' > report.xml", {}, 0.0, "*the report 'report.xml': it is no JUnit report: *"),
        ("echo '<!DOCTYPE a []><testsuite/>' > report.xml", {}, 0.0, "*report 'report.xml': it has a document type*"),
        ("ln -s /etc/passwd report.xml", {}, 0.0, "*it wrote no report*"),
        ("mkfifo report.xml", {}, 0.0, "*report.xml*"),
    ],
)  # fmt: skip
def test_reports_are_counted(judge: Judge, script: str, options: dict[str, Any], score: float, said: str) -> None:
    verdict = judge({"tests_pass": "sh run.sh", "report": "report.xml", **options}, {"run.sh": script})

    assert (verdict.score, verdict.passed) == (score, score == 1.0)
    assert fits(verdict.explanation, said), verdict.explanation


def fits(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, f"{pattern.rstrip('*')}*")


def test_what_cannot_be_counted_fails_with_not_as_well(judge: Judge) -> None:
    for script in ("true", report(PASSED) + "exit 1", "echo x > report.xml"):
        check = {"tests_pass": "sh run.sh", "report": "report.xml", "not": True}
        assert not judge(check, {"run.sh": script}).passed
    assert judge(check, {"run.sh": report(FAILED)}).passed


def test_a_report_from_before_does_not_count(judge: Judge) -> None:
    old = {"report.xml": "<testsuite><testcase name='a'/></testsuite>", "new.xml": "<testsuite/>"}
    check = {"tests_pass": "sh run.sh", "report": "*.xml"}

    verdict = judge(check, {"run.sh": "true", **old})

    assert not verdict.passed
    assert "it wrote no report of the tests that fits '*.xml': 'new.xml' was there before" in verdict.explanation


def test_a_report_that_is_written_anew_counts_though_it_says_the_same(judge: Judge) -> None:
    same = "<testsuite><testcase name='a'/></testsuite>"
    check = {"tests_pass": "cp kept copy && mv copy report.xml", "report": "report.xml"}

    assert judge(check, {"kept": same, "report.xml": same}).passed


def test_all_reports_that_fit_are_added_up(judge: Judge) -> None:
    check = {"tests_pass": "mkdir -p out && for i in 1 2 3; do cp given.xml out/$i.xml; done", "report": "out/**/*.xml"}

    verdict = judge(check, {"given.xml": f"<testsuite>{PASSED}</testsuite>"})

    assert verdict.explanation.startswith("3 of 3 tests passed")


def test_a_report_that_is_too_large_fails(judge: Judge) -> None:
    check = {"tests_pass": "head -c 50000001 /dev/zero > report.xml", "report": "report.xml"}

    assert "the report 'report.xml' cannot be read: it is larger than 50 MB" in judge(check).explanation


def test_reports_that_are_too_large_together_fail(judge: Judge) -> None:
    check = {"tests_pass": "for i in 1 2 3; do head -c 20000000 /dev/zero > $i.xml; done", "report": "*.xml"}

    assert "its reports are larger than 50 MB together" in judge(check).explanation


@pytest.mark.parametrize(
    ("tap", "score", "said"),
    [
        ("1..2\nok 1 - a\nok 2 - b\n", 1.0, "2 of 2 tests passed"),
        ("1..4\nok 1 - a\nnot ok 2 - b\n", 0.25, "*failed: 'b'; 2 were planned and did not run;*"),
        ("1..2\nok 1 - a\nBail out! no disk\n", 0.0, "*1 were planned and did not run; the tests bailed out: no disk*"),
        ("ok 1 - a\n", 0.0, "*it has no plan*"),
        ("1..1\nok 1 - a # SKIP\n", 0.0, "*expected at least 1 to run*"),
        ("all is well\n", 0.0, "*it has no plan*"),
    ],
)
def test_tap_is_counted(judge: Judge, tap: str, score: float, said: str) -> None:
    verdict = judge({"tests_pass": ["cat", "tap.txt"], "format": "tap"}, {"tap.txt": tap})

    assert (verdict.score, verdict.passed) == (score, score == 1.0)
    assert fits(verdict.explanation, said), verdict.explanation


def test_names_of_tests_are_hostile(judge: Judge) -> None:
    name = f"\x1b[31m::error::{'x' * 1000}"
    tap = "1..50\n" + "".join(f"not ok {number} - {name}\n" for number in range(1, 51))

    said = judge({"tests_pass": "cat tap.txt", "format": "tap"}, {"tap.txt": tap}).explanation

    assert "\x1b" not in said
    assert " and 45 more" in said
    assert len(said) < 3_000


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"command": ""}, "command: there is no command"),
        ({"command": []}, "command: there is no command"),
        ({"command": "a\0b"}, "command: a command cannot hold the character NUL"),
        ({"command": "a", "exit": []}, "exit: the list is empty"),
        ({"command": "a", "exit": 256}, "exit"),
        ({"command": "a", "exit": "zero"}, "exit must be"),
        ({"command": "a", "stdout": {"contain": "x"}}, "'contain' is no check, did you mean 'contains'?"),
        ({"command": "a", "stdout": {"other": "x"}}, "stdout: write a text, or a check such as {contains: Paris}"),
        ({"command": "a", "stderr": []}, "stderr: the list is empty"),
        ({"command": "a", "output": {"regex": "("}}, "is no pattern that can be compiled"),
        ({"command": "a", "max_seconds": 700}, "max_seconds 700 is beyond `timeout`, 600"),
        ({"command": "a", "timeout": 0}, "timeout"),
        ({"command": "a", "memory": 1}, "memory"),
        ({"command": "a", "extract": "last_number"}, "judges what is in the workspace, and `extract`"),
        ({"tests_pass": "pytest"}, "how are the tests counted? name the JUnit file that the command writes"),
        ({"tests_pass": " ", "format": "tap"}, "tests_pass: there is no command"),
        ({"tests_pass": "a", "format": "tap", "report": "x"}, "TAP is read from what the command prints"),
        ({"tests_pass": "a", "report": "/var/x.xml"}, "'/var/x.xml' is no path in the workspace"),
        ({"tests_pass": "a", "report": "x", "at_least": 0}, "at_least"),
        ({"tests_pass": "a", "report": "x", "must_pass": [""]}, "must_pass"),
        ({"tests_pass": "a", "format": "trx"}, "format must be one of 'junit', 'tap'"),
    ],
)
def test_what_cannot_be_a_check_is_an_error_of_the_scenario(tmp_path: Path, check: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(check, {}, tmp_path)

    assert said in str(caught.value)
