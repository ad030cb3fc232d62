"""Without a limit in bench.toml the plugin finds what a server bears, and one model's limit is no other's."""

from __future__ import annotations

from tests.plugin.held_server import AtOnce, held_sim
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

BEARS = 3
RUNS = 40
WIDE = 12


def test_a_server_that_bears_few_at_once_answers_all_and_slows_no_other_model(
    project: Project, workers: tuple[str, ...]
) -> None:
    """The server answers the other model only when all of its lanes are in use."""
    with held_sim(AtOnce({"steady": BEARS, "slow": WIDE})) as server:
        project.watch(server.url, "narrow")
        project.watch(server.url, "wide", name="slow")
        narrow_knobs: dict[str, object] = {"latency": 0.1, "limit_in_flight": BEARS}
        project.suite(
            *(scenario(f"n{number}", narrow_knobs, models=["narrow"]) for number in range(RUNS)),
            *(scenario(f"w{number}", {"latency": 0}, models=["wide"]) for number in range(WIDE + 1)),
            models=(),
        )

        result = project.bench(f"--bench-concurrency={WIDE}", JSON, *workers)

        assert result.ret == 0
        seen = server.stats()
    assert (seen["steady"]["max_in_flight"], seen["slow"]["max_in_flight"]) == (BEARS, WIDE)
    narrow = [run for run in results(project).values() if run["model"] == "narrow"]
    retries = [retry["kind"] for run in narrow for retry in run["retries"]]
    # Nine of the first twelve are refused; a session that learned nothing would have most refused.
    assert set(retries) == {"rate-limit"}
    assert len(retries) == seen["steady"]["refused"] < RUNS
