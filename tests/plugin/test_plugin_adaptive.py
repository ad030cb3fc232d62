"""Without a limit in bench.toml the plugin finds what a server bears, and one model's limit is no other's."""

from __future__ import annotations

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

BEARS = 3
RUNS = 40


def test_a_server_that_bears_few_at_once_answers_all_and_slows_no_other_model(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url, "narrow")
    project.watch(sim.url, "wide")
    project.suite(
        *(
            scenario(f"n{number}", {"latency": 0.1, "limit_in_flight": BEARS}, models=["narrow"])
            for number in range(RUNS)
        ),
        *(
            scenario(f"w{number}", {"latency": 0.5, "sigma": 0, "bucket": "wide"}, models=["wide"])
            for number in range(13)
        ),
        models=(),
    )

    result = project.bench("--bench-concurrency=12", JSON, *workers)

    assert result.ret == 0
    seen = seen_by(sim)
    assert seen["steady"]["max_in_flight"] == BEARS
    assert seen["steady/wide"]["max_in_flight"] > 2 * BEARS
    narrow = [run for run in results(project).values() if run["model"] == "narrow"]
    retries = [retry["kind"] for run in narrow for retry in run["retries"]]
    # Nine of the first twelve are refused; a session that learned nothing would have most refused.
    assert set(retries) == {"rate-limit"}
    assert len(retries) == seen["steady"]["refused"] < RUNS
