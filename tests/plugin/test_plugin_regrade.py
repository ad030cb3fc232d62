"""--bench-regrade: stored answers are judged, and no model is called."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, right, wrong
from tests.plugin.plugin_store import requests, stored, stored_runs, talk


def test_changed_checks_judge_what_was_answered(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), models=["watched"])
    project.bench("--bench-repeat=2")
    project.suite(
        right("a", checks=[{"max_words": 1}, {"equals": "5"}], threshold=0.5),
        wrong("b", checks=[{"equals": "4", "not": True}]),
        models=["watched"],
    )

    result = project.bench("--bench-regrade", "--bench-repeat=2", "--bench-json=b.json", *workers)

    assert result.parseoutcomes() == {"passed": 4}
    assert requests(sim) == 4
    entries = json_report(project.path / "b.json")["results"]
    assert sorted((entry["scenario"], entry["trial"], entry["score"]) for entry in entries) == [
        ("a", 1, 0.5),
        ("a", 2, 0.5),
        ("b", 1, 1.0),
        ("b", 2, 1.0),
    ]
    assert stored_runs(project)[0].state == "finished"


def test_each_turn_of_a_conversation_is_judged(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    project.suite(talk("talk"), models=["watched"])
    assert project.bench().parseoutcomes() == {"passed": 1}
    project.suite(talk("talk", "wrong", "7"), models=["watched"])

    result = project.bench("--bench-regrade", *workers)

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*failed*turn 1: *expected 'wrong', got '4'*", "*passed*turn 2: *"])
    assert requests(sim) == 2


def test_what_was_never_answered_is_skipped_for_that_reason(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(right("a"), right("b"), models=["watched"])
    project.bench()
    project.suite(right("a", prompt="What is 1 + 3?"), right("b"), talk("c"), models=["watched"])

    result = project.bench("--bench-regrade", "-rs", *workers)

    assert result.parseoutcomes() == {"passed": 1, "skipped": 2}
    result.stdout.fnmatch_lines_random(
        ["SKIPPED * suite.yaml:1: not reused: messages changed", "SKIPPED * suite.yaml:1: no stored response"]
    )
    result.stdout.no_fnmatch_line("to finish this run: *")
    assert requests(sim) == 2
    assert stored(project)["c"].error is not None


def test_without_a_store_all_is_skipped_and_nothing_called(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])

    result = project.bench("--bench-regrade", "-rs", *workers)

    assert result.parseoutcomes() == {"skipped": 1}
    result.stdout.fnmatch_lines(["SKIPPED *"])
    assert requests(sim) == 0


def test_a_check_that_fails_to_judge_is_an_error_and_can_judge_again(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    grader = (
        "import pytest_benchmodels\n"
        "class Odd(pytest_benchmodels.Grader, frozen=True):\n"
        "    odd: bool\n"
        "    def grade(self, response):\n"
        "        {}\n"
        "def pytest_bench_graders():\n    return [Odd]\n"
    )
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])
    project.bench()
    project.write("conftest.py", grader.format("raise RuntimeError('oh')"))
    project.suite(right("a", checks=[{"odd": True}]), models=["watched"])
    assert project.bench_process("--bench-regrade", *workers).parseoutcomes() == {"errors": 1}
    project.write("conftest.py", grader.format("return pytest_benchmodels.Grade.of(True)"))

    result = project.bench_process("--bench-regrade", *workers)

    assert result.parseoutcomes() == {"passed": 1}
    assert requests(sim) == 1


def test_a_model_that_is_not_called_needs_no_key(
    project: Project, sim: SimServer, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.watch(sim.url, api_key_env="TEAM_KEY")
    project.suite(right("a"), models=["watched"])
    monkeypatch.setenv("TEAM_KEY", "sk-team-0123456789")
    project.bench()
    monkeypatch.delenv("TEAM_KEY")

    result = project.bench("--bench-regrade", *workers)

    assert result.parseoutcomes() == {"passed": 1}
    assert requests(sim) == 1
