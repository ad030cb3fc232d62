"""`limits = "redis://..."` in bench.toml: sessions on several machines, here in several folders, share their limits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results, seen_by

REQUESTS = 16
PER_MINUTE = 600


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of the test's own, on a socket in its folder."""
    server = shutil.which("redis-server")
    if server is None:
        assert not os.environ.get("BENCHMODELS_REDIS_REQUIRED"), "CI has to have redis-server"
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    path = tmp_path / "redis.sock"
    command = [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("ready to accept connections" in line.lower() for line in process.stdout)
        yield f"unix://{path}"
        process.terminate()


def limited(sim_url: str, limits: str) -> str:
    lines = ('[model.limited]\nprovider = "sim"\nname = "steady"', f'base_url = "{sim_url}"', f"rpm = {PER_MINUTE}")
    return "\n".join((f'limits = "{limits}"', *lines))


def test_two_sessions_keep_one_limit(
    project: Project, sim: SimServer, redis_url: str, workers: tuple[str, ...]
) -> None:
    suite = json.dumps({"scenarios": [right(f"s{number}") for number in range(REQUESTS)]})
    folders = [project.path / name for name in ("here", "there")]
    for folder in folders:
        project.write(f"{folder.name}/pytest.ini", "[pytest]\n")
        project.write(f"{folder.name}/bench.toml", limited(sim.url, redis_url))
        project.write(f"{folder.name}/suite.yaml", suite)

    arguments = ("suite.yaml", "--bench-models=limited", *workers)
    with live_session(folders[0], *arguments) as here, live_session(folders[1], *arguments) as there:
        ends = [session.end() for session in (here, there)]

    assert [status for status, _ in ends] == [0, 0]
    seen = seen_by(sim)["steady"]
    assert seen["sent"] == {"200": 2 * REQUESTS}
    # The last of 32 requests goes 3 s after the first; each session alone would be over in half of that.
    assert len(seen["answered_each_second"]) >= 3


def test_without_the_redis_nothing_is_sent(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.write("bench.toml", limited(sim.url, f"unix://{project.path}/nothing.sock"))
    project.suite(right("a"), models=["limited"])

    result = project.bench(JSON, *workers)

    assert result.parseoutcomes() == {"errors": 1}
    assert sim.stats() == {}
    run = results(project)["a[limited]"]
    assert (run["error"]["kind"], run["attempts"]) == ("limits", 0)
    result.stdout.fnmatch_lines(["limits: the limits in Redis cannot be reached: *"])
