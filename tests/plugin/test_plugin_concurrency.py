"""How many runs are in flight at once, as the server sees it."""

from __future__ import annotations

import pytest

from tests.plugin.held_server import AtOnce, held_sim
from tests.plugin.plugin_parts import Project, json_report, scenario

MODELS = ("first", "second")
LATENCY_S = 0.05
"""What the server lets pass before it may answer: time for a request too many to arrive."""


def most_in_flight(
    project: Project, arguments: tuple[str, ...], expected: tuple[int, int], **entry: object
) -> tuple[int, int]:
    """Run scenarios on two models whose server waits for `expected` at once, and tell the most that each had."""
    count = max(expected) + 2
    most = dict(zip(("steady", "slow"), expected, strict=True))
    with held_sim(AtOnce(most, count)) as server:
        project.watch(server.url, "first", **entry)
        project.watch(server.url, "second", name="slow")
        knobs: dict[str, object] = {"latency": LATENCY_S, "sigma": 0}
        project.suite(*(scenario(f"s{number}", knobs) for number in range(count)), models=MODELS)

        result = project.bench(*arguments)

        assert result.ret == 0
        assert result.parseoutcomes() == {"passed": 2 * count}
        seen = server.stats()
    return seen["steady"]["max_in_flight"], seen["slow"]["max_in_flight"]


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
def test_each_model_has_its_window(project: Project, arguments: tuple[str, ...], expected: int) -> None:
    assert most_in_flight(project, arguments, (expected, expected)) == (expected, expected)


def test_automatic_workers_say_nothing_about_a_models_api(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")

    assert most_in_flight(project, ("-nauto",), (20, 20)) == (20, 20)


def test_a_models_own_window_is_narrower_only(project: Project, workers: tuple[str, ...]) -> None:
    arguments = ("--bench-concurrency=4", *workers)

    assert most_in_flight(project, arguments, (2, 4), max_in_flight=2) == (2, 4)


def test_a_models_own_window_does_not_widen(project: Project) -> None:
    assert most_in_flight(project, ("--bench-concurrency=2",), (2, 2), max_in_flight=50) == (2, 2)


@pytest.mark.parametrize("dist", ["loadfile", "each"])
def test_schedulers_of_xdist_s_own_keep_to_the_lanes(project: Project, dist: str) -> None:
    """More workers than lanes, each with items that no other may run."""
    with held_sim(AtOnce({"steady": 2})) as server:
        for name in MODELS:
            project.watch(server.url, name)
        knobs: dict[str, object] = {"latency": LATENCY_S, "sigma": 0}
        for number in range(3):
            suite = [scenario(f"s{number}-{place}", knobs) for place in range(2)]
            project.suite(*suite, name=f"suite{number}.yaml", models=MODELS)

        result = project.bench("-n3", f"--dist={dist}", "--bench-concurrency=1", "--bench-json=b.json")

        assert result.parseoutcomes() == {"passed": 12 * (3 if dist == "each" else 1)}
        assert server.stats()["steady"]["max_in_flight"] == 2, "one of each model"
    run = json_report(project.path / "b.json")["run"]
    assert 6 * LATENCY_S <= run["lower_bound_s"] <= run["makespan_s"]


@pytest.mark.parametrize("arguments", [(), ("-n2", "--dist=loadfile")], ids=" ".join)
def test_the_lower_bound_knows_what_models_have_in_common(project: Project, arguments: tuple[str, ...]) -> None:
    names = ("first", "second", "third")
    with held_sim(AtOnce({"steady": 2})) as server:
        for name in names:
            project.watch(server.url, name)
        with (project.path / "bench.toml").open("a") as config:
            config.write("\n[provider.sim]\nmax_in_flight = 2\n")
        knobs: dict[str, object] = {"latency": LATENCY_S, "sigma": 0}
        for number in range(4):
            project.suite(scenario(f"s{number}", knobs), name=f"suite{number}.yaml", models=names)

        result = project.bench(*arguments, "--bench-json=b.json")

        assert result.parseoutcomes() == {"passed": 12}
        assert server.stats()["steady"]["max_in_flight"] == 2
    run = json_report(project.path / "b.json")["run"]
    assert 6 * LATENCY_S <= run["lower_bound_s"] <= run["makespan_s"]
    assert run["sessions"][0]["pools"] == [{"models": list(names), "most": 2}]
