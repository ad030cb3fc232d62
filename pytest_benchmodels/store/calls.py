"""What other models than runs' own were asked, and what they answered."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import CallSummary, Purpose
from pytest_benchmodels.core.text import quote, well_formed
from pytest_benchmodels.store.database import Database
from pytest_benchmodels.store.record import (
    StoredCall,
    decode_messages,
    decode_response,
    encode_messages,
    encode_response,
)

__all__ = ["Calls", "insert_call", "refer_to_calls"]

_COLUMNS = "fingerprint, purpose, model, created_at, asked, data"
_INSERT = f"""
INSERT INTO calls ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE
SET purpose = excluded.purpose, model = excluded.model, created_at = excluded.created_at, asked = excluded.asked,
    data = excluded.data
WHERE excluded.created_at >= created_at
"""
_SELECT = f"SELECT {_COLUMNS} FROM calls"
_SOME = f"{_SELECT} WHERE fingerprint IN (SELECT value FROM json_each(?))"
_REFER = "INSERT OR IGNORE INTO result_calls (result, fingerprint) VALUES (?, ?)"


class _Row(NamedTuple):
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
        return next(self._select(f"{_SELECT} WHERE fingerprint = ?", (well_formed(fingerprint),)), None)

    def find_all(self, fingerprints: Iterable[str]) -> dict[str, StoredCall]:
        """Many at once, by fingerprint; without those that there are not."""
        wanted = json.dumps(list(map(well_formed, fingerprints)))
        return {call.fingerprint: call for call in self._select(_SOME, (wanted,))}

    def each(self) -> Iterator[StoredCall]:
        """All calls, one after another."""
        return self._select(_SELECT)

    def _select(self, sql: str, values: Sequence[object] = ()) -> Iterator[StoredCall]:
        for row in self._database.rows(_Row, sql, values):
            yield self._decoded(row)

    def _decoded(self, row: _Row) -> StoredCall:
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
    cursor.execute(_INSERT, values)


def refer_to_calls(cursor: sqlite3.Cursor, result: int, calls: Iterable[CallSummary]) -> None:
    """Let a result, by its number, rest on these: as long as it is there, they stay."""
    cursor.executemany(_REFER, [(result, well_formed(call.fingerprint)) for call in calls if call.fingerprint])
