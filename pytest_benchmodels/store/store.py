"""A store: one file with runs, their results and the models' answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import structs

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import AnsweredCall, Record, Result
from pytest_benchmodels.store.database import Database, LockWait
from pytest_benchmodels.store.record import Extent, Pruned, StoredCall, StoredConversation, StoredRun, conversation_of
from pytest_benchmodels.store.results import Calls, Responses, Results, insert_answers, insert_call
from pytest_benchmodels.store.runs import Runs, new_id

__all__ = ["Store", "copy_answers", "join", "merge", "move_run", "prune", "restore_run"]

_CALLS = """
SELECT DISTINCT fingerprint FROM result_calls
WHERE result IN (SELECT id FROM results WHERE run = (SELECT number FROM runs WHERE id = ?))
"""
_FINGERPRINTS = "SELECT DISTINCT fingerprint FROM results WHERE run = (SELECT number FROM runs WHERE id = ?)"


def prune(database: Database, *, keep: int | None, older_than_s: float | None, dry: bool) -> Pruned:
    """See `Store.prune`."""
    if keep is None and older_than_s is None:
        return Pruned((), 0, 0)
    before = float("inf") if older_than_s is None else time.time() - older_than_s
    beyond = Runs(database).newest_first()[keep or 0 :]
    ids = [run.id for run in beyond if run.started_at < before and run.state != "running"]
    with database.transaction(commit=not dry) as cursor:
        values = [(run_id,) for run_id in ids]
        cursor.executemany("DELETE FROM results WHERE run = (SELECT number FROM runs WHERE id = ?)", values)
        results = max(cursor.rowcount, 0)
        cursor.executemany("DELETE FROM runs WHERE id = ?", values)
        cursor.execute("DELETE FROM responses WHERE fingerprint NOT IN (SELECT fingerprint FROM results)")
        responses = cursor.rowcount
        cursor.execute("DELETE FROM calls WHERE fingerprint NOT IN (SELECT fingerprint FROM result_calls)")
        return Pruned(tuple(ids), results, responses, cursor.rowcount)


def merge(database: Database, source: Database) -> tuple[str, ...]:
    """See `Store.merge`."""
    runs, results, theirs = Runs(database), Results(database), Results(source)
    known = {run.id: run for run in runs.newest_first()}
    copied = Runs(source).newest_first()
    for run in reversed(copied):
        numbers = _copy_run(runs, run, Runs(source).extent(run), known.get(run.id))
        _copy_results(results, theirs, run.id, numbers)
    with database.transaction() as cursor:
        for fingerprint, answers in Responses(source).each():
            insert_answers(cursor, fingerprint, answers)
        for call in Calls(source).each():
            insert_call(cursor, call)
    return tuple(run.id for run in copied if run.id not in known)


def move_run(database: Database, source: Database, run_id: str) -> None:
    """Copy one run, which this process works on, with all that it rests on; from now on it is worked on here."""
    runs, theirs = Runs(database), Runs(source)
    run = theirs.find(run_id)
    known = {run.id: run for run in runs.newest_first()}
    numbers = _copy_run(runs, run, theirs.extent(run), known.get(run_id))
    _copy_results(Results(database), Results(source), run_id, numbers)
    copy_answers(database, source, run_id)
    runs.resume(run_id)


def copy_answers(database: Database, source: Database, run_id: str) -> None:
    """See `Store.copy_answers`."""
    wanted = set(source.rows(tuple[str], _FINGERPRINTS, (run_id,)))
    with database.transaction() as cursor:
        for fingerprint, answers in Responses(source).each():
            if (fingerprint,) in wanted:
                insert_answers(cursor, fingerprint, answers)
        rested_on = [fingerprint for (fingerprint,) in source.rows(tuple[str], _CALLS, (run_id,))]
        for call in Calls(source).find_all(rested_on).values():
            insert_call(cursor, call)


def restore_run(database: Database, run: StoredRun, records: Iterable[Record]) -> None:
    """Begin a run again, whose file nobody can read any more, with results that were kept elsewhere."""
    runs = Runs(database)
    if run.id not in {known.id for known in runs.newest_first()}:
        runs.insert(replace(run, state="interrupted"))
    Results(database).add(run.id, records)
    runs.resume(run.id)


def _copy_results(results: Results, theirs: Results, run_id: str, numbers: Sequence[int]) -> None:
    here, there = results.ranks(run_id), theirs.ranks(run_id)
    better = {nodeid for nodeid, rank in there.items() if nodeid not in here or rank > here[nodeid]}
    found = (each for each in theirs.records(run_id) if each.result.nodeid in better)
    results.add(run_id, _renumbered(found, numbers))


def _copy_run(runs: Runs, run: StoredRun, extent: Extent, here: StoredRun | None) -> list[int]:
    """Insert a copy of a run with its sessions; return the sessions' numbers in the copy."""
    if here is None:
        # No process works on the copy, whatever becomes of the original.
        runs.insert(run if run.state == "finished" else replace(run, state="interrupted"))
        numbers = list(range(1, len(run.sessions) + 1))
    else:
        known = {session.started_at: number for number, session in enumerate(here.sessions, 1)}
        for session in run.sessions:
            if session.started_at not in known:
                runs.enter(run.id, session)
                known[session.started_at] = len(known) + 1
        numbers = [known[session.started_at] for session in run.sessions]
        extent = runs.extent(here).and_session(extent.nodeids)
    if run.total is not None:
        runs.expect(run.id, extent)
    return numbers


def join(database: Database, run_ids: Sequence[str]) -> str:
    """See `Store.join`."""
    runs, results = Runs(database), Results(database)
    parts = [runs.find(run_id) for run_id in run_ids]
    if not parts:
        raise StoreError("no run was named: name those that are to be one")
    best: dict[str, tuple[tuple[bool, float], str]] = {}
    for part in parts:
        for nodeid, rank in results.ranks(part.id).items():
            best[nodeid] = max(best.get(nodeid, (rank, part.id)), (rank, part.id))
    joined = runs.insert(_joined(parts))
    if all(part.total is not None for part in parts):
        runs.expect(joined, reduce(Extent.and_part, map(runs.extent, parts)))
    before = 0
    for part in parts:
        found = (each for each in results.records(part.id) if best[each.result.nodeid][1] == part.id)
        results.add(joined, _renumbered(found, range(before + 1, before + len(part.sessions) + 1)))
        before += len(part.sessions)
    return joined


def _joined(parts: Sequence[StoredRun]) -> StoredRun:
    ends = [run.finished_at for run in parts if run.finished_at is not None]
    finished = len(ends) == len(parts)
    return replace(
        parts[0],
        id=new_id(time.time()),
        started_at=min(run.started_at for run in parts),
        finished_at=max(ends) if finished else None,
        state="finished" if finished else "interrupted",
        total=None,
        shard=None,
        sessions=tuple(session for run in parts for session in run.sessions),
    )


def _renumbered(records: Iterable[Record], numbers: Sequence[int]) -> Iterator[Record]:
    """The results with the numbers that their sessions have in another run; 0, for unknown, stays."""
    for record in records:
        session = record.result.session
        number = numbers[session - 1] if 0 < session <= len(numbers) else 0
        yield structs.replace(record, result=record.result.in_session(number))


_AT_ONCE = 50  # answers of megabytes are few, but so many of them have to be in memory


def transcripts(responses: Responses, calls: Calls, results: Iterable[Result]) -> Iterator[Record]:
    """See `Store.transcripts`."""
    wanted = iter(results)
    while some := tuple(islice(wanted, _AT_ONCE)):
        found: dict[str, StoredConversation] = {}
        asked: dict[str, StoredCall] = {}
        with suppress(StoreError):
            found = responses.find_all(dict.fromkeys(result.fingerprint for result in some))
            asked = calls.find_all(call.fingerprint for result in some for call in result.other_calls)
        for result in some:
            conversation = conversation_of(result, found.get(result.fingerprint))
            yield Record(
                result, conversation.answers, result.grade_fingerprint, conversation.asked, _answered(result, asked)
            )


def _answered(result: Result, asked: dict[str, StoredCall]) -> tuple[AnsweredCall, ...]:
    known = ((call, asked.get(call.fingerprint)) for call in result.other_calls)
    return tuple(
        [
            AnsweredCall(*structs.astuple(call), messages=stored.messages, response=stored.response)
            for call, stored in known
            if stored is not None and stored.is_of(call)
        ]
    )


_USUAL = LockWait()


class Store:
    """What was run and answered: `runs`, their `results`, `responses` by what was sent, and `calls` to other models.

    Several sessions may use one file at once. An instance belongs to the thread that opened it. Everything here
    raises `StoreError` where the file cannot be read or written, is damaged or no store; a `Recorder` lives with that.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = Runs(database)
        self.results = Results(database)
        self.responses = Responses(database)
        self.calls = Calls(database)

    @classmethod
    def open(cls, path: Path, lock_wait: LockWait = _USUAL) -> Self:
        """Open for reading and writing; make the file, and its folder, where there is none.

        `lock_wait` says how long to wait while another process writes.
        """
        return cls(Database.open(path, lock_wait))

    @classmethod
    def open_to_read(cls, path: Path, lock_wait: LockWait = _USUAL) -> Self:
        """Open a file that exists, be it where nobody can write. Nothing is made or changed.

        Only a store that an older version wrote is brought up to date first; it is an error where that cannot be.
        """
        return cls(Database.open_to_read(path, lock_wait))

    @property
    def path(self) -> Path:
        return self._database.path

    def transcripts(self, results: Iterable[Result]) -> Iterator[Record]:
        """Results with what was asked and answered, theirs and other models', as far as it is known.

        What cannot be read is left out: the results themselves are told all the same.
        """
        return transcripts(self.responses, self.calls, results)

    def prune(self, *, keep: int | None = None, older_than_s: float | None = None, dry: bool = False) -> Pruned:
        """Remove runs, their results, and answers and calls that no other result rests on; return what was removed.

        With `keep` all but the newest so many runs, with `older_than_s` those that began longer ago; with both, those
        that are both; with neither, none. A run that is still running stays. `dry` removes nothing, but tells.
        """
        return prune(self._database, keep=keep, older_than_s=older_than_s, dry=dry)

    def merge(self, other: Store) -> tuple[str, ...]:
        """Copy all runs, answers and calls of another store; return the ids of the runs that were not here.

        Where both have a result of the same run and node id, a verdict wins over none, then the later. The newer
        answers win.
        """
        return merge(self._database, other._database)

    def copy_answers(self, other: Store, run_id: str) -> None:
        """Have what the results of another store's run rest on: answers and calls, as old as they are there."""
        copy_answers(self._database, other._database, run_id)

    def join(self, run_ids: Sequence[str]) -> str:
        """Make one run of several, such as the shards of a suite; return its id. The several stay as they are.

        It began with the first of them, and is finished if all of them are. Where two have a result of the same node
        id, a verdict wins over none, then the later.
        """
        return join(self._database, run_ids)

    def anew(self, run: StoredRun, kept: Iterable[Record] = ()) -> Self:
        """Where the file was deleted or replaced: the store at its path, a new one where there is none, with this run.

        The run's results come along, for a file that is open stays readable; where it was cut short and is not, those
        that were `kept` elsewhere. This one is closed.
        """
        database = self._database.anew()
        try:
            try:
                move_run(database, self._database, run.id)
            except StoreError:
                restore_run(database, run, kept)
        except BaseException:
            database.close()
            raise
        self._database.close()
        return type(self)(database)

    def shrink(self) -> None:
        """Give the space of what was pruned back to the file system: the file is written anew."""
        self._database.shrink()

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
