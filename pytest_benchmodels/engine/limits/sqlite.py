"""Buckets of all processes on one machine, in a file: no server to start, nothing to clean up after a crash."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.engine.limits.limiter import Charge, reserve, settle

__all__ = ["SqliteLimiter"]

_BUSY_S = 30.0


class SqliteLimiter:
    """A `Limiter` that takes its place in one short transaction, about 50 us, on the event loop.

    SQLite's lock decides who is next, and lets nobody starve; a process that dies leaves nothing locked. The clock is
    the machine's monotonic one, which its processes share. The file lives as long as its session: losing it to a power
    cut loses nothing, so nothing is synchronised to disk.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        with _Transaction(self._file):
            now = self._clock()
            reserved = reserve(self._read(charges), charges, now)
            self._write(reserved.free_at)
        return reserved.at - now, reserved.bucket

    async def settle(self, corrections: Sequence[Charge]) -> None:
        with _Transaction(self._file):
            self._write(settle(self._read(corrections), corrections, self._clock()))

    async def aclose(self) -> None:
        if "_file" in vars(self):  # or closing would open it
            self._file.close()

    @cached_property
    def _file(self) -> sqlite3.Connection:
        """Opened by the thread that uses it, if any does."""
        with _explained():
            file = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
            file.execute("PRAGMA journal_mode = MEMORY")
            file.execute("PRAGMA synchronous = OFF")
            file.execute("CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, free_at REAL) WITHOUT ROWID")
        return file

    def _read(self, charges: Sequence[Charge]) -> dict[str, float]:
        marks = ",".join("?" * len(charges))
        query = f"SELECT name, free_at FROM bucket WHERE name IN ({marks})"  # noqa: S608 - question marks only
        return dict(self._file.execute(query, [charge.bucket for charge in charges]).fetchall())

    def _write(self, free_at: dict[str, float]) -> None:
        self._file.executemany("INSERT OR REPLACE INTO bucket VALUES (?, ?)", free_at.items())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigError(f"the limits that this session's workers share cannot be counted: {error}") from None


class _Transaction:
    """BEGIN IMMEDIATE: the write lock is taken before anything is read, so that nobody decides on old figures."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __enter__(self) -> None:
        with _explained():
            self._file.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.execute("COMMIT" if kind is None else "ROLLBACK")
