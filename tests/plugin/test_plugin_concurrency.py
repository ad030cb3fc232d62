"""How many runs are in flight at once, as the server sees it."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, scenario

LATENCY_S = 0.25


def most_in_flight(project: Project, sim: SimServer, count: int, *arguments: str, **entry: object) -> dict[str, object]:
    """Run `count` scenarios on two models, and tell the most that each had in flight."""
    project.watch(sim.url, "first", **entry)
    project.watch(sim.url, "second", name="slow")
    knobs: dict[str, object] = {"latency": LATENCY_S, "sigma": 0}
    suite = [scenario(f"s{number}", knobs) for number in range(count)]
    project.suite(*suite, models=["first", "second"])

    result = project.bench(*arguments)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2 * count}
    return {name: seen["max_in_flight"] for name, seen in sim.stats().items()}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), 20),
        (("--bench-concurrency=3",), 3),
        (("-n2",), 2),
        (("-n2", "--bench-concurrency=5"), 5),
        (("-n0",), 20),
        (("--dist=load", "--tx=2*popen"), 20),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_each_model_has_its_window(project: Project, sim: SimServer, arguments: tuple[str, ...], expected: int) -> None:
    seen = most_in_flight(project, sim, 21 if expected == 20 else 7, *arguments)

    assert seen == {"steady": expected, "slow": expected}


def test_automatic_workers_say_nothing_about_a_models_api(
    project: Project, sim: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")

    assert most_in_flight(project, sim, 21, "-nauto") == {"steady": 20, "slow": 20}


def test_a_models_own_window_is_narrower_only(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    seen = most_in_flight(project, sim, 6, "--bench-concurrency=4", *workers, max_in_flight=2)

    assert seen == {"steady": 2, "slow": 4}


def test_a_models_own_window_does_not_widen(project: Project, sim: SimServer) -> None:
    assert most_in_flight(project, sim, 4, "--bench-concurrency=2", max_in_flight=50) == {"steady": 2, "slow": 2}


@pytest.mark.parametrize("dist", ["loadfile", "loadscope", "each"])
def test_schedulers_of_xdist_s_own_keep_to_the_lanes(project: Project, sim: SimServer, dist: str) -> None:
    """More workers than lanes, each with items that no other may run."""
    for name in ("first", "second"):
        project.watch(sim.url, name)
    knobs: dict[str, object] = {"latency": 0.05, "sigma": 0}
    for number in range(4):
        suite = [scenario(f"s{number}-{place}", knobs) for place in range(3)]
        project.suite(*suite, name=f"suite{number}.yaml", models=["first", "second"])

    result = project.bench("-n4", f"--dist={dist}", "--bench-concurrency=1", "--bench-json=b.json")

    assert result.parseoutcomes() == {"passed": 24 * (4 if dist == "each" else 1)}
    assert sim.stats()["steady"]["max_in_flight"] == 2, "one of each model"
    run = json_report(project.path / "b.json")["run"]
    assert 0.6 <= run["lower_bound_s"] <= run["makespan_s"]


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("-n3", "--dist=loadfile")], ids=" ".join)
def test_the_lower_bound_knows_what_models_have_in_common(
    project: Project, sim: SimServer, arguments: tuple[str, ...]
) -> None:
    names = ("first", "second", "third")
    for name in names:
        project.watch(sim.url, name)
    with (project.path / "bench.toml").open("a") as config:
        config.write("\n[provider.sim]\nmax_in_flight = 2\n")
    knobs: dict[str, object] = {"latency": 0.1, "sigma": 0}
    for number in range(4):
        project.suite(scenario(f"s{number}", knobs), name=f"suite{number}.yaml", models=names)

    result = project.bench(*arguments, "--bench-json=b.json")

    assert result.parseoutcomes() == {"passed": 12}
    assert sim.stats()["steady"]["max_in_flight"] == 2
    run = json_report(project.path / "b.json")["run"]
    assert 0.6 <= run["lower_bound_s"] <= run["makespan_s"]
    assert run["sessions"][0]["pools"] == [{"models": list(names), "most": 2}]
