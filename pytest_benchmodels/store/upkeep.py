"""What is done to a store as a whole: runs removed, brought together, made one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from pytest_benchmodels.core.errors import StoreError

from .database import Database
from .record import Pruned, StoredRun
from .runs import Runs, new_id
from .statements import COLUMNS, INSERT_ANSWERS, INSERT_DOCUMENT, INSERT_RESULT

__all__ = ["join", "merge", "prune"]

_OPEN = ("error", "skipped")
_OWN_COLUMNS = ", ".join(COLUMNS[1:])  # all but the run
_JOIN_RESULTS = f"""
INSERT INTO results (id, run, {_OWN_COLUMNS}) SELECT id + ?, ?, {_OWN_COLUMNS} FROM (
    SELECT *, row_number() OVER (
        PARTITION BY nodeid ORDER BY status IN ('error', 'skipped'), started_at DESC
    ) AS place FROM results WHERE run IN (SELECT number FROM runs WHERE id IN ({{marks}}))
) WHERE place = 1 ORDER BY id
"""
_JOIN_DOCUMENTS = """
INSERT INTO documents (result, data) SELECT result + ?, data FROM documents
WHERE result + ? IN (SELECT id FROM results WHERE run = ?)
"""
_THEIR_RESULTS = f"""
SELECT {_OWN_COLUMNS}, data FROM results JOIN documents ON documents.result = results.id
WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY results.id
"""
_NODEID, _STATUS, _STARTED_AT = (COLUMNS.index(name) - 1 for name in ("nodeid", "status", "started_at"))


def prune(database: Database, runs: Runs, *, keep: int | None, older_than_s: float | None, dry: bool) -> Pruned:
    """See `Store.prune`."""
    if keep is None and older_than_s is None:
        return Pruned((), 0, 0)
    before = float("inf") if older_than_s is None else time.time() - older_than_s
    outdated = [run for run in runs.newest_first()[keep or 0 :] if run.started_at < before and run.state != "running"]
    ids = [(run.id,) for run in outdated]
    with database.transaction(commit=not dry) as cursor:
        cursor.executemany("DELETE FROM results WHERE run = (SELECT number FROM runs WHERE id = ?)", ids)
        results = max(cursor.rowcount, 0)
        cursor.executemany("DELETE FROM runs WHERE id = ?", ids)
        cursor.execute("DELETE FROM responses WHERE fingerprint NOT IN (SELECT fingerprint FROM results)")
        return Pruned(tuple(run.id for run in outdated), results, cursor.rowcount)


def merge(database: Database, source: Database) -> tuple[str, ...]:
    """See `Store.merge`."""
    runs = Runs(database)
    known = {run.id for run in runs.newest_first()}
    copied = Runs(source).newest_first()
    for run in reversed(copied):
        if run.id not in known:
            # No process works on the copy, whatever becomes of the original.
            runs.insert(run if run.state == "finished" else replace(run, state="interrupted"))
        _merge_results(database, source, run)
    with database.transaction() as cursor:
        cursor.executemany(
            INSERT_ANSWERS, source.rows("SELECT fingerprint, model, created_at, turns, data FROM responses")
        )
    return tuple(run.id for run in copied if run.id not in known)


def join(database: Database, runs: Runs, run_ids: Sequence[str]) -> str:
    """See `Store.join`."""
    parts = [runs.find(run_id) for run_id in run_ids]
    if not parts:
        raise StoreError("no run was named: name those that are to be one")
    joined = runs.insert(_joined(parts))
    with database.transaction() as cursor:
        (number,) = cursor.execute("SELECT number FROM runs WHERE id = ?", (joined,)).fetchone()
        (offset,) = cursor.execute("SELECT coalesce(max(id), 0) FROM results").fetchone()
        cursor.execute(
            _JOIN_RESULTS.format(marks=", ".join("?" * len(parts))), (offset, number, *(p.id for p in parts))
        )
        cursor.execute(_JOIN_DOCUMENTS, (offset, offset, number))
    return joined


def _merge_results(database: Database, source: Database, run: StoredRun) -> None:
    (number,) = database.row("SELECT number FROM runs WHERE id = ?", (run.id,))
    rows = database.rows("SELECT nodeid, status, started_at FROM results WHERE run = ?", (number,))
    here = {nodeid: _worth(status, started_at) for nodeid, status, started_at in rows}
    with database.transaction() as cursor:
        for *columns, data in source.rows(_THEIR_RESULTS, (run.id,)):
            known = here.get(columns[_NODEID])
            if known is None or _worth(columns[_STATUS], columns[_STARTED_AT]) > known:
                cursor.execute(INSERT_RESULT, (number, *columns))
                cursor.execute(INSERT_DOCUMENT, (cursor.lastrowid, data))


def _worth(status: str, started_at: float) -> tuple[bool, float]:
    return status not in _OPEN, started_at


def _joined(parts: Sequence[StoredRun]) -> StoredRun:
    ends = [run.finished_at for run in parts if run.finished_at is not None]
    totals = [run.total for run in parts if run.total is not None]
    finished = len(ends) == len(parts)
    return replace(
        parts[0],
        id=new_id(time.time()),
        started_at=min(run.started_at for run in parts),
        finished_at=max(ends) if finished else None,
        state="finished" if finished else "interrupted",
        total=sum(totals) if len(totals) == len(parts) else None,
        shard=None,
    )
