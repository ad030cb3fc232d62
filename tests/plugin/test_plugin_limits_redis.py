"""`limits = "redis://..."` in bench.toml: sessions on several machines, here in several folders, share their limits."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

_PATIENCE_S = 300
REQUESTS = 16
PER_MINUTE = 600


def limited(sim_url: str, limits: str, limit: str = f"rpm = {PER_MINUTE}") -> str:
    lines = ('[model.limited]\nprovider = "sim"\nname = "steady"', f'base_url = "{sim_url}"', limit)
    return "\n".join((f'limits = "{limits}"', *lines))


def in_two_folders(project: Project, config: str, suite: str, *arguments: str) -> list[int]:
    """Run the suite in two folders at once, as two machines would; return the exit statuses."""
    folders = [project.path / name for name in ("here", "there")]
    for folder in folders:
        project.write(f"{folder.name}/pytest.ini", "[pytest]\n")
        project.write(f"{folder.name}/bench.toml", config)
        project.write(f"{folder.name}/suite.yaml", suite)
    command = [sys.executable, "-mpytest", "--bench", "suite.yaml", "--bench-models=limited", *arguments]
    with ExitStack() as stack:
        sessions = [stack.enter_context(subprocess.Popen(command, cwd=folder)) for folder in folders]
        return [session.wait(_PATIENCE_S) for session in sessions]


def test_two_sessions_keep_one_limit(
    project: Project, sim: SimServer, redis_url: str, workers: tuple[str, ...]
) -> None:
    suite = json.dumps({"scenarios": [right(f"s{number}") for number in range(REQUESTS)]})
    statuses = in_two_folders(project, limited(sim.url, redis_url), suite, *workers)

    assert statuses == [0, 0]
    seen = seen_by(sim)["steady"]
    assert seen["sent"] == {"200": 2 * REQUESTS}
    # The last of 32 requests goes 3 s after the first; each session alone would be over in half of that.
    assert len(seen["answered_each_second"]) >= 3


def test_two_sessions_keep_one_maximum_of_requests_in_flight(project: Project, sim: SimServer, redis_url: str) -> None:
    """Each session has ten runs at once, and the server bears three requests: for both together, says bench.toml."""
    knobs: dict[str, object] = {"latency": 0.1, "sigma": 0, "limit_in_flight": 3}
    suite = json.dumps({"scenarios": [scenario(f"s{number}", knobs) for number in range(REQUESTS)]})
    config = limited(sim.url, redis_url, "max_in_flight = 3")

    statuses = in_two_folders(project, config, suite, "--bench-concurrency=10", "--bench-json=bench.json")

    assert statuses == [0, 0]
    seen = seen_by(sim)["steady"]
    assert (seen["sent"], seen["max_in_flight"]) == ({"200": 2 * REQUESTS}, 3)
    results = [
        run
        for name in ("here", "there")
        for run in json.loads((project.path / name / "bench.json").read_text(encoding="utf-8"))["results"]
    ]
    waits = [run["waits"] for run in results if run["waits"]]
    assert waits, "six slots were asked for where there are three"
    assert {name for wait in waits for name in wait} == {"max_in_flight of limited"}


def test_without_the_redis_nothing_is_sent(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.write("bench.toml", limited(sim.url, f"unix://{project.path}/nothing.sock"))
    project.suite(right("a"), models=["limited"])

    result = project.bench(JSON, *workers)

    assert result.parseoutcomes() == {"errors": 1}
    assert sim.stats() == {}
    run = results(project)["a[limited]"]
    assert (run["error"]["kind"], run["attempts"]) == ("limits", 0)
    result.stdout.fnmatch_lines(["limits: the limits in Redis cannot be reached: *"])
