"""A run that is killed again and again, and resumed until it is done."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .contest import Contest, Work
from .measure import MeasureError
from .server import Server

__all__ = ["Kills", "kill_and_resume"]

_MEDIAN_S = 0.02
_PATIENCE_S = 60.0
_FINISHED = "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Kills:
    """How often one run of `work` was killed, and what became of it.

    `requests` is what the server saw in all. `results` are the stored ones, `distinct` of them are of different runs;
    `sessions` is how many runs the store knows, and `integrity` what SQLite says of its file.
    """

    work: Work
    kills: int
    requests: int
    results: int
    distinct: int
    sessions: int
    integrity: str

    @property
    def more_a_kill(self) -> float:
        """Requests beyond one for each run, divided by the kills."""
        return (self.requests - self.work.runs) / max(self.kills, 1)

    @property
    def is_whole(self) -> bool:
        """Whether each run has one result, all of them in one stored run, and the file needed no repair."""
        counts = {self.results, self.distinct, self.work.runs}
        return self.integrity == "ok" and self.sessions == 1 and len(counts) == 1


def kill_and_resume(folder: Path, work: Work, moments: Iterable[int]) -> Kills:
    """Kill the command when so many of its results are reported, for each of `moments`; then let it come to its end.

    Raises `MeasureError` if it does not.
    """
    kills = 0
    with Server(_MEDIAN_S) as server:
        contest = Contest(folder, server, work)
        store = contest.folder / ".benchmodels" / "store.sqlite"
        for moment in sorted(moments):
            kills += _kill(contest.plugin_command("-vv", *_resume(store)), contest.folder, moment)
        if not _count(store, _FINISHED):
            output = contest.session(*_resume(store)).output
            if f"{work.runs} passed" not in output:
                raise MeasureError(f"the run did not come to its end:\n{output[-2000:]}")
        requests = server.seen().requests
    return Kills(
        work=work,
        kills=kills,
        requests=requests,
        results=_count(store, "SELECT count(*) FROM results JOIN documents ON documents.result = results.id"),
        distinct=_count(store, "SELECT count(DISTINCT nodeid) FROM results"),
        sessions=_count(store, "SELECT count(*) FROM runs"),
        integrity=_asked(store, "PRAGMA integrity_check"),
    )


def _resume(store: Path) -> tuple[str, ...]:
    """The option that goes on, unless the command was killed before its first result."""
    return ("--bench-resume",) if _count(store, "SELECT count(*) FROM runs") else ()


def _kill(command: list[str], folder: Path, reported: int) -> bool:
    """Kill the command when it has reported so many results; False if it came to its end before."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None  # noqa: S101 - it is a pipe; for the types
    seen = b""
    while seen.count(b"PASSED") < reported and (chunk := os.read(process.stdout.fileno(), 65536)):
        seen += chunk
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_PATIENCE_S)
    return process.returncode == -signal.SIGKILL


def _count(store: Path, sql: str) -> int:
    """0 without a store."""
    return int(_asked(store, sql)) if store.exists() else 0


def _asked(store: Path, sql: str) -> str:
    with closing(sqlite3.connect(store)) as connection:
        return str(connection.execute(sql).fetchone()[0])
