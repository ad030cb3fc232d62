"""Workers on other machines: here behind a socket of loopback, as execnet's own server gives them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.plugin.workers.overdue import Marks
from tests.plugin.plugin_parts import Project, right

# These are the processes of another machine, or talk to some.
pytestmark = pytest.mark.usefixtures("real_processes")

AGENT = '[model.agent]\nprovider = "command"\ncommand = ["cat"]\n'
LIMITED = '[model.limited]\nprovider = "openai"\nname = "steady"\nbase_url = "{url}"\nrpm = 600\n'
REFUSED = [
    "workers on other machines (socket=127.0.0.1:*) cannot run this:",
    "sim/steady: the simulated provider answers on its own machine only; use workers of this machine (-n)",
    "agent: a command-line agent is started on this machine only; use workers of this machine (-n)",
    'limited: each machine would count rpm and tpm by itself; share them by limits = "redis://..." in bench.toml',
    "stored answers cannot be reused: the store is a file of this machine; use workers of this machine (-n)",
]


@pytest.fixture
def away(project: Project) -> Iterator[tuple[str, ...]]:
    """Arguments that let one worker run elsewhere, with a copy of the suite."""
    remote = project.path / "remote"
    remote.mkdir()
    command = [sys.executable, "-u", "-m", "execnet.script.socketserver", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=remote, text=True) as server:
        assert server.stdout is not None
        _, _, port = server.stdout.readline().rpartition(", ")
        address = f"127.0.0.1:{port.strip().rstrip(')')}"
        folder = project.path / "suites"
        yield "--dist=load", f"--tx=socket={address}//chdir={remote}", "--rsyncdir", str(folder), str(folder)
        server.kill()


def test_what_needs_no_sharing_runs_there(project: Project, sim: SimServer, away: tuple[str, ...]) -> None:
    project.suite(right("a"), right("b"), name="suites/suite.yaml", models=["watched"])
    project.watch(sim.url)

    result = project.bench_process("-Wdefault", *away)

    assert result.parseoutcomes()["passed"] == 2
    assert sim.stats()["steady"]["sent"] == {"200": 2}


def test_what_would_silently_go_wrong_there_is_refused_at_once(project: Project, away: tuple[str, ...]) -> None:
    project.suite(right("a"), name="suites/suite.yaml", models=["sim/steady", "agent", "limited"])
    project.write("bench.toml", AGENT + LIMITED.format(url="http://127.0.0.1:1/v1"))

    result = project.bench_process("-Wdefault", "--bench-cache", "--bench-allow-commands", *away)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {line}" for line in REFUSED])


def test_a_worker_whose_marks_nobody_can_read_works_all_the_same(tmp_path: Path) -> None:
    marks = Marks.open(str(tmp_path / "of another machine" / "gw0.marks"))
    with marks.marked(3):
        assert marks.read() == {3: 1}
    marks.close()
    assert list(tmp_path.iterdir()) == []
