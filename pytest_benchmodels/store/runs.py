"""The runs of a store, each the work of one or more sessions."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import Status
from pytest_benchmodels.core.run import Lanes, Pool, Session
from pytest_benchmodels.core.text import nearest, plain, quote, well_formed
from pytest_benchmodels.store.database import Database
from pytest_benchmodels.store.record import NO_VERDICT, Beginning, Extent, State, StoredRun

__all__ = ["Runs", "is_alive", "new_id", "this_process"]


def this_process() -> str:
    """A name that no other process has: host, process number and when it began."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_began(pid)}"


def is_alive(process: str) -> bool:
    """Whether the process that called itself so still runs.

    Of another host nothing can be known: a store that came from there was brought here after the work, so no.
    """
    host, _, rest = process.rpartition("/")[0].rpartition("/")
    began = process.rpartition("/")[2]
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    pid = int(rest)
    return _exists(pid) and _began(pid) == began and not _is_zombie(pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_zombie(pid: int) -> bool:
    """A killed process stays one where nobody waits for it, as in many containers."""
    return _stat(pid)[:1] in (["Z"], ["X"])


def _began(pid: int) -> str:
    """In the kernel's ticks since it started; empty where there is no /proc. Numbers of processes are used again."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """The kernel's account of a process, from its state on; empty where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The second field is the program's name in parentheses, and may hold anything.
    return stat.rpartition(")")[2].split()


_SELECT = "SELECT number, id, started_at, finished_at, process, command, plugin_version, total, shard FROM runs"
_INSERT = """
INSERT INTO runs (id, started_at, finished_at, process, command, plugin_version, total, shard)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_NUMBER = "(SELECT number FROM runs WHERE id = ?)"
_INSERT_SESSION = f"INSERT INTO sessions (run, started_at, concurrency, windows, pools) VALUES ({_NUMBER}, ?, ?, ?, ?)"
_SESSIONS = "SELECT started_at, concurrency, windows, pools FROM sessions WHERE run = ? ORDER BY id"
_INSERT_EXTENT = f"INSERT OR REPLACE INTO extents (run, nodeids) VALUES ({_NUMBER}, ?)"
_EXTENT = f"SELECT nodeids FROM extents WHERE run = {_NUMBER}"
_NODEIDS = f"SELECT nodeid FROM results WHERE run = {_NUMBER}"
_STATUSES = "SELECT status, count(*), max(started_at + duration_s) FROM results WHERE run = ? GROUP BY status"


class _Row(NamedTuple):
    number: int
    id: str
    started_at: float
    finished_at: float | None
    process: str | None
    command: str
    plugin_version: str
    total: int | None
    shard: str | None


class Runs:
    """Begins runs, ends them, and finds them again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, beginning: Beginning) -> str:
        """Note that this process begins a run; return its id."""
        began_at = time.time() if beginning.began_at is None else beginning.began_at
        return self.insert(
            StoredRun(
                id=self._new_id(began_at),
                started_at=began_at,
                finished_at=None,
                state="running",
                command=beginning.command,
                plugin_version=beginning.plugin_version,
                total=beginning.total,
                shard=beginning.shard,
            )
        )

    def _new_id(self, began_at: float) -> str:
        """One that the store does not have: of three hundred in one second two would be the same once in 400 times."""
        taken = "SELECT id FROM runs WHERE id = ?"
        while self._database.row(tuple[str], taken, (drawn := new_id(began_at),)) is not None:
            pass
        return drawn

    def insert(self, run: StoredRun) -> str:
        """Add a run as it is; one that is `running` belongs to this process from now on."""
        values = (
            run.id,
            run.started_at,
            run.finished_at,
            this_process() if run.state == "running" else None,
            json.dumps(run.command),
            run.plugin_version,
            run.total,
            run.shard,
        )
        with self._database.transaction() as cursor:
            cursor.execute(_INSERT, values)
            for session in run.sessions:
                _insert_session(cursor, run.id, session)
        return run.id

    def resume(self, run_id: str) -> None:
        """Note that this process goes on with a run. Raises `StoreError` if another works on it, or there is none."""
        with self._database.transaction() as cursor:
            row = cursor.execute("SELECT process FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                raise StoreError(self._not_one(run_id, []))
            if row[0] is not None and row[0] != this_process() and is_alive(row[0]):
                raise StoreError(
                    f"run {run_id} is still running, as process {_shown(row[0])}: wait for its end, or end it"
                )
            cursor.execute("UPDATE runs SET process = ?, finished_at = NULL WHERE id = ?", (this_process(), run_id))

    def enter(self, run_id: str, session: Session) -> None:
        """Note that one more session works on a run: its results come after those of the sessions before."""
        with self._database.transaction() as cursor:
            _insert_session(cursor, run_id, session)

    def expect(self, run_id: str, extent: Extent) -> None:
        """Note which results there are to be."""
        nodeids = json.dumps(sorted(map(well_formed, extent.nodeids)))
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE runs SET total = ? WHERE id = ?", (extent.total, run_id))
            cursor.execute(_INSERT_EXTENT, (run_id, nodeids))

    def extent(self, run: StoredRun) -> Extent:
        """Which results there are to be, those included that are there."""
        row = self._database.row(tuple[str], _EXTENT, (run.id,))
        present = (nodeid for (nodeid,) in self._database.rows(tuple[str], _NODEIDS, (run.id,)))
        nodeids = frozenset(present) if row is None else _nodeids(row[0]).union(present)
        return Extent(nodeids, max(0, (run.total or 0) - len(nodeids)))

    def finish(self, run_id: str, finished_at: float | None = None) -> None:
        """Note that each of the run's results is there, since this moment in seconds since the epoch: None for now."""
        moment = time.time() if finished_at is None else finished_at
        self._database.write("UPDATE runs SET finished_at = ?, process = NULL WHERE id = ?", (moment, run_id))

    def interrupt(self, run_id: str) -> None:
        """Note that this process ends before the run does: it can be resumed at once."""
        self._database.write("UPDATE runs SET process = NULL WHERE id = ?", (run_id,))

    def newest_first(self) -> list[StoredRun]:
        """All runs."""
        return self._select("ORDER BY started_at DESC, number DESC")

    def newest_unfinished(self) -> StoredRun | None:
        """The newest run that is neither finished nor running."""
        unfinished = self._select("WHERE finished_at IS NULL ORDER BY started_at DESC, number DESC")
        return next((run for run in unfinished if run.state != "running"), None)

    def find(self, name: str) -> StoredRun:
        """The run of this id or of the only id that begins so; `latest` or `-1` the newest, `-2` the one before.

        Raises `StoreError` if it is none or several.
        """
        back = 1 if name == "latest" else _back(name)
        if back:
            found = self._select("ORDER BY started_at DESC, number DESC LIMIT 1 OFFSET ?", (back - 1,))
        else:
            found = self._select("WHERE substr(id, 1, ?) = ? ORDER BY id", (len(name), name)) if name else []
        exact = [run for run in found if run.id == name] or found
        if len(exact) != 1:
            raise StoreError(self._not_one(name, [run.id for run in exact]))
        return exact[0]

    def _not_one(self, name: str, found: list[str]) -> str:
        if found:
            shown = plain(", ".join(found[:5])) + (", ..." if len(found) > 5 else "")
            return f"{quote(name)} begins the names of {len(found)} runs ({shown}): type more of it"
        known = [run.id for run in self.newest_first()]
        if not known:
            return f"there is no run {quote(name)}: this store has none"
        hint = f"there are {len(known)}, the newest is {plain(known[0])}"
        return f"there is no run {quote(name)}{nearest(name, known)}; {hint}"

    def _select(self, rest: str, values: Sequence[object] = ()) -> list[StoredRun]:
        return [self._run(row) for row in list(self._database.rows(_Row, f"{_SELECT} {rest}", values))]

    def _run(self, row: _Row) -> StoredRun:
        found = list(self._database.rows(tuple[Status, int, float], _STATUSES, (row.number,)))
        statuses = {status: count for status, count, _ in found}
        return StoredRun(
            id=row.id,
            started_at=row.started_at,
            finished_at=row.finished_at,
            state=_state(row, statuses),
            command=_words(row.command),
            plugin_version=row.plugin_version,
            total=row.total,
            shard=row.shard,
            statuses=statuses,
            sessions=tuple(self._sessions(row.number)),
            last_result_at=max((ended_at for _, _, ended_at in found), default=None),
        )

    def _sessions(self, number: int) -> Iterator[Session]:
        rows = self._database.rows(tuple[float, Lanes, str, str], _SESSIONS, (number,))
        for started_at, concurrency, windows, pools in rows:
            yield Session(started_at, concurrency, _windows(windows), _pools(pools))


def _state(row: _Row, statuses: Mapping[Status, int]) -> State:
    if row.finished_at is not None:
        return "finished"
    if row.process is not None:
        return "running" if is_alive(row.process) else "interrupted"
    is_complete = row.total is not None and sum(statuses.values()) >= row.total
    # Where nothing lacks a verdict, a session was ended after its last result and before it could say so.
    return "unfinished" if is_complete and not statuses.keys().isdisjoint(NO_VERDICT) else "interrupted"


def _words(command: str) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(command, type=tuple[str, ...])
    except msgspec.DecodeError:
        return (command,)


def _insert_session(cursor: sqlite3.Cursor, run_id: str, session: Session) -> None:
    windows = json.dumps(dict(session.windows))
    pools = msgspec.json.encode(session.pools).decode()
    cursor.execute(_INSERT_SESSION, (run_id, session.started_at, session.concurrency, windows, pools))


def _windows(windows: str) -> Mapping[str, int]:
    try:
        return msgspec.json.decode(windows, type=dict[str, Lanes])
    except msgspec.DecodeError:
        return {}


def _pools(pools: str) -> tuple[Pool, ...]:
    try:
        return msgspec.json.decode(pools, type=tuple[Pool, ...])
    except msgspec.DecodeError:
        return ()


def _nodeids(nodeids: str) -> frozenset[str]:
    """What is damaged names nothing: the run's total still tells how many there are to be."""
    try:
        return msgspec.json.decode(nodeids, type=frozenset[str])
    except msgspec.DecodeError:
        return frozenset()


def _back(name: str) -> int:
    """2 for `-2`; 0 for anything else."""
    return int(name[1:]) if name.startswith("-") and name[1:].isdecimal() and len(name) < 10 else 0


def _shown(process: str) -> str:
    host, _, pid = process.rpartition("/")[0].rpartition("/")
    return plain(f"{pid} on {host}")


def new_id(now: float) -> str:
    """`20260131-120000-3f9ac1`, in UTC: they sort by time, and two of one second are hardly ever the same."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"
