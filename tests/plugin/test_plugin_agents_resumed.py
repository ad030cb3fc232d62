"""Agents that were at work when their session was ended, and setup that hangs: nothing is left, and all runs again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.plugin.plugin_agents import ALLOW, agents, task
from tests.plugin.plugin_parts import Project, by_both, json_report
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results

TWO_DAYS_S = 2 * 24 * 3600
NEW_START = "test ! -e begun || exit 1; echo > begun"


@pytest.fixture
def waiting(project: Project) -> Path:
    """A suite of an agent that is done at once and of one that waits as long as this file says so."""
    gate = project.write("gate", "wait")
    gate.chmod(0o644)
    agents(project, f'readable=("{gate}",)')
    done, setup = "test $(wc -l < made) = 1", "echo >> made"
    project.suite(
        task("quick", NEW_START, done, setup=setup),
        task("late", f"{NEW_START}; ! grep -q wait {gate} || sleep 600", done, setup=setup),
    )
    return gate


@by_both("number", signal.SIGINT, signal.SIGKILL)
def test_what_was_at_work_runs_again_in_a_workspace_of_its_own(
    project: Project, waiting: Path, workers: tuple[str, ...], number: signal.Signals
) -> None:
    above = project.path / ".benchmodels" / "workspaces"
    with live_session(project.path, ALLOW, "--bench-keep=none", *workers) as session:
        session.wait_for("PASSED")
        session.wait_until(lambda: any(above.glob("*/late-*/work/begun")))
        session.send(number)
        gone = session.is_gone()
    assert gone
    left = list(above.glob("*/.owner"))
    # Workers are not killed with their controller: they see that it is gone, and tidy up.
    assert bool(left) is (number is signal.SIGKILL and not workers)
    for owner in left:  # as if that had been the day before yesterday
        os.utime(owner, (owner.stat().st_mtime - TWO_DAYS_S,) * 2)
    waiting.write_text("go on", "utf-8")

    result = project.bench("--bench-resume", ALLOW, JSON, "--bench-keep=none", *workers)

    result.assert_outcomes(passed=2)
    found = results(project)
    assert {name.partition("[")[0]: run["cached"] for name, run in found.items()} == {"quick": True, "late": False}
    assert [each["purpose"] for each in found["late[my/agent]"]["work"]["commands"]] == ["setup", "agent", "check"]
    assert not above.exists()


def test_what_a_killed_session_left_stays_for_a_day(project: Project, waiting: Path) -> None:
    above = project.path / ".benchmodels" / "workspaces"
    with live_session(project.path, ALLOW) as session:
        session.wait_for("PASSED")
        session.wait_until(lambda: any(above.glob("*/late-*/work/begun")))
        session.send(signal.SIGKILL)
        assert session.is_gone()
    waiting.write_text("go on", "utf-8")

    project.bench("--bench-resume", ALLOW).assert_outcomes(passed=2)

    assert len(list(above.glob("*/late-*/work/begun"))) == 1


def test_json_report_and_markdown_tell_commands_and_diffs(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "echo three >> a.txt; exit 3", "false", setup="true"))

    project.bench(ALLOW, "--json-report", "--bench-markdown=b.md", *workers).assert_outcomes(failed=1)

    (test,) = json_report(project.path / ".report.json")["tests"]
    commands = test["metadata"]["work"]["commands"]
    assert [(each["purpose"], each["status"]) for each in commands] == [("setup", 0), ("agent", 3), ("check", 1)]
    (change,) = test["metadata"]["changes"]
    assert (change["path"], change["kind"]) == ("a.txt", "modified")
    assert "+three" in change["diff"]
    text = (project.path / "b.md").read_text("utf-8")
    assert "  agent  status 3, " in text
    assert "  modified a.txt, +1 -0" in text
    assert "    +three" in text


def test_setup_that_hangs_is_an_error_at_the_runs_limit(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    hanging = task("a", "touch never", "true", setup=["echo so far; sleep 600", "true"], timeout=1)
    project.suite(hanging, task("b", "true", "true"))

    result = project.bench(ALLOW, JSON, "--bench-keep=none", *workers)

    result.assert_outcomes(passed=1, errors=1)
    run = results(project)["a[my/agent]"]
    assert run["error"]["kind"] == "workspace"
    told = "setup did not end within the run's limit of 1 s: echo so far; sleep 600: "
    assert run["error"]["message"].startswith(told)
    assert [(each["purpose"], each.get("status")) for each in run["work"]["commands"]] == [("setup", None)]
    assert run["attempts"] == 0
    result.stdout.fnmatch_lines([f"*{told}*"])
    assert not (project.path / ".benchmodels" / "workspaces").exists()
