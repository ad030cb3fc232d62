"""A stored run told again: it says what its sessions did, as their own reports do."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, broken, hanging, json_report, right, wrong
from tests.plugin.plugin_store import stored_runs, talk


def rebuilt(project: Project, run: str = "latest") -> dict[str, Any]:
    """What `benchmodels report --json` makes of a run."""
    assert main(["report", run, "--json", str(project.path / "rebuilt.json")]) == 0
    return json_report(project.path / "rebuilt.json")


def answers(document: dict[str, Any]) -> dict[str, list[str]]:
    """The answers to all turns, by scenario."""
    return {entry["scenario"]: [each["text"] for each in entry["answers"]] for entry in document["results"]}


def test_the_turns_of_a_conversation_are_told_live_resumed_and_rebuilt(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(talk("early"), right("one"), broken("late"), models=["watched"])

    project.bench("--bench-json=live.json", *workers)
    live, first = json_report(project.path / "live.json"), rebuilt(project)
    project.suite(talk("early"), right("one"), talk("late"), models=["watched"])
    project.bench("--bench-resume", "--bench-json=resumed.json", *workers)
    resumed, second = json_report(project.path / "resumed.json"), rebuilt(project)

    assert answers(live) == answers(first) == {"early": ["4", "7"], "one": [], "late": []}
    assert answers(resumed) == answers(second) == {"early": ["4", "7"], "one": [], "late": ["4", "7"]}
    for entry in resumed["results"]:
        assert all(each.keys() == entry["response"].keys() for each in entry["answers"])


def test_a_conversation_that_was_judged_again_is_told_whole(project: Project) -> None:
    project.suite(talk("early"))
    project.bench()

    project.bench("--bench-regrade", "--bench-json=b.json")

    assert answers(json_report(project.path / "b.json")) == answers(rebuilt(project)) == {"early": ["4", "7"]}


def test_a_rebuilt_summary_is_that_of_the_session(project: Project, sim: SimServer) -> None:
    """Also its lower bound, though no more than one run was ever seen at once of the twenty that were allowed."""
    project.watch(sim.url, max_in_flight=2)
    project.suite(right("a"), wrong("b"), right("c"), models=["watched", "sim/steady"])

    project.bench("--bench-concurrency=7", "--bench-json=live.json")
    live, again = json_report(project.path / "live.json")["run"], rebuilt(project)["run"]

    (session,) = again["sessions"]
    assert (session["concurrency"], session["windows"]) == (7, {"watched": 2})
    assert session == live["sessions"][0]
    for name in ("concurrency", "scenarios_per_min", "model_runs_per_min", "makespan_s", "lower_bound_s"):
        assert again[name] == live[name], name
    assert [entry["session"] for entry in rebuilt(project)["results"]] == [1] * 6


def test_each_result_of_a_resumed_run_stays_with_its_session(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), broken("c"), models=["watched"])
    project.bench("--bench-concurrency=3", "--bench-json=first.json")
    project.suite(right("a", checks=[{"equals": "5"}]), wrong("b"), right("c"), models=["watched"])

    project.bench("--bench-resume", "--bench-concurrency=2", "--bench-json=second.json", *workers)

    second, again = json_report(project.path / "second.json"), rebuilt(project)
    numbers = {entry["scenario"]: entry["session"] for entry in again["results"]}
    assert numbers == {entry["scenario"]: entry["session"] for entry in second["results"]}
    assert numbers == {"a": 1, "b": 1, "c": 2}, "a was answered in the first"
    assert [session["concurrency"] for session in again["run"]["sessions"]] == [3, 2]
    assert second["run"]["sessions"] == again["run"]["sessions"]
    assert second["run"]["cached"] == 2, "the session's own report tells what it took over"
    durations = {entry["scenario"]: entry["duration_s"] for entry in again["results"]}
    least_s = max(durations["a"], durations["b"]) + durations["c"]
    assert again["run"]["lower_bound_s"] == pytest.approx(least_s, abs=1e-6)
    assert least_s - 1e-4 <= again["run"]["makespan_s"] <= sum(durations.values()) + 1e-4, "a and b at the same time"


def test_a_run_is_to_have_all_that_any_of_its_sessions_was_asked_for(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.watch(sim.url, "other")
    project.suite(wrong("a"), *(hanging(name, timeout=60) for name in "bc"), models=["watched"])
    project.bench("-x")
    project.suite(wrong("a"), right("b"), right("c"), models=["watched"])

    project.bench("--bench-resume", "--bench-models=other")

    (run,) = stored_runs(project)
    assert (sum(run.statuses.values()), run.total, run.state) == (4, 6, "interrupted")
    project.bench("--bench-resume")
    (run,) = stored_runs(project)
    assert (sum(run.statuses.values()), run.total, run.state) == (6, 6, "finished")


def test_what_another_model_answered_does_not_count_for_what_is_missing(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.watch(sim.url, "other")
    project.suite(wrong("a"), *(hanging(name, timeout=60) for name in "bc"), models=["watched"])
    project.bench("-x")
    project.suite(right("b"), right("c"), models=["watched"])

    part = project.bench("--bench-resume", "--bench-models=other")

    (run,) = stored_runs(project)
    assert (sum(run.statuses.values()), run.total, run.state) == (3, 5, "interrupted")
    part.stdout.fnmatch_lines(
        [
            f"not asked for here: 2 runs of {run.id} without a verdict: suite.yaml::b[[]watched], ...",
            "to finish this run: pytest --bench -Werror --bench-resume",
        ]
    )


def test_a_shards_file_says_which_it_is(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.suite(*(right(name) for name in "abcd"))
    for number in (1, 2):
        project.bench(f"--bench-shard={number}/2", f"--bench-json={number}.json", f"--bench-store={number}.db")
    project.bench("--bench-json=whole.json")
    capsys.readouterr()

    assert [json_report(project.path / f"{name}.json")["run"]["shard"] for name in ("1", "2", "whole")] == [
        "1/2",
        "2/2",
        None,
    ]
    assert main(["merge", "out.db", "2.json"]) == 2
    assert "missing: shard 1/2; name where they are" in capsys.readouterr().err
    assert main(["merge", "out.db", "2.json", "1.json"]) == 0


def test_an_expected_failure_is_none_of_a_rebuilt_run(project: Project) -> None:
    project.suite(right("a"), wrong("b", xfail="cannot count"))
    project.bench("--bench-json=live.json")
    live = json_report(project.path / "live.json")["run"]
    assert (rebuilt(project)["run"]["exit_status"], live["exit_status"]) == (0, 0)

    project.suite(wrong("a"), wrong("b", xfail="cannot count"))
    project.bench("--bench-json=live.json")
    live = json_report(project.path / "live.json")["run"]
    assert (rebuilt(project)["run"]["exit_status"], live["exit_status"]) == (1, 1)
