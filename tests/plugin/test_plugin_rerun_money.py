"""`--reruns` of pytest-rerunfailures: each run is paid, the last verdict counts, the budget is kept."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, properties, right, wrong
from tests.plugin.test_plugin_budget import PRICE, alias

RERUNS = ("--reruns",)


@pytest.fixture
def priced(project: Project, sim: SimServer) -> Project:
    """A model that takes $0.50 for each run."""
    project.write("bench.toml", alias(sim, "priced", PRICE).replace('"openai"', '"sim"'))
    return project


def requests(sim: SimServer) -> int:
    count = sim.stats()["steady"]["requests"]
    assert isinstance(count, int)
    return count


def test_each_rerun_is_paid(priced: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    priced.suite(wrong("miss"), models=["priced"])

    result = priced.bench(*RERUNS, "4", "--bench-json=b.json", "--junitxml=j.xml", *workers)

    assert requests(sim) == 5
    result.stdout.fnmatch_lines(["priced * 0/1 * 20/5 *$2.50", "run again: priced: 4 runs; *"])
    document = json_report(priced.path / "b.json")
    (run,), (model,) = document["results"], document["models"]
    assert (run["cost_usd"], run["known_cost_usd"], run["reruns"]) == (2.5, 2.5, 4)
    assert (run["usage"]["input_tokens"], run["usage"]["output_tokens"]) == (20, 5)
    assert (model["cost_usd"], model["input_tokens"], model["reruns"], model["failed"]) == (2.5, 20, 4, 1)
    # JUnit has a test case for each of them: added up they are what was paid.
    facts = [properties(case) for case in ET.parse(priced.path / "j.xml").iter("testcase")]  # noqa: S314 - just made
    assert [(fact["bench.cost_usd"], fact["bench.input_tokens"]) for fact in facts] == [("0.5", "4")] * 5


def test_the_budget_is_kept_over_reruns(priced: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    priced.suite(*(wrong(f"s{number}") for number in range(4)), models=["priced"])

    result = priced.bench(*RERUNS, "4", "--bench-budget=1.2", "--bench-concurrency=1", "--bench-json=b.json", *workers)

    assert requests(sim) == 3
    statuses = [run["status"] for run in json_report(priced.path / "b.json")["results"]]
    # The run that was made has a verdict, though no money was left to rerun it once more.
    assert sorted(statuses) == ["failed", "skipped", "skipped", "skipped"]
    result.stdout.fnmatch_lines(["priced * 0/1 *$1.50", "run again: priced: 2 runs; *"])
    assert sum(run["cost_usd"] for run in json_report(priced.path / "b.json")["results"]) == 1.5


def test_what_passes_at_once_is_paid_once(priced: Project, sim: SimServer) -> None:
    priced.suite(right("a"), right("b"), models=["priced"])

    result = priced.bench(*RERUNS, "4")

    assert requests(sim) == 2
    result.stdout.fnmatch_lines(["priced * 2/2 *$1.00"])
    result.stdout.no_fnmatch_line("run again*")


def test_the_store_tells_the_same(priced: Project) -> None:
    priced.suite(wrong("miss"), models=["priced"])
    priced.bench(*RERUNS, "2", "--bench-json=b.json")

    resumed = priced.bench("--bench-regrade", "-rs")

    resumed.stdout.fnmatch_lines(["priced * 0/1 *$0.50"])  # what the answer cost that is judged
    shown = priced._pytester.run("benchmodels", "show", "-2")
    shown.stdout.fnmatch_lines(["priced * 0/1 *$1.50"])


CRASH = """
import os
from pathlib import Path

from pytest_benchmodels import Grade, Grader


class Boom(Grader, frozen=True):
    boom: str = ""

    def grade(self, response):
        if not Path(self.boom).exists():
            Path(self.boom).touch()
            os._exit(3)
        return Grade(1.0, passed=True, explanation="")


def pytest_bench_graders():
    return [Boom]
"""


@pytest.mark.parametrize("reruns", [(), ("--reruns", "1")])
def test_a_worker_that_dies_is_no_end_of_the_session(priced: Project, reruns: tuple[str, ...]) -> None:
    priced.write("conftest.py", CRASH)
    priced.suite(right("a", checks=[{"boom": str(priced.path / "flag")}]), right("b"), models=["priced"])

    result = priced.bench("-n2", "--bench-json=b.json", *reruns)

    runs = {run["scenario"]: run for run in json_report(priced.path / "b.json")["results"]}
    assert runs["b"]["status"] == "passed"
    # It asked its model, and nobody is left to say what that took.
    assert (runs["a"]["status"], runs["a"]["cost_usd"]) == ("error", None)
    result.stdout.fnmatch_lines(["priced * 1/1 *>= $0.50"])
