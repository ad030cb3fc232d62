"""`--reruns` of pytest-rerunfailures: each run is paid, the last verdict counts, the budget is kept."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, judging_conftest, properties, right, scenario, wrong
from tests.plugin.test_plugin_budget import PRICE, alias

RERUNS = ("-p", "rerunfailures", "--reruns")


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


@pytest.fixture
def judging(priced: Project, sim: SimServer) -> Project:
    """The same, whose checks ask a judge that takes $0.50 for each word."""
    priced.write("conftest.py", judging_conftest("ok"))
    before = (priced.path / "bench.toml").read_text(encoding="utf-8")
    judge = alias(sim, "judge", "price = {input = 0, output = 500_000}", "params = {sim = {latency = 0.001}}")
    priced.write("bench.toml", before + judge.replace('"openai"', '"sim"').replace('"steady"', '"slow"'))
    return priced


def paid(run: dict[str, Any], purpose: str) -> list[float]:
    return [call["cost_usd"] for call in run["calls"] if call["purpose"] == purpose]


def missed(name: str) -> dict[str, object]:
    """Fails, and asks a judge as well."""
    checks = [{"equals": "4"}, {"judged": f"Is {name} right?"}]
    return scenario(name, {"accuracy": 0, "latency": 0.001}, checks=checks)


def test_what_judges_of_reruns_took_counts_once(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judging.suite(missed("miss"), models=["priced"])

    result = judging.bench(*RERUNS, "2", "--bench-json=b.json", *workers)

    document = json_report(judging.path / "b.json")
    (run,), (asked,) = document["results"], document["run"]["asked"]
    assert (requests(sim), sim.stats()["slow"]["requests"]) == (3, 3)
    assert [call["purpose"] for call in run["calls"]] == ["answer", "judge"] * 3
    assert (sum(paid(run, "answer")), run["cost_usd"]) == (1.5, 1.5)
    assert (asked["calls"], asked["cost_usd"]) == (3, sum(paid(run, "judge")))
    result.stdout.fnmatch_lines(["judge: judge: 3 calls, *"])
    assert document["run"]["lower_bound_s"] <= document["run"]["makespan_s"], "that of the last one"
    shown = json_report(report_of_last(judging))
    assert shown["results"][0]["calls"] == run["calls"]
    assert shown["run"]["asked"] == document["run"]["asked"]


def report_of_last(project: Project) -> Path:
    project._pytester.run("benchmodels", "report", "latest", "--json", "shown.json")
    return project.path / "shown.json"


def test_the_budget_is_charged_once_for_what_judges_took(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """Each of two runs is made three times: six answers for $0.50, six verdicts for at least as much."""
    judging.suite(missed("a"), missed("b"), models=["priced"])
    judging.bench(*RERUNS, "2", "--bench-json=b.json", "--bench-concurrency=1", "--bench-store=none", *workers)
    spent = sum(call["cost_usd"] for run in json_report(judging.path / "b.json")["results"] for call in run["calls"])
    before = requests(sim)

    judging.bench(
        *RERUNS, "2", f"--bench-budget={spent - 0.01}", "--bench-concurrency=1", "--bench-json=b.json", *workers
    )

    assert (before, requests(sim) - before) == (6, 6), "the last one starts while there is a cent left"
    assert {run["status"] for run in json_report(judging.path / "b.json")["results"]} == {"failed"}


def test_a_run_that_is_told_again_for_want_of_money_is_in_no_sum_twice(
    judging: Project, workers: tuple[str, ...]
) -> None:
    judging.suite(missed("miss"), models=["priced"])

    judging.bench(*RERUNS, "2", "--bench-budget=0.1", "--bench-json=b.json", "--junitxml=j.xml", *workers)

    document = json_report(judging.path / "b.json")
    (run,), (asked,) = document["results"], document["run"]["asked"]
    assert (run["status"], run["cost_usd"], run["reruns"], asked["calls"]) == ("failed", 0.5, 0, 1)
    facts = [properties(case) for case in ET.parse(judging.path / "j.xml").iter("testcase")]  # noqa: S314 - just made
    told = [(float(fact["bench.cost_usd"]), fact["bench.attempts"], fact["bench.input_tokens"]) for fact in facts]
    assert told == [(0.5, "1", "4"), (0.0, "0", "0"), (0.0, "0", "0")]


DIES_THEN = """
import os
from pathlib import Path
from pytest_benchmodels import Grade, Grader


class Second(Grader, frozen=True):
    second: str = ""

    def grade(self, response):
        made = Path(self.second)
        number = len(made.read_text()) if made.exists() else 0
        made.write_text("x" * (number + 1))
        if number == 1:
            os._exit(3)
        return Grade(float(number > 1), passed=number > 1, explanation=str(number))


def pytest_bench_graders():
    return [Second]
"""


def test_what_a_worker_paid_before_it_died_is_known(priced: Project, sim: SimServer) -> None:
    """The first run fails, the second takes its worker with it, the third passes in another worker."""
    priced.write("conftest.py", DIES_THEN)
    priced.suite(right("a", checks=[{"second": str(priced.path / "count")}]), models=["priced"])

    priced.bench("-n1", *RERUNS, "3", "--bench-json=b.json")

    (run,) = json_report(priced.path / "b.json")["results"]
    count = len((priced.path / "count").read_text(encoding="utf-8"))
    assert requests(sim) == count
    known = {2: ("error", 0.5, 1), 3: ("passed", 1.0, 2)}[count]
    assert (run["status"], run["known_cost_usd"], run["reruns"]) == known
    assert run["cost_usd"] is None, "nobody can say what the second one took"


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


@pytest.mark.parametrize("reruns", [(), (*RERUNS, "1")])
def test_a_worker_that_dies_is_no_end_of_the_session(priced: Project, reruns: tuple[str, ...]) -> None:
    priced.write("conftest.py", CRASH)
    priced.suite(right("a", checks=[{"boom": str(priced.path / "flag")}]), right("b"), models=["priced"])

    result = priced.bench("-n2", "--bench-json=b.json", *reruns)

    runs = {run["scenario"]: run for run in json_report(priced.path / "b.json")["results"]}
    assert runs["b"]["status"] == "passed"
    # It asked its model, and nobody is left to say what that took.
    assert (runs["a"]["status"], runs["a"]["cost_usd"]) == ("error", None)
    result.stdout.fnmatch_lines(["priced * 1/1 *>= $0.50"])
