"""--bench-shard: parts that make up the whole, and take about as long as each other."""

from __future__ import annotations

import json

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.plugin.session.report_files import KEY
from pytest_benchmodels.store import Store
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_store import requests, stored, stored_runs


def part(project: Project, shard: str, *arguments: str) -> set[str]:
    """The tests of a shard."""
    lines = project.bench("--collect-only", "-q", f"--bench-shard={shard}", *arguments).outlines
    return {line for line in lines if "::" in line}


def test_parts_make_up_the_whole_and_share_nothing(project: Project) -> None:
    project.suite(*(right(f"s{number}") for number in range(11)), models=["sim/steady", "sim/slow"])
    project.write("test_ordinary.py", "def test_one(): pass\ndef test_two(): pass\n")
    whole = part(project, "1/1")

    parts = [part(project, f"{number}/3") for number in (1, 2, 3)]

    assert sorted(nodeid for one in parts for nodeid in one) == sorted(whole)
    assert len(whole) == 22 + 2
    assert {nodeid for nodeid in whole if "test_ordinary" in nodeid} <= parts[0]
    assert [sum("suite" in nodeid for nodeid in one) for one in parts] == [8, 7, 7]


def test_durations_decide_what_is_even(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    names = ("long", *(f"s{number}" for number in range(4)))
    project.suite(*map(right, names), models=["watched"])
    assert project.bench().ret == 0
    took = {f"suite.yaml::{name}[watched]": 6.0 if name == "long" else 0.5 for name in names}
    (project.path / f".pytest_cache/v/{KEY}").write_text(json.dumps(took), encoding="utf-8")

    first = project.bench("--bench-shard=1/2", "--bench-store=1.db")
    second = project.bench("--bench-shard=2/2", "--bench-store=2.db")

    assert first.parseoutcomes() == {"passed": 1, "deselected": 4}
    assert second.parseoutcomes()["passed"] == 4
    assert requests(sim) == 5 + 5
    with Store.open_to_read(project.path / "1.db") as store:
        run = store.runs.find("latest")
        assert [result.scenario for result in store.results.of(run.id)] == ["long"]
    assert (run.shard, run.state, run.total) == ("1/2", "finished", 1)


def test_a_part_leaves_the_durations_as_it_found_them(project: Project, sim: SimServer) -> None:
    """The other parts split by what they find: were it changed in between, runs would be lost or run twice."""
    project.watch(sim.url)
    project.suite(*(right(f"s{number}") for number in range(9)), models=["watched"])

    for number in (1, 2, 3):
        project.bench(f"--bench-shard={number}/3")

    assert requests(sim) == 9


def test_a_part_can_be_resumed(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    scenarios = [right(f"s{number}") for number in range(4)]
    project.suite(*({**each, "params": {"sim": {"status": 400}}} for each in scenarios), models=["watched"])
    project.bench("--bench-shard=2/2", *workers)
    project.suite(*scenarios, models=["watched"])

    result = project.bench("--bench-shard=2/2", "--bench-resume", *workers)

    assert result.parseoutcomes()["passed"] == 2
    assert {each.status for each in stored(project).values()} == {"passed"}


@pytest.mark.parametrize(
    ("given", "remedy"), [((), "as well"), (("--bench-shard=1/2",), "instead of 1/2")], ids=["whole", "other"]
)
def test_a_part_is_resumed_as_that_part_only(
    project: Project, sim: SimServer, given: tuple[str, ...], remedy: str
) -> None:
    project.watch(sim.url)
    project.suite(*(scenario(f"s{number}", {"status": 400}) for number in range(4)), models=["watched"])
    project.bench("--bench-shard=2/2")
    before = requests(sim)

    result = project.bench("--bench-resume", *given)

    run_id = stored_runs(project)[0].id
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = f"--bench-resume: run {run_id} is shard 2/2 of its suite: give --bench-shard 2/2 {remedy}"
    result.stderr.fnmatch_lines([f"ERROR: {told}"])
    assert requests(sim) == before


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/2/3", "-1/3"])
def test_a_shard_that_is_none_is_a_usage_error(project: Project, shard: str) -> None:
    result = project.bench(f"--bench-shard={shard}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*argument --bench-shard: invalid I/N with I from 1 to N value: '{shard}'"])
