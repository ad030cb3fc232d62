"""--bench-cache: a stored answer stands for a call if the same was asked, and is judged afresh."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, json_report, right, scenario, wrong
from tests.plugin.plugin_store import requests, stored, stored_runs, talk


def test_nothing_is_asked_twice_and_it_is_a_run_of_its_own(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), talk("talk"), models=["watched"])
    project.bench()
    before = requests(sim)

    result = project.bench("--bench-cache", "--bench-json=b.json", *workers)

    assert (before, requests(sim)) == (4, 4)
    assert result.parseoutcomes() == {"passed": 2, "failed": 1}
    result.stdout.fnmatch_lines(["throughput: 0.0 scenarios/min, 0.0 model runs/min (3 cached not counted)"])
    entries = json_report(project.path / "b.json")["results"]
    assert {entry["reuse"] for entry in entries} == {"the stored answer was judged afresh"}
    assert all(entry["cached"] and entry["regraded"] for entry in entries)
    assert [run.state for run in stored_runs(project)] == ["finished", "finished"]


def test_the_answer_of_a_changed_check_is_judged_afresh(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])
    project.bench()
    project.suite(right("a", checks=[{"equals": "5"}]), models=["watched"])

    result = project.bench("--bench-cache")

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*expected '5', got '4'*"])
    assert requests(sim) == 1


def alias(sim: SimServer, name: str = "steady", *lines: str) -> str:
    return "\n".join(("[model.watched]", 'provider = "sim"', f'name = "{name}"', f'base_url = "{sim.url}"', *lines, ""))


@pytest.mark.parametrize(
    ("part", "scenario_keys", "model"),
    [
        ("messages", {"prompt": "What is 1 + 3?"}, ()),
        ("messages", {"system": "Be brief."}, ()),
        ("params", {"params": {"temperature": 0.5}}, ()),
        ("params", {}, ("steady", "params = {temperature = 0.5}")),
        ("model", {}, ("slow", "params = {sim = {latency = 0.01}}")),
    ],
)
def test_another_question_is_asked_and_the_part_that_changed_is_told(
    project: Project, sim: SimServer, part: str, scenario_keys: dict[str, object], model: tuple[str, ...]
) -> None:
    project.write("bench.toml", alias(sim))
    project.suite(right("a"), models=["watched"])
    project.bench()
    project.write("bench.toml", alias(sim, *model))
    project.suite({**right("a"), **scenario_keys}, models=["watched"])

    result = project.bench("--bench-cache", "-v")

    assert result.parseoutcomes() == {"passed": 1}
    told = "params, model" if part == "model" else part
    result.stdout.fnmatch_lines([f"1 run was run: not reused: {told} changed"])
    assert requests(sim) == 2


def test_an_answer_of_another_address_is_not_reused(project: Project, sim: SimServer) -> None:
    entry = '[model.watched]\nprovider = "openai"\nname = "steady"\nbase_url = "{}"\n'
    project.write("bench.toml", entry.format(sim.url))
    project.suite(right("a"), models=["watched"])
    project.bench()
    project.write("bench.toml", entry.format(sim.url.replace("127.0.0.1", "localhost")))

    result = project.bench("--bench-cache", "-v")

    result.stdout.fnmatch_lines(["1 run was run: not reused: address changed"])
    assert requests(sim) == 2


def test_an_answer_of_another_model_is_not_reused(project: Project, sim: SimServer) -> None:
    """Two models are asked the same: the one's answer never stands for the other's."""
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])
    project.bench()

    result = project.bench("--bench-cache", "--bench-models=watched,sim/flaky", "-v")

    assert result.parseoutcomes() == {"passed": 2}
    result.stdout.fnmatch_lines(["1 run was run: no stored response"])
    assert requests(sim) == 1


def test_trials_keep_their_own_answers(project: Project, sim: SimServer) -> None:
    """A model that is right half of the time is so again, trial by trial; a further trial is asked anew."""
    project.watch(sim.url)
    project.suite(scenario("coin", {"accuracy": 0.5}), models=["watched"])
    first = project.bench("--bench-repeat=9", "--bench-json=first.json")
    assert min(first.parseoutcomes().values()) > 0

    project.bench("--bench-cache", "--bench-repeat=10", "--bench-json=second.json")

    before, after = (
        {entry["trial"]: entry["response"]["text"] for entry in json_report(project.path / name)["results"]}
        for name in ("first.json", "second.json")
    )
    assert {trial: after[trial] for trial in before} == before
    assert requests(sim) == 10


def test_marks_count_for_reused_answers(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), right("c"), models=["watched"])
    project.bench()
    project.suite(right("a", skip="not now"), wrong("b", xfail="too hard"), right("c", xfail="was"), models=["watched"])

    result = project.bench("--bench-cache")

    assert result.parseoutcomes() == {"skipped": 1, "xfailed": 1, "xpassed": 1}
    assert requests(sim) == 3


def test_an_error_leaves_no_answer_behind(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(broken("a"), models=["watched"])
    project.bench()

    assert project.bench("--bench-cache").parseoutcomes() == {"errors": 1}
    assert requests(sim) == 2
    assert stored(project)["a"].reuse == "no stored response"
