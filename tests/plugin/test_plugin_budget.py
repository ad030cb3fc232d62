"""--bench-budget: nothing starts once it is spent; the rest is skipped, and can be resumed."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.held_server import AtOnce, Held, held_sim
from tests.plugin.plugin_parts import Project, json_report, right
from tests.plugin.plugin_results import JSON, results

RUNS = 8
# Four tokens of prompt and one of answer: 0.50 USD a run.
PRICE = "price = {input = 100_000, output = 100_000}"


def alias(sim: SimServer | Held, name: str, *lines: str) -> str:
    return "\n".join(
        (f"[model.{name}]", 'provider = "openai"', 'name = "steady"', f'base_url = "{sim.url}"', *lines, "")
    )


def test_nothing_starts_once_it_is_spent_and_the_rest_can_be_resumed(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.write("bench.toml", alias(sim, "priced", PRICE))
    project.suite(*(right(f"s{number}") for number in range(RUNS)), models=["priced"])

    result = project.bench("--bench-budget=1.2", "--bench-concurrency=1", JSON, "-rs", *workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 3, "skipped": RUNS - 3}
    assert sim.stats()["steady"]["requests"] == 3
    result.stdout.fnmatch_lines(["SKIPPED *: the budget of $1.20 is spent"])
    result.stdout.fnmatch_lines(["to finish this run: pytest --bench * --bench-resume"])
    skipped = [run for run in results(project).values() if run["status"] == "skipped"]
    assert {(run["error"]["kind"], run["attempts"], run["cost_usd"]) for run in skipped} == {("budget", 0, 0.0)}

    resumed = project.bench("--bench-budget=10", "--bench-resume", *workers)

    assert resumed.parseoutcomes() == {"passed": RUNS}
    assert sim.stats()["steady"]["sent"] == {"200": RUNS}


def test_what_is_in_flight_when_it_is_spent_still_ends(project: Project, workers: tuple[str, ...]) -> None:
    with held_sim(AtOnce({"steady": 2})) as server:
        project.write("bench.toml", alias(server, "priced", PRICE))
        project.suite(*(right(f"s{number}") for number in range(RUNS)), models=["priced"])

        result = project.bench("--bench-budget=0.1", "--bench-concurrency=2", JSON, *workers)

        outcomes = result.parseoutcomes()
        assert outcomes == {"passed": 2, "skipped": RUNS - 2}
        assert server.stats()["steady"]["requests"] == 2
    spent = sum(model["cost_usd"] for model in json_report(project.path / "b.json")["models"])
    assert spent == pytest.approx(1.0)


def test_an_unknown_price_is_said_once_and_counts_as_unknown(project: Project, sim: SimServer) -> None:
    project.write("bench.toml", alias(sim, "unpriced"))
    project.suite(right("a"), right("b"), models=["unpriced"])

    result = project.bench("--bench-budget=0.01", JSON)

    assert result.parseoutcomes() == {"passed": 2}
    unknown = "cost unknown: unpriced (the budget does not count them); set price = {input = ..., output = ...} "
    assert result.stdout.lines.count(f"{unknown}of [model.NAME] in bench.toml") == 1
    document = json_report(project.path / "b.json")
    assert [run["cost_usd"] for run in document["results"]] == [None, None]
    assert [model["cost_usd"] for model in document["models"]] == [None]
