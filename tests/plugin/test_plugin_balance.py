"""Who goes first: no model waits for another, and a run that nobody knows starts first."""

from __future__ import annotations

from tests.plugin.held_server import AfterModel, held_sim
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, began_s, results

RUNS = 8


def test_a_slow_or_limited_model_does_not_hold_back_a_fast_one(project: Project, workers: tuple[str, ...]) -> None:
    """The server answers no other model before it has answered all of the fast one's runs."""
    models = {"slow": "slow", "limited": "flaky", "fast": "steady"}
    with held_sim(AfterModel("steady", RUNS)) as server:
        for alias, name in models.items():
            # 600 a minute: a run of the limited model starts each tenth of a second.
            project.watch(server.url, alias, name=name, **({"rpm": 600} if alias == "limited" else {}))
        knobs: dict[str, object] = {"latency": 0, "rate_429": 0, "rate_500": 0}
        # Each model's runs stand before those of the next.
        project.suite(
            *(scenario(f"{model}{number}", knobs, models=[model]) for model in models for number in range(RUNS)),
            models=(),
        )

        result = project.bench("--bench-concurrency=2", "--bench-timeout=300", *workers)

    assert result.parseoutcomes() == {"passed": len(models) * RUNS}


def test_a_run_that_nobody_knows_starts_before_those_that_are_known(project: Project, workers: tuple[str, ...]) -> None:
    arguments = ("--bench-concurrency=1", JSON, *workers)
    known = [right(name) for name in ("a", "b")]
    project.suite(*known)
    project.bench(*arguments)
    project.suite(*known, scenario("new"))

    project.bench(*arguments)

    assert min(results(project).values(), key=began_s)["scenario"] == "new"
