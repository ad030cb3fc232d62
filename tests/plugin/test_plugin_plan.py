"""--bench-plan: what would run and what it would take, before a request is sent."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.reports.units import duration
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_store import requests, stored

TITLES = "model *runs *stored *tokens in *tokens out *cost *time"


def alias(sim: SimServer, name: str, *lines: str) -> str:
    return "\n".join((f"[model.{name}]", 'provider = "sim"', 'name = "steady"', f'base_url = "{sim.url}"', *lines, ""))


def test_nothing_is_called_and_nothing_started(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimServer, "start", lambda _: pytest.fail("a server was started"))
    project.suite(right("a"), right("b", skip="not now"), models=["sim/steady", "sim/slow"])

    result = project.bench("--bench-plan", *workers)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["*= benchmark plan =*", TITLES, "sim/steady *1 *0 *4 *16-512 *", "sim/slow *1 *0 *", "2 runs would run, *"]
    )
    result.stdout.no_fnmatch_line("*workers*")
    result.stdout.no_fnmatch_line("*benchmark summary*")


def test_cost_and_tokens_are_ranges_until_the_model_was_met(project: Project, sim: SimServer) -> None:
    price = "price = {input = 10_000, output = 100_000}"
    project.write("bench.toml", alias(sim, "dear", price) + alias(sim, "free", "price = {input = 0, output = 0}"))
    project.suite(
        right("a", params={"max_tokens": 100}), right("b", params={"max_tokens": 100}), models=["dear", "free"]
    )

    planned = project.bench("--bench-plan")

    # Two prompts of 14 characters: 4 tokens each, 0.08 dollars; 32 to 200 tokens of answers, 3.20 to 20 dollars.
    planned.stdout.fnmatch_lines(["dear *2 *0 *8 *32-200 *$3.28-$20.08 *-", "free *$0.00 *-"])
    planned.stdout.fnmatch_lines(["4 runs would run, $3.28-$20.08", "expected time: unknown"])
    assert sim.stats() == {}


def test_earlier_runs_tell_tokens_and_time(project: Project, sim: SimServer) -> None:
    project.write("bench.toml", alias(sim, "dear", "price = {input = 0, output = 1_000_000}"))
    slow = (scenario(f"s{number}", {"latency": 0.1, "sigma": 0}) for number in range(4))
    project.suite(*slow, models=["dear"])
    project.bench("--bench-concurrency=4")

    planned = project.bench("--bench-plan", "--bench-concurrency=2")

    planned.stdout.fnmatch_lines(["dear *4 *4 *4 *$4.00 *", "4 runs would run, $4.00"])
    told = planned.stdout.str().partition("expected time: ")[2].partition("\n")[0]
    took_s = [run.duration_s for run in stored(project).values()]
    assert told == duration(max(sum(took_s) / 2, *took_s))
    assert requests(sim) == 4


def test_a_rate_limit_tells_the_time(project: Project, sim: SimServer) -> None:
    project.write("bench.toml", alias(sim, "paced", "rpm = 6"))
    project.suite(*(right(f"s{number}") for number in range(12)), models=["paced"])

    planned = project.bench("--bench-plan")

    planned.stdout.fnmatch_lines(["paced *12 *2.0min", "expected time: 2.0min"])


@pytest.mark.parametrize("option", ["--bench-cache", "--bench-regrade"])
def test_what_is_stored_would_not_run(project: Project, sim: SimServer, option: str) -> None:
    project.write("bench.toml", alias(sim, "m"))
    project.suite(right("a"), models=["m"])
    project.bench()
    project.suite(right("a"), right("b", prompt="What is 3 + 3?"), models=["m"])

    project.bench("--bench-plan").stdout.fnmatch_lines(["m *2 *1 *", "2 runs would run, *"])
    project.bench("--bench-plan", option).stdout.fnmatch_lines(["m *1 *1 *", "1 run would run, *"])


def test_a_plan_without_runs_says_so(project: Project) -> None:
    project.write("test_ordinary.py", "def test_one(): pass\n")

    project.bench("--bench-plan").stdout.fnmatch_lines(["*benchmark plan*", "nothing would run"])


def test_a_store_that_cannot_be_read_is_a_usage_error(project: Project) -> None:
    project.suite(right("a"))

    result = project.bench("--bench-plan", "--bench-store=suite.yaml")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --bench-plan: store '*suite.yaml': it is no store but some other file *"])
