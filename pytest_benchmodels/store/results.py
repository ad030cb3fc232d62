"""The results of a store's runs, the answers that they rest on, and the calls to other models."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, Purpose, Record, Result, Status
from pytest_benchmodels.core.run import scenario_of
from pytest_benchmodels.core.text import quote, well_formed
from pytest_benchmodels.store.database import Database
from pytest_benchmodels.store.record import (
    NO_VERDICT,
    Begun,
    Spending,
    StoredCall,
    StoredConversation,
    decode_answers,
    decode_asked,
    decode_messages,
    decode_response,
    decode_result,
    encode_answers,
    encode_asked,
    encode_messages,
    encode_response,
    encode_result,
)

__all__ = ["Calls", "Responses", "Results", "insert_answers", "insert_call", "refer_to_calls"]

_CALL_COLUMNS = "fingerprint, purpose, model, created_at, asked, data"
_INSERT_CALL = f"""
INSERT INTO calls ({_CALL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE
SET purpose = excluded.purpose, model = excluded.model, created_at = excluded.created_at, asked = excluded.asked,
    data = excluded.data
WHERE excluded.created_at >= created_at
"""
_SELECT_CALLS = f"SELECT {_CALL_COLUMNS} FROM calls"
_SOME = f"{_SELECT_CALLS} WHERE fingerprint IN (SELECT value FROM json_each(?))"
_REFER = "INSERT OR IGNORE INTO result_calls (result, fingerprint) VALUES (?, ?)"


class _CallRow(NamedTuple):
    fingerprint: str
    purpose: Purpose
    model: str
    created_at: float
    asked: str
    data: str


class Calls:
    """Finds the newest answer to a call by its fingerprint (`core.fingerprint.call_fingerprint`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, fingerprint: str) -> StoredCall | None:
        """The call, None if there is none."""
        return next(self._select(f"{_SELECT_CALLS} WHERE fingerprint = ?", (well_formed(fingerprint),)), None)

    def find_all(self, fingerprints: Iterable[str]) -> dict[str, StoredCall]:
        """Many at once, by fingerprint; without those that there are not."""
        wanted = json.dumps(list(map(well_formed, fingerprints)))
        return {call.fingerprint: call for call in self._select(_SOME, (wanted,))}

    def each(self) -> Iterator[StoredCall]:
        """All calls, one after another."""
        return self._select(_SELECT_CALLS)

    def _select(self, sql: str, values: Sequence[object] = ()) -> Iterator[StoredCall]:
        for row in self._database.rows(_CallRow, sql, values):
            yield self._decoded(row)

    def _decoded(self, row: _CallRow) -> StoredCall:
        try:
            return StoredCall(*row[:4], decode_messages(row.asked), decode_response(row.data))
        except ValueError as error:
            raise StoreError(
                f"store {quote(str(self._database.path), 300)}: what it has under {quote(row.fingerprint)} is "
                f"no call ({error}); run without --bench-cache and --bench-regrade, or move the file away"
            ) from error


def insert_call(cursor: sqlite3.Cursor, call: StoredCall) -> None:
    """Keep a call unless there is a newer one."""
    asked, data = encode_messages(call.messages), encode_response(call.response)
    values = (well_formed(call.fingerprint), call.purpose, well_formed(call.model), call.created_at, asked, data)
    cursor.execute(_INSERT_CALL, values)


def refer_to_calls(cursor: sqlite3.Cursor, result: int, calls: Iterable[CallSummary]) -> None:
    """Note that a result, by its number, rests on these calls: they stay in the store as long as it does."""
    cursor.executemany(_REFER, [(result, well_formed(call.fingerprint)) for call in calls if call.fingerprint])


# The newest answers win, but half a conversation never takes the place of a longer one.
_INSERT_RESPONSE = """
INSERT INTO responses (fingerprint, model, created_at, turns, asked, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE
SET model = excluded.model, created_at = excluded.created_at, turns = excluded.turns,
    asked = excluded.asked, data = excluded.data
WHERE excluded.turns > turns OR (excluded.turns = turns AND excluded.created_at >= created_at)
"""
_SELECT = "SELECT fingerprint, model, created_at, asked, data FROM responses"
_FORGET = "DELETE FROM responses WHERE fingerprint = ?"
_BEGUN = "begun:"
"""Before the fingerprint of a conversation that has not come to its end: it is no answer to the whole question."""

_AT_ONCE = 500  # SQLite's oldest limit for the values of a statement is 999


class _Row(NamedTuple):
    fingerprint: str
    model: str
    created_at: float
    asked: str
    data: str


class Responses:
    """Finds the newest answers to a question by its fingerprint (`core.fingerprint`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, fingerprint: str) -> StoredConversation | None:
        """The answers of as many turns as were answered, None if there are none."""
        return self.find_all((fingerprint,)).get(fingerprint)

    def find_all(self, fingerprints: Iterable[str]) -> dict[str, StoredConversation]:
        """The answers to many questions at once, by fingerprint; without those that have none."""
        found: dict[str, StoredConversation] = {}
        wanted = iter(fingerprints)
        while some := tuple(islice(wanted, _AT_ONCE)):
            found.update(self._select(f"{_SELECT} WHERE fingerprint IN ({', '.join('?' * len(some))})", some))
        return found

    def each(self) -> Iterator[tuple[str, StoredConversation]]:
        """All answers with their fingerprints, one after another."""
        return self._select(_SELECT)

    def add(self, found: Iterable[tuple[str, StoredConversation]]) -> None:
        """Keep answers by fingerprint, unless there are newer ones, or those of more turns."""
        with self._database.transaction() as cursor:
            for fingerprint, answers in found:
                insert_answers(cursor, fingerprint, answers)

    def begun(self, fingerprints: Iterable[str]) -> dict[str, StoredConversation]:
        """The first answers of conversations that have not come to their end, by fingerprint."""
        found = self.find_all(f"{_BEGUN}{fingerprint}" for fingerprint in fingerprints)
        return {fingerprint.removeprefix(_BEGUN): answers for fingerprint, answers in found.items()}

    def begin(self, found: Iterable[Begun]) -> None:
        """Keep the first answers of conversations that go on, in place of what was there of the same."""
        with self._database.transaction() as cursor:
            for each in found:
                cursor.execute(_FORGET, (f"{_BEGUN}{well_formed(each.fingerprint)}",))
                insert_answers(cursor, f"{_BEGUN}{each.fingerprint}", each.conversation)

    def end(self, fingerprint: str) -> None:
        """Forget what was begun: the conversation is over, and its run has a result."""
        with self._database.transaction() as cursor:
            cursor.execute(_FORGET, (f"{_BEGUN}{well_formed(fingerprint)}",))

    def _select(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[str, StoredConversation]]:
        for row in self._database.rows(_Row, sql, values):
            yield row.fingerprint, self._decoded(row)

    def _decoded(self, row: _Row) -> StoredConversation:
        try:
            return StoredConversation(row.model, row.created_at, decode_answers(row.data), decode_asked(row.asked))
        except ValueError as error:
            raise StoreError(
                f"store {quote(str(self._database.path), 300)}: what it has under {quote(row.fingerprint)} is "
                f"no response ({error}); run without --bench-cache and --bench-regrade, or move the file away"
            ) from error


def insert_answers(cursor: sqlite3.Cursor, fingerprint: str, found: StoredConversation) -> None:
    """Keep answers unless there are newer ones, or those of more turns."""
    asked, data = encode_asked(found.asked), encode_answers(found.answers)
    cursor.execute(
        _INSERT_RESPONSE,
        (well_formed(fingerprint), well_formed(found.model), found.created_at, _turns(found.answers), asked, data),
    )


def _turns(answers: Sequence[Response]) -> int:
    """How many turns these answers end: one whose tools gave results was followed by another of the same turn."""
    return sum([not answer.tool_results for answer in answers])


_COLUMNS = (
    "run",
    "nodeid",
    "scenario",
    "model",
    "trial",
    "status",
    "score",
    "started_at",
    "duration_s",
    "latency_s",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cached",
    "fingerprint",
    "grade_fingerprint",
    "cached_input_tokens",
    "cache_write_tokens",
    "known_cost_usd",
)
_INSERT = f"INSERT OR REPLACE INTO results ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_INSERT_DOCUMENT = "INSERT INTO documents (result, data) VALUES (?, ?)"
_MOST = 2**63 - 1  # the largest whole number that SQLite keeps
# Far enough back to have met every scenario, near enough to be read in no time.
_RECENT = "run IN (SELECT number FROM runs ORDER BY started_at DESC LIMIT 20)"
_WORKED = f"NOT cached AND status NOT IN {NO_VERDICT} AND {_RECENT}"
_LATEST_FINGERPRINTS = f"""
SELECT nodeid, fingerprint, max(started_at) FROM results WHERE fingerprint != '' AND {_RECENT} GROUP BY nodeid
"""
_LAST_VERDICTS = f"""
SELECT fingerprint, run, nodeid, status, max(started_at) FROM results
WHERE fingerprint != '' AND status NOT IN {NO_VERDICT} AND {_RECENT} GROUP BY fingerprint
"""
_TIMEOUTS = f"""
SELECT last.fingerprint, runs.id, last.nodeid FROM ({_LAST_VERDICTS}) AS last
JOIN runs ON runs.number = last.run WHERE last.status = 'timeout'
"""
_DURATIONS = f"SELECT nodeid, duration_s, max(started_at) FROM results WHERE {_WORKED} GROUP BY nodeid"
_SPENDING = f"""
SELECT scenario, model, count(*), avg(input_tokens), avg(output_tokens), max(output_tokens), avg(duration_s),
    avg(cached_input_tokens), avg(cache_write_tokens)
FROM results WHERE {_WORKED} GROUP BY scenario, model
"""
# By the documents' own order: sorting them would hold all of them in memory.
_DOCUMENTS = """
SELECT nodeid, data FROM documents JOIN results ON results.id = documents.result
WHERE documents.result IN (SELECT id FROM results WHERE run = ?) ORDER BY documents.result
"""
_RANKS = "SELECT nodeid, status, started_at FROM results WHERE run = ?"
_GRADE_FINGERPRINTS = "SELECT nodeid, grade_fingerprint FROM results WHERE run = ?"
_SOME_DOCUMENTS = """
SELECT nodeid, data FROM results JOIN documents ON documents.result = results.id
WHERE run = ? AND nodeid IN (SELECT value FROM json_each(?))
"""
_DOCUMENT = "SELECT data FROM documents WHERE result = (SELECT id FROM results WHERE run = ? AND nodeid = ?)"


class _SpendingRow(NamedTuple):
    scenario: str
    model: str
    runs: int
    input_tokens: float | None
    output_tokens: float | None
    most_output_tokens: int | None
    duration_s: float
    cached_input_tokens: float | None
    cache_write_tokens: float | None


class Results:
    """Keeps results and finds them again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[str, int] = {}

    def add(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep results and their answers: they are durable when this returns, all or none of them.

        A result takes the place of an earlier one of the same run with the same node id.
        """
        number = self._number(run_id)
        with self._database.transaction() as cursor:
            for record in records:
                _insert(cursor, number, record)

    def of(self, run_id: str) -> Iterator[Result]:
        """The results of a run in the order in which they came in, one after another."""
        for nodeid, data in self._database.rows(tuple[str, str], _DOCUMENTS, (self._number(run_id),)):
            yield self._decoded(run_id, nodeid, data)

    def one(self, run_id: str, nodeid: str) -> Result | None:
        """The result of a run with this node id, None if there is none."""
        row = self._database.row(tuple[str], _DOCUMENT, (self._number(run_id), well_formed(nodeid)))
        return None if row is None else self._decoded(run_id, nodeid, row[0])

    def some(self, run_id: str, nodeids: Iterable[str]) -> dict[str, Result]:
        """The results of a run with these node ids, by node id, as far as there are any: far faster than one by one."""
        wanted = json.dumps(list(map(well_formed, nodeids)))
        rows = self._database.rows(tuple[str, str], _SOME_DOCUMENTS, (self._number(run_id), wanted))
        return {nodeid: self._decoded(run_id, nodeid, data) for nodeid, data in rows}

    def records(self, run_id: str) -> Iterator[Record]:
        """The same as `of`, with the fingerprints of their grades; without answers."""
        grades = self.grade_fingerprints(run_id)
        return (Record(result, (), grades.get(result.nodeid, "")) for result in self.of(run_id))

    def grade_fingerprints(self, run_id: str) -> dict[str, str]:
        """By which checks each result of a run was judged, by node id."""
        return dict(self._database.rows(tuple[str, str], _GRADE_FINGERPRINTS, (self._number(run_id),)))

    def ranks(self, run_id: str) -> dict[str, tuple[bool, float]]:
        """How much each result of a run is worth, by node id: the greater of two is the one to keep.

        A verdict is worth more than none, then the later more than the earlier.
        """
        rows = self._database.rows(tuple[str, Status, float], _RANKS, (self._number(run_id),))
        return {nodeid: (status not in NO_VERDICT, started_at) for nodeid, status, started_at in rows}

    def latest_fingerprints(self) -> dict[str, str]:
        """What was sent the last time, by node id: compare with `explain_difference`. Looks at the 20 newest runs."""
        rows = self._database.rows(tuple[str, str, float], _LATEST_FINGERPRINTS)
        return {nodeid: fingerprint for nodeid, fingerprint, _ in rows}

    def timeouts(self) -> dict[str, tuple[str, str]]:
        """The questions whose last verdict is a timeout, by fingerprint: the run's id and the node id in it.

        Looks at the 20 newest runs. Errors and skipped runs in between say nothing.
        """
        rows = self._database.rows(tuple[str, str, str], _TIMEOUTS)
        return {fingerprint: (run_id, nodeid) for fingerprint, run_id, nodeid in rows}

    def durations(self) -> dict[str, float]:
        """How long each run took the last time that it was answered, in seconds by node id, over the 20 newest runs."""
        rows = self._database.rows(tuple[str, float, float], _DURATIONS)
        return {nodeid: duration_s for nodeid, duration_s, _ in rows}

    def spending(self) -> dict[tuple[str, str], Spending]:
        """What runs took, by scenario (with its file, `maths.yaml::add-two`) and model, over the 20 newest runs."""
        rows = self._database.rows(_SpendingRow, _SPENDING)
        return {(row.scenario, row.model): Spending(*row[2:]) for row in rows}

    def _decoded(self, run_id: str, nodeid: str, data: str) -> Result:
        try:
            return decode_result(data)
        except ValueError as error:
            raise StoreError(
                f"store {quote(str(self._database.path), 300)}: what it has of {quote(nodeid)} in run {run_id} "
                f"is no result ({error}); run it again, or move the file away"
            ) from error

    def _number(self, run_id: str) -> int:
        if run_id not in self._numbers:
            row = self._database.row(tuple[int], "SELECT number FROM runs WHERE id = ?", (run_id,))
            if row is None:
                raise StoreError(f"store {quote(str(self._database.path), 300)}: it has no run {quote(run_id)}")
            self._numbers[run_id] = row[0]
        return self._numbers[run_id]


def _insert(cursor: sqlite3.Cursor, number: int, record: Record) -> None:
    result, spent = record.result, record.result.spent
    usage = spent.usage
    cursor.execute(
        _INSERT,
        (
            number,
            well_formed(result.nodeid),
            well_formed(scenario_of(result.nodeid)),
            well_formed(result.model),
            result.trial,
            result.status,
            result.score,
            result.started_at,
            result.duration_s,
            result.latency_s,
            result.cost_usd,
            _bounded(usage.input_tokens),
            _bounded(usage.output_tokens),
            result.cached,
            well_formed(result.fingerprint),
            record.grade_fingerprint,
            _bounded(usage.cached_input_tokens),
            _bounded(usage.cache_write_tokens),
            spent.known_cost_usd,
        ),
    )
    row = cursor.lastrowid
    cursor.execute(_INSERT_DOCUMENT, (row, encode_result(result)))
    if result.calls and row is not None:
        refer_to_calls(cursor, row, result.other_calls)
        for call in record.calls:
            insert_call(cursor, _stored(call))
    if (record.answers or record.asked) and not result.cached:  # what was not answered was asked all the same
        answers = StoredConversation(result.model, time.time(), record.answers, record.asked)
        insert_answers(cursor, result.fingerprint, answers)


def _stored(call: AnsweredCall) -> StoredCall:
    return StoredCall(call.fingerprint, call.purpose, call.model, time.time(), call.messages, call.response)


def _bounded(count: int | None) -> int | None:
    return None if count is None else min(count, _MOST)
