"""What the harness starts by the dozen starts as soon as it can here: no figure is judged."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from benchmarks import measure
from tests import forked_processes
from tests.forked_processes import ForkingPopen

Used = tuple[int, float, int]


@pytest.fixture(autouse=True)
def only_our_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plugins of libraries that only tests need: a third of each start."""
    names = ("anyio", "hypothesispytest", "allure_pytest", "rerunfailures")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in names))
    # A fork has the second of these from its server.
    usual = tuple(name for name in measure._UNUSUAL if name not in ("PYTEST_ADDOPTS", "PYTHONUNBUFFERED"))
    monkeypatch.setattr(measure, "_UNUSUAL", usual)


@pytest.fixture(autouse=True)
def forked_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork sessions and commands, which are told from others by nothing that is looked for here."""
    known = (*forked_processes._FORKED, ("-m", "pytest"), ("-m", "pytest_benchmodels.cli"))
    monkeypatch.setattr(forked_processes, "_FORKED", known)
    monkeypatch.setattr(measure, "wait", waited(measure.wait))


def waited(wait: Callable[[subprocess.Popen[bytes]], Used]) -> Callable[[subprocess.Popen[bytes]], Used]:
    """Wait for a fork, whose parent is the server, or for any other process as ever."""

    def forked(process: subprocess.Popen[bytes]) -> Used:
        if not isinstance(process, ForkingPopen) or not process.is_fork:
            return wait(process)
        status = process.wait()
        assert process.used is not None, "the fork server died"
        return status, *process.used

    return forked
