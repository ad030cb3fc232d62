"""Rate limits: they hold for the whole session, as its server sees it, and a wait for one is no model's fault."""

from __future__ import annotations

from pytest_benchmodels import SimServer
from tests.plugin.held_server import AtOnce, held_sim
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, began_s, results

REQUESTS = 31
PER_MINUTE = 600
LEAST_SECONDS = 3
"""31 requests, 600 a minute: the last goes 3 s after the first. Workers that did not share would take half of that."""


def seconds(seen: dict[str, object]) -> int:
    """In how many seconds, the first and the last included, the server answered."""
    answered = seen["answered_each_second"]
    assert isinstance(answered, list)
    return len(answered)


def test_requests_and_tokens_a_minute_hold_for_all_workers_together(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """Four models at once: limited by requests, by tokens, and two by what they share with their provider."""
    project.watch(sim.url, "by-requests", name="flaky", params={}, rpm=PER_MINUTE)
    project.watch(sim.url, "by-tokens", name="slow", tpm=PER_MINUTE * 5)
    project.watch(sim.url, "one", provider="openai")
    project.watch(sim.url, "two", provider="openai")
    with (project.path / "bench.toml").open("a") as config:
        config.write(f"\n[provider.openai]\nrpm = {PER_MINUTE}\n")
    # Four tokens of prompt and one of answer, which max_tokens lets the plugin know beforehand.
    quick = {"params": {"max_tokens": 1, "sim": {"latency": 0, "rate_429": 0, "rate_500": 0}}}
    whole = [right(f"s{number}", models=["by-requests", "by-tokens"], **quick) for number in range(REQUESTS)]
    halves = [right(f"h{number}", models=["one", "two"]) for number in range(REQUESTS // 2 + 1)]
    project.suite(*whole, *halves, models=())

    result = project.bench("--bench-concurrency=40", *workers)

    assert result.parseoutcomes() == {"passed": 2 * REQUESTS + 2 * len(halves)}
    seen = sim.stats()
    assert {name: seconds(counts) >= LEAST_SECONDS for name, counts in seen.items()} == {
        "flaky": True,
        "slow": True,
        "steady": True,
    }


def test_runs_at_once_hold_for_all_models_of_a_provider(project: Project, workers: tuple[str, ...]) -> None:
    with held_sim(AtOnce({"steady": 3}, count=12)) as server:
        project.watch(server.url, "one")
        project.watch(server.url, "two")
        with (project.path / "bench.toml").open("a") as config:
            config.write("\n[provider.sim]\nmax_in_flight = 3\n")
        project.suite(
            *(scenario(f"s{number}", {"latency": 0.05, "sigma": 0}) for number in range(6)), models=["one", "two"]
        )

        result = project.bench("--bench-concurrency=5", *workers)

        assert result.parseoutcomes() == {"passed": 12}
        assert server.stats()["steady"]["max_in_flight"] == 3


def test_waiting_for_a_limit_is_no_latency_and_no_part_of_the_time_limit(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """A request every one and a half seconds: the third run waits longer than its whole time limit, and passes."""
    project.watch(sim.url, "limited", rpm=40)
    project.suite(*(right(f"s{number}", timeout=2.5) for number in range(3)), models=["limited"])

    result = project.bench(JSON, *workers)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["waited: limited: *s for rpm of limited (all its runs together)"])
    last = max(results(project).values(), key=began_s)
    assert last["waits"] == {"rpm of limited": last["wait_s"]}
    assert last["wait_s"] > 2.5 > last["duration_s"] >= last["latency_s"]


def test_a_servers_retry_after_holds_all_runs_of_its_model_and_no_other(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    refusing: dict[str, object] = {"rate_429": 1, "recover_after": 1, "retry_after": 1.5}
    project.watch(sim.url, "refused")
    project.watch(sim.url, "free", name="flaky")
    project.suite(
        scenario("first", refusing, models=["refused"]),
        *(right(f"s{number}", models=["refused"]) for number in range(3)),
        *(scenario(f"f{number}", {"rate_429": 0, "rate_500": 0}, models=["free"]) for number in range(4)),
        models=(),
    )

    result = project.bench("--bench-concurrency=1", JSON, *workers)

    assert result.ret == 0
    found = results(project)
    first = found.pop("first[refused]")
    assert (first["attempts"], first["retries"][0]["kind"]) == (2, "rate-limit")
    held = [run for run in found.values() if run["model"] == "refused"]
    assert min(map(began_s, held)) >= began_s(first) + 1.5
    assert [run["waits"] for run in found.values() if run["model"] == "free"] == [{}] * 4
    assert sim.stats()["steady"]["sent"] == {"429": 1, "200": 4}


def test_a_quota_that_runs_out_is_not_run_into(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    """The server lets ten requests in at once, and its headers say when none is left: nobody told the plugin."""
    project.watch(sim.url)
    knobs: dict[str, object] = {"limit_rpm": 600, "quota_headers": True}
    project.suite(*(scenario(f"s{number}", knobs) for number in range(15)), models=["watched"])

    result = project.bench("--bench-concurrency=1", *workers)

    assert result.parseoutcomes() == {"passed": 15}
    assert sim.stats()["steady"]["sent"] == {"200": 15}
