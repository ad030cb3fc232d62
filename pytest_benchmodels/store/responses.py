"""The stored answers of models, by what was sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.text import quote, well_formed

from .coding import decode_answers, decode_asked, encode_answers, encode_asked
from .database import Database
from .record import Answers

__all__ = ["Responses", "insert_answers"]

# The newest answers win, but half a conversation never takes the place of a longer one.
_INSERT = """
INSERT INTO responses (fingerprint, model, created_at, turns, asked, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE
SET model = excluded.model, created_at = excluded.created_at, turns = excluded.turns,
    asked = excluded.asked, data = excluded.data
WHERE excluded.turns > turns OR (excluded.turns = turns AND excluded.created_at >= created_at)
"""
_SELECT = "SELECT fingerprint, model, created_at, asked, data FROM responses"
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

    def find(self, fingerprint: str) -> Answers | None:
        """The answers of as many turns as were answered, None if there are none."""
        return self.find_all((fingerprint,)).get(fingerprint)

    def find_all(self, fingerprints: Iterable[str]) -> dict[str, Answers]:
        """The answers to many questions at once, by fingerprint; without those that have none."""
        found: dict[str, Answers] = {}
        wanted = iter(fingerprints)
        while some := tuple(islice(wanted, _AT_ONCE)):
            found.update(self._select(f"{_SELECT} WHERE fingerprint IN ({', '.join('?' * len(some))})", some))
        return found

    def each(self) -> Iterator[tuple[str, Answers]]:
        """All answers with their fingerprints, one after another."""
        return self._select(_SELECT)

    def _select(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[str, Answers]]:
        for row in self._database.rows(_Row, sql, values):
            yield row.fingerprint, self._decoded(row)

    def _decoded(self, row: _Row) -> Answers:
        try:
            return Answers(row.model, row.created_at, decode_answers(row.data), decode_asked(row.asked))
        except ValueError as error:
            raise StoreError(
                f"store {quote(str(self._database.path), 300)}: what it has under {quote(row.fingerprint)} is "
                f"no response ({error}); run without --bench-cache and --bench-regrade, or move the file away"
            ) from error


def insert_answers(cursor: sqlite3.Cursor, fingerprint: str, found: Answers) -> None:
    """Keep answers unless there are newer ones, or those of more turns."""
    asked, data = encode_asked(found.asked), encode_answers(found.answers)
    cursor.execute(
        _INSERT,
        (well_formed(fingerprint), well_formed(found.model), found.created_at, len(found.answers), asked, data),
    )
