"""The stored answers of models, by what was sent."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.text import quote

from .coding import decode_answers
from .database import Database
from .record import Answers

__all__ = ["Responses"]

_AT_ONCE = 500  # SQLite's oldest limit for the values of a statement is 999


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
            rows = self._database.rows(
                "SELECT fingerprint, model, created_at, data FROM responses "
                f"WHERE fingerprint IN ({', '.join('?' * len(some))})",
                some,
            )
            for fingerprint, model, created_at, data in rows:
                found[fingerprint] = self._answers(fingerprint, model, created_at, data)
        return found

    def _answers(self, fingerprint: str, model: str, created_at: float, data: str) -> Answers:
        try:
            return Answers(model, created_at, decode_answers(data))
        except ValueError as error:
            raise StoreError(
                f"store {quote(str(self._database.path))}: what it has under {quote(fingerprint)} is no response "
                f"({error}); run without --bench-cache and --bench-regrade, or move the file away"
            ) from error
