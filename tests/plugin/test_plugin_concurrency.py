"""How many runs are in flight at once, as the server sees it."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, scenario

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
