"""Waiting for another process that keeps a store locked, not in silence."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pytest_benchmodels.core.text import quote

__all__ = ["BUSY_S", "Patience", "is_busy"]

T = TypeVar("T")

BUSY_S = 15.0
"""How long a session waits for another process that writes."""


def _nobody(_: str) -> None:
    """There is nobody to be told."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a lock: `most_s` seconds in all, `quiet_s` of them before `tell` gets a text for the user.

    Two sessions that write into one store wait for each other for milliseconds; nobody needs to hear of that.
    """

    most_s: float = BUSY_S
    quiet_s: float = 1.0
    tell: Callable[[str], None] = _nobody

    @property
    def at_first_s(self) -> float:
        """The timeout, in seconds, with which a connection is opened."""
        return min(self.quiet_s, self.most_s)

    def wait(self, path: Path, connection: sqlite3.Connection, action: Callable[[float], T]) -> T:
        """What `action` returns, once the lock is free; it is handed how many seconds it may wait, and may run twice.

        Raises SQLite's own error where the lock stays, and whatever else `action` raises.
        """
        quiet_s = self.at_first_s
        try:
            return action(quiet_s)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or quiet_s == self.most_s:
                raise
        self.tell(
            f"store {quote(str(path), 200)}: another process keeps it locked; waiting for it, {self.most_s:g} s at most"
        )
        _set_timeout(connection, self.most_s - quiet_s)
        try:
            return action(self.most_s - quiet_s)
        finally:
            _set_timeout(connection, quiet_s)


def _set_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it is the lock of another connection that SQLite complains of."""
    # The low byte is the kind of failure, the rest its detail.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF == sqlite3.SQLITE_BUSY
