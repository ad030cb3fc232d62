"""Who goes first: no model waits for another, and what took longest last time starts first."""

from __future__ import annotations

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, began_s, ended_s, results

WINDOW = 2


def test_a_slow_or_limited_model_does_not_hold_back_a_fast_one(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """The fast model's runs are over before the others' last runs start, 1.5 s after their first ones."""
    for alias in ("slow", "limited", "fast"):
        project.watch(sim.url, alias, **({"rpm": 120} if alias == "limited" else {}))
    knobs: dict[str, dict[str, object]] = {
        "slow": {"latency": 0.5, "sigma": 0},
        "limited": {"latency": 0},
        "fast": {"latency": 0},
    }
    project.suite(
        *(scenario(f"{model}{number}", knobs[model], models=[model]) for model in knobs for number in range(8)),
        models=(),
    )

    result = project.bench(f"--bench-concurrency={WINDOW}", JSON, *workers)

    assert result.parseoutcomes() == {"passed": 24}
    runs: dict[str, list[dict[str, object]]] = {model: [] for model in knobs}
    for run in results(project).values():
        runs[run["model"]].append(run)
    fast_over = max(map(ended_s, runs["fast"]))
    assert fast_over < max(map(began_s, runs["slow"]))
    assert fast_over < max(map(began_s, runs["limited"]))


def test_the_longest_of_last_time_starts_first(project: Project, workers: tuple[str, ...]) -> None:
    latencies = {"short": 0.02, "long": 0.6, "middle": 0.3, "tiny": 0.0}
    project.suite(*(scenario(name, {"latency": seconds, "sigma": 0}) for name, seconds in latencies.items()))
    arguments = ("--bench-concurrency=1", JSON, *workers)

    project.bench(*arguments)
    first = sorted(results(project).values(), key=began_s)
    project.bench(*arguments)
    second = sorted(results(project).values(), key=began_s)

    assert [run["scenario"] for run in first] == list(latencies)
    assert [run["scenario"] for run in second][:2] == ["long", "middle"]


def test_a_run_that_nobody_knows_starts_before_those_that_are_known(project: Project, workers: tuple[str, ...]) -> None:
    arguments = ("--bench-concurrency=1", JSON, *workers)
    known = [scenario(name, {"latency": 0.05}) for name in ("a", "b")]
    project.suite(*known)
    project.bench(*arguments)
    project.suite(*known, scenario("new"))

    project.bench(*arguments)

    assert min(results(project).values(), key=began_s)["scenario"] == "new"
