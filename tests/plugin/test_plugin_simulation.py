"""The simulated provider's process is there when a run needs it, and gone with its session, however that ends."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import WAITS_FOR_A_FILE, Project, hanging, right, wrong
from tests.plugin.plugin_process import LiveSession, live_session

# Processes are found by their parents and their commands here, which forks do not have.
pytestmark = pytest.mark.usefixtures("real_processes")

MODULE = "pytest_benchmodels.providers.sim"
STARTS_ARE_ERRORS = """
import pytest
from pytest_benchmodels import SimServer

def start(server):
    raise RuntimeError("started")

PATCH = pytest.MonkeyPatch()
PATCH.setattr(SimServer, "start", start)

def pytest_unconfigure():
    PATCH.undo()
"""


def servers_of(session: LiveSession) -> list[int]:
    """The simulated servers among the processes that this session started."""
    return [number for number, command in session._processes() if MODULE in command]


def children_that_serve() -> set[int]:
    """The simulated servers that this process started: a session within it would be their parent."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and MODULE.encode() in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
    return found


def test_one_server_serves_all_workers_and_ends_with_its_session(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", WAITS_FOR_A_FILE)
    project.suite(right("add"), wrong("bad"), right("last", checks=[{"waits_for": "counted"}]))

    with live_session(project.path, *workers) as session:
        session.wait_for("PASSED")
        serving = servers_of(session)
        project.write("counted", "")
        status, output = session.end()
        gone = session.is_gone()

    assert len(serving) == 1
    assert (status, gone) == (pytest.ExitCode.TESTS_FAILED, True)
    assert "1 failed, 2 passed" in output


def test_it_ends_with_a_session_that_is_killed(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"), hanging("late", timeout=None))

    with live_session(project.path, *workers) as session:
        session.wait_for("PASSED")
        serving = servers_of(session)
        session.send(signal.SIGKILL)
        gone = session.is_gone()

    assert (len(serving), gone) == (1, True)


def test_a_server_that_dies_costs_its_runs_and_not_the_session(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"), hanging("late", timeout=None))

    with live_session(project.path, "--bench-retries=0", *workers) as session:
        session.wait_for("PASSED")
        (server,) = servers_of(session)
        os.kill(server, signal.SIGKILL)
        status, output = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "errors: sim/steady: 1 x connection: " in output
    assert "1 passed, 1 error" in output


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), pytest.ExitCode.OK),
        (("--collect-only",), pytest.ExitCode.OK),
        (("--bench-plan",), pytest.ExitCode.OK),
        (("--bench-models=sim/hang", "--bench-timeout=0.2"), pytest.ExitCode.TESTS_FAILED),
        (("--bench-models=sim/none",), pytest.ExitCode.USAGE_ERROR),
        (("--bench-models=openai/gpt-4o-mini",), pytest.ExitCode.USAGE_ERROR),
        (("--bench-models=sim/steady", "no-such-file"), pytest.ExitCode.USAGE_ERROR),
        (("-k", "nothing"), pytest.ExitCode.NO_TESTS_COLLECTED),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else "",
)
def test_no_session_in_this_process_leaves_one(
    project: Project, arguments: tuple[str, ...], status: pytest.ExitCode
) -> None:
    project.suite(right("add"))
    before = children_that_serve()

    result = project.bench(*arguments)

    assert result.ret == status
    assert children_that_serve() == before


def test_the_look_for_servers_finds_one() -> None:
    before = children_that_serve()

    with SimServer():
        assert len(children_that_serve() - before) == 1
    assert children_that_serve() == before


@pytest.mark.parametrize("arguments", [("--collect-only",), ("-k", "add", "--bench-models=watched")])
def test_it_is_not_started_where_nobody_asks_it(
    project: Project, sim: SimServer, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model at another address is somebody else's, and collecting asks nobody."""
    monkeypatch.setenv("A_KEY", "k")
    project.watch(sim.url, provider="openai", api_key_env="A_KEY")
    project.write("conftest.py", STARTS_ARE_ERRORS)
    project.suite(right("add"))

    assert project.bench(*arguments).ret == pytest.ExitCode.OK
