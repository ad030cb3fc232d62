"""What a session left in its store, and sessions that are ended from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pytest_benchmodels import SimServer
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.store import Store, StoredRun
from tests.plugin.plugin_parts import Project, Scenario

__all__ = [
    "end_after",
    "read_until",
    "read_until_said",
    "requests",
    "session",
    "store_path",
    "stored",
    "stored_runs",
    "talk",
]

_QUESTIONS = (("What is 2 + 2?", "4"), ("What is 3 + 4?", "7"))
_VERDICT = re.compile(rb"PASSED|FAILED|ERROR")


def talk(name: str, *wanted: str) -> Scenario:
    """A conversation of two turns, right unless `wanted` says other answers."""
    asked = zip(_QUESTIONS, wanted or [answer for _, answer in _QUESTIONS], strict=True)
    return {"id": name, "turns": [{"prompt": prompt, "checks": [{"equals": answer}]} for (prompt, _), answer in asked]}


def store_path(project: Project) -> Path:
    return project.path / ".benchmodels" / "store.sqlite"


def stored_runs(project: Project) -> list[StoredRun]:
    """The newest first."""
    with Store.open_to_read(store_path(project)) as store:
        return store.runs.newest_first()


def stored(project: Project, run: str = "latest") -> dict[str, Result]:
    """A run's results by scenario."""
    with Store.open_to_read(store_path(project)) as store:
        return {result.scenario: result for result in store.results.of(store.runs.find(run).id)}


def requests(sim: SimServer) -> int:
    """How many the server saw."""
    return sum(model["requests"] for model in sim.stats().values() if isinstance(model["requests"], int))


def session(project: Project, *arguments: str) -> subprocess.Popen[bytes]:
    """`pytest --bench` as a process whose output is read while it runs."""
    return subprocess.Popen(
        [sys.executable, "-u", "-mpytest", "--bench", "-v", "-p", "no:hypothesispytest", *arguments],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def read_until(process: subprocess.Popen[bytes], verdicts: int) -> str:
    """What the process says until so many runs are reported. The last line is not complete: nobody has ended it."""
    return _read_while(process, lambda seen: len(_VERDICT.findall(seen)) < verdicts)


def read_until_said(process: subprocess.Popen[bytes], words: str) -> str:
    """What the process says until it says these words."""
    return _read_while(process, lambda seen: words.encode() not in seen)


def _read_while(process: subprocess.Popen[bytes], goes_on: Callable[[bytes], bool]) -> str:
    assert process.stdout is not None
    seen = b""
    while goes_on(seen):
        chunk = os.read(process.stdout.fileno(), 65536)
        assert chunk, seen.decode()
        seen += chunk
    return seen.decode()


def end_after(process: subprocess.Popen[bytes], verdicts: int, number: signal.Signals) -> str:
    """Send a signal when so many runs are reported; return all that the process said."""
    seen = read_until(process, verdicts)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=300)
    return seen + rest.decode()
