"""A run that its suite has outgrown, or that ended without every verdict: it can be finished, and is judged."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, Scenario, broken, hanging, json_report, right
from tests.plugin.plugin_store import end_after, session, stored_runs

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def no_words_of_the_environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any, a session does not know whether it was asked for the whole suite."""
    monkeypatch.delenv("PYTEST_ADDOPTS")


def suite(project: Project, *last: Scenario) -> None:
    """Three runs that end at once, and what the test is about."""
    project.suite(right("a"), right("b"), right("c"), *last, models=["watched"])


@pytest.fixture
def finished_session(pytester: pytest.Pytester) -> Said:
    """What a session says that nobody ends; its words are those of `session`."""

    def run(*arguments: str) -> str:
        return pytester.runpytest_inprocess("--bench", "-v", "-p", "no:hypothesispytest", *arguments).stdout.str()

    return run


def test_what_is_no_longer_in_the_suite_is_said_once_and_the_run_is_finished(
    project: Project, sim: SimServer, finished_session: Said
) -> None:
    project.watch(sim.url)
    suite(project, hanging("old", timeout=60))
    end_after(session(project), 3, signal.SIGKILL)
    suite(project, broken("new"))

    first = finished_session("--bench-resume")

    (run,) = stored_runs(project)
    assert f"no longer in the suite: 1 run of {run.id} (suite.yaml::old[watched])\n" in first
    assert "not asked for here" not in first
    assert (run.state, run.total) == ("unfinished", 4)
    suite(project, right("new"))
    second = finished_session("-x", "--bench-resume")
    assert "no longer in the suite" not in second
    assert "to finish this run" not in finished_session("--bench-resume")
    assert [(each.state, each.total) for each in stored_runs(project)] == [("finished", 4)]


def test_a_file_that_was_removed_is_no_longer_in_the_suite(
    project: Project, sim: SimServer, finished_session: Said
) -> None:
    project.watch(sim.url)
    suite(project, right("d"))
    last = project.suite(*(hanging(name, timeout=60) for name in "ef"), name="tail.yaml", models=["watched"])
    end_after(session(project), 4, signal.SIGKILL)
    last.unlink()

    said = finished_session("--bench-resume")

    (run,) = stored_runs(project)
    assert f"no longer in the suite: 2 runs of {run.id} (tail.yaml::e[watched], ...)\n" in said
    assert (run.state, run.total) == ("finished", 4)


def test_a_file_that_cannot_be_read_is_still_to_be_run(
    project: Project, sim: SimServer, finished_session: Said
) -> None:
    project.watch(sim.url)
    suite(project)
    last = project.suite(hanging("e", timeout=60), name="tail.yaml", models=["watched"])
    end_after(session(project), 3, signal.SIGKILL)
    last.write_text("scenarios: {")

    said = finished_session("--bench-resume")

    assert "not asked for here: 1 run of " in said
    assert "no longer in the suite" not in said
    assert stored_runs(project)[0].total == 4


def test_another_command_does_not_tell_what_is_gone(project: Project, sim: SimServer, finished_session: Said) -> None:
    project.watch(sim.url)
    suite(project, hanging("old", timeout=60))
    end_after(session(project), 3, signal.SIGKILL)

    said = finished_session("--bench-resume", "-k", "not old")

    assert "not asked for here: 1 run of " in said
    assert "no longer in the suite" not in said


def test_words_of_the_environment_make_another_command(
    project: Project, sim: SimServer, finished_session: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.watch(sim.url)
    suite(project, hanging("old", timeout=60))
    end_after(session(project), 3, signal.SIGKILL)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k 'not old'")

    assert "not asked for here: 1 run of " in finished_session("--bench-resume")


def test_a_model_that_another_session_added_is_still_to_be_run(
    project: Project, sim: SimServer, finished_session: Said
) -> None:
    project.watch(sim.url)
    project.watch(sim.url, "other")
    suite(project, hanging("d", timeout=60))
    end_after(session(project), 3, signal.SIGKILL)
    end_after(session(project, "--bench-resume", "--bench-models=other"), 3, signal.SIGKILL)
    suite(project, right("d"))

    said = finished_session("--bench-resume")

    assert "(suite.yaml::d[other])" not in said
    assert "not asked for here: 1 run of " in said
    assert stored_runs(project)[0].total == 8


def test_a_run_that_ended_with_an_error_is_unfinished_and_judged(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(*(right(name) for name in "abc"), broken("d"), models=["watched"])
    gate = "graded >= 50%"

    assert project.bench("--bench-gate", gate, "--bench-json=live.json", *workers).ret == 0

    (run,) = stored_runs(project)
    assert (run.state, run.finished_at) == ("unfinished", None)
    assert main(["report", "latest", "--gate", gate, "--json", str(project.path / "again.json")]) == 0
    statuses = [json_report(project.path / name)["run"]["exit_status"] for name in ("live.json", "again.json")]
    assert statuses == [0, 0]
