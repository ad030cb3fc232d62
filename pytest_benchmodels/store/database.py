"""A store's file and the one connection to it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.store.schema import APPLICATION_ID, MIGRATIONS, migrate

__all__ = ["BUSY_S", "Database", "LockWait", "StoreLostError", "is_busy", "saying"]

Found = TypeVar("Found")

BUSY_S = 15.0
"""How long a session waits for another process that writes."""


def _nobody(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class LockWait:
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

    def wait(self, path: Path, connection: sqlite3.Connection, action: Callable[[float], Found]) -> Found:
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


_ELSEWHERE = "name another file with --bench-store, or `none`"
_DAMAGED = "it is damaged", "move it away to begin a new one; `sqlite3 FILE .recover` saves what can still be read"
_REASONS = {
    sqlite3.SQLITE_FULL: ("its disk is full", "free some space, or run `benchmodels prune`"),
    sqlite3.SQLITE_READONLY: (
        "it cannot be written to",
        f"change its folder's and its own permissions, or {_ELSEWHERE}",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process keeps it locked",
        "end that process, or name another file with --bench-store",
    ),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: ("it is no store but some other file", f"move it away, or {_ELSEWHERE}"),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        f"make sure that it is a file in a folder where you may write, or {_ELSEWHERE}",
    ),
    sqlite3.SQLITE_IOERR: ("its disk reported a failure", f"look at that disk and its free space, or {_ELSEWHERE}"),
    sqlite3.SQLITE_ERROR: _DAMAGED,
}
_OTHER = "SQLite refused", f"move it away to begin a new one, or {_ELSEWHERE}"


class StoreLostError(StoreError):
    """The file was deleted, replaced or cut short while it was in use."""


@contextmanager
def saying(path: Path) -> Iterator[None]:
    """Turn each failure of SQLite or the file system inside into a `StoreError` about `path`."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise _told(path, _DAMAGED, str(error)) from error
    except sqlite3.Error as error:
        # The low byte is the kind of failure, the rest its detail; without a code, a text was no text.
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        raise _told(path, _REASONS.get(kind, _OTHER), str(error)) from error
    except OSError as error:
        raise _told(path, _REASONS[sqlite3.SQLITE_CANTOPEN], error.strerror or str(error)) from error


def _told(path: Path, reason: tuple[str, str], detail: str) -> StoreError:
    wrong, remedy = reason
    return StoreError(f"store {quote(str(path), 200)}: {wrong} ({plain(clip(detail, 200))}); {remedy}")


T = TypeVar("T")
_Prepare = Callable[[Path, sqlite3.Connection, float], None]
_IGNORE_ALL = "# made by pytest-benchmodels: results are kept here, not in version control\n*\n"
_OUT_OF_DATE = (
    "it was written by an older version, and cannot be brought up to date where it is opened to read only; "
    "open it once where you may write, for instance with `benchmodels list`"
)


class Database:
    """A connection for one thread. Each failure of the file is a `StoreError`; nothing else is raised for it.

    A transaction that was committed outlives the process, however it ends: it is in the write-ahead log. A power cut
    may take the last of them, as the log is not forced to the disk with each; the file stays whole in any case.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock_wait: LockWait) -> None:
        self.path = path
        self._connection = connection
        self._lock_wait = lock_wait
        self._file = _identity(path)
        self._size = _size(path)
        self._beside = {beside: _identity(beside) for beside in _beside(path)}
        self._has_log = True

    @classmethod
    def open(cls, path: Path, lock_wait: LockWait) -> Self:
        """Open for writing; make the file and its folder if they are not there."""
        with saying(path):
            _make_folder(path.parent)
            connection = sqlite3.connect(path.absolute(), timeout=lock_wait.at_first_s, isolation_level=None)
        return cls._of(path, connection, lock_wait, _prepare_to_write)

    def anew(self) -> Self:
        """Open what is at the path by now, or make a new file there; what this one had stays readable.

        What this one left beside it belongs to no other: SQLite would take it for the new one's. One that was cut short
        is put aside as `NAME.damaged`, or under the next number (`NAME.damaged-2`) where earlier ones are there.
        """
        with saying(self.path):
            if self._is_in_place():
                self.path.rename(_aside(self.path))
            is_gone = _identity(self.path) is None
            for beside in _beside(self.path):
                if is_gone or _identity(beside) in self._beside.values():
                    beside.unlink(missing_ok=True)
        return self.open(self.path, self._lock_wait)

    @classmethod
    def open_to_read(cls, path: Path, lock_wait: LockWait) -> Self:
        """Open a store that exists; it may lie where nobody can write.

        One that an older version wrote is brought up to date first, where that can be.
        """
        with saying(path):
            connection = _connect_to_read(path, lock_wait)
        database = cls._of(path, connection, lock_wait, _recognise)
        version = database.row(tuple[int], "PRAGMA user_version")
        if version == (len(MIGRATIONS),):
            return database
        database.close()
        if version == (0,) or not os.access(path, os.W_OK):
            raise StoreError(f"store {quote(str(path), 300)}: {_OUT_OF_DATE}")
        cls.open(path, lock_wait).close()
        return cls.open_to_read(path, lock_wait)

    @classmethod
    def _of(cls, path: Path, connection: sqlite3.Connection, lock_wait: LockWait, prepare: _Prepare) -> Self:
        try:
            with saying(path):
                lock_wait.wait(path, connection, lambda seconds: prepare(path, connection, seconds))
        except BaseException:
            connection.close()
            raise
        return cls(path, connection, lock_wait)

    def rows(self, shape: type[T], sql: str, values: Sequence[object] = ()) -> Iterator[T]:
        """The rows of a query, one after another: they are never in memory as a whole.

        `shape` is the tuple that a row has to be: SQLite keeps anything in any column, and the file may be somebody's.
        """
        with saying(self.path):
            wait, connection = self._lock_wait.wait, self._connection
            for row in wait(self.path, connection, lambda _: connection.execute(sql, values)):
                yield msgspec.convert(row, shape)

    def row(self, shape: type[T], sql: str, values: Sequence[object] = ()) -> T | None:
        """The first row of a query, None if there is none."""
        return next(self.rows(shape, sql, values), None)

    @contextmanager
    def transaction(self, *, commit: bool = True) -> Iterator[sqlite3.Cursor]:
        """Commit what was done with the cursor when the block ends; nothing of it on an error, or without `commit`.

        Raises `StoreLostError` where the file is at its path no more, or was cut short: what is written into it then is
        soon gone.
        """
        self._look_for_file()
        self._look_beside()
        with saying(self.path), self._saying_cut():
            cursor = self._connection.cursor()
            try:
                self._lock_wait.wait(self.path, self._connection, lambda _: cursor.execute("BEGIN IMMEDIATE"))
                yield cursor
                cursor.execute("COMMIT" if commit else "ROLLBACK")
                if not self._has_log:
                    cursor.execute("PRAGMA wal_checkpoint(FULL)")
            except BaseException:
                # SQLite itself may have rolled back already, as where the disk is full.
                if self._connection.in_transaction:
                    cursor.execute("ROLLBACK")
                raise

    def write(self, sql: str, values: Sequence[object] = ()) -> None:
        """Execute one statement durably."""
        with self.transaction() as cursor:
            cursor.execute(sql, values)

    def shrink(self) -> None:
        """Give unused space back to the file system."""
        with saying(self.path):
            self._lock_wait.wait(self.path, self._connection, lambda _: self._connection.execute("VACUUM"))
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with saying(self.path), nullcontext() if self._is_in_place() else _kept_beside(self.path):
            self._connection.close()

    def _is_in_place(self) -> bool:
        return self._file is None or _identity(self.path) == self._file

    def _look_for_file(self) -> None:
        if not self._is_in_place():
            what = "deleted" if _identity(self.path) is None else "replaced by another"
            raise StoreLostError(f"store {quote(str(self.path), 200)}: its file was {what} while it was in use")
        size = _size(self.path)
        if size < self._size and not self._is_sound(size):
            raise self._cut(size)
        self._size = size

    @contextmanager
    def _saying_cut(self) -> Iterator[None]:
        """Tell a file that lacks its end from one that is damaged otherwise: it may have grown since we looked."""
        try:
            yield
        except sqlite3.DatabaseError:
            size = _size(self.path)
            if size < _size_in_head(self.path):
                raise self._cut(size) from None
            raise

    def _cut(self, size: int) -> StoreLostError:
        return StoreLostError(
            f"store {quote(str(self.path), 200)}: its file was cut short while it was in use "
            f"(to {size:,} bytes; it is put aside as {quote(_aside(self.path).name, 200)} beside it)"
        )

    def _is_sound(self, size: int) -> bool:
        """Whether a file that became smaller still has everything, as after `benchmodels prune`."""
        try:
            return bool(size) and self._connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.Error:
            return False

    def _look_beside(self) -> None:
        """Where somebody deleted the log or its index, bring all that the log holds into the file, and begin a new one.

        What is written into a deleted log is gone when the process is killed, and other processes do not see it.
        """
        gone = [beside for beside, known in self._beside.items() if known is not None and _identity(beside) != known]
        if not gone or not self._has_log:
            return
        with saying(self.path):
            try:
                # Not by a second connection: it would have another log for the same file.
                self._connection.execute("PRAGMA journal_mode = DELETE")
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                # Another session has it open, and the same log: from now on nothing stays in it.
                self._has_log = False
                self._connection.execute("PRAGMA wal_checkpoint(FULL)")
        self._beside = {beside: _identity(beside) for beside in _beside(self.path)}
        self._size = _size(self.path)
        names = " and ".join(quote(beside.name, 100) for beside in gone)
        self._lock_wait.tell(
            f"store {quote(str(self.path), 200)}: {names} beside it was deleted while it was in use; "
            "nothing of it is lost, leave these files alone while a session runs"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells the file from another one at the same path; None where there is none, or it may not be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _size_in_head(path: Path) -> int:
    """The size in bytes that a database's first bytes state: page size at 16 times number of pages at 28."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return 0
    page = int.from_bytes(head[16:18])
    return (65_536 if page == 1 else page) * int.from_bytes(head[28:32])


def _aside(path: Path) -> Path:
    """Where a damaged file is put: beside it, under the first name that none is kept under already."""
    names = (f"{path.name}.damaged{f'-{number}' if number > 1 else ''}" for number in count(1))
    return next(aside for name in names if not os.path.lexists(aside := path.with_name(name)))


def _beside(path: Path) -> Iterator[Path]:
    """The files that SQLite keeps beside one: its log, and the log's index."""
    return (path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-shm"))


@contextmanager
def _kept_beside(path: Path) -> Iterator[None]:
    """Keep the log of the file that is at the path now: whoever closes another one deletes it by its name."""
    kept = {beside: beside.with_name(f"{beside.name}.{os.getpid()}") for beside in _beside(path)}
    for beside, spare in kept.items():
        with suppress(OSError):
            spare.hardlink_to(beside)
    try:
        yield
    finally:
        for beside, spare in kept.items():
            with suppress(OSError):
                if not beside.exists():
                    spare.rename(beside)
                spare.unlink(missing_ok=True)


def _connect_to_read(path: Path, lock_wait: LockWait) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=lock_wait.at_first_s, isolation_level=None)
    try:
        lock_wait.wait(path, connection, lambda _: connection.execute("PRAGMA schema_version").fetchone())
    except sqlite3.Error as error:
        connection.close()
        # Readers of a write-ahead log need a file of their own beside it. Where there is no log, they need none.
        if is_busy(error) or not path.is_file() or path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    return connection


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == ".benchmodels" and not ignore.exists():
        ignore.write_text(_IGNORE_ALL, encoding="utf-8")


def _recognise(path: Path, connection: sqlite3.Connection, _: float = 0.0) -> None:
    """Raise `StoreError` unless it is an empty file, or a store of this version or an older one."""
    connection.execute("PRAGMA trusted_schema = OFF")
    # In this order: another session may be making the tables right now, and then marks the file at the same time.
    empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID and not (empty and application == 0):
        raise StoreError(
            f"store {quote(str(path), 300)}: it is another program's database; name another file with --bench-store"
        )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"store {quote(str(path), 300)}: it has version {version}, this pytest-benchmodels knows versions up to "
            f"{len(MIGRATIONS)}; upgrade pytest-benchmodels, or name another file with --bench-store"
        )


def _prepare_to_write(path: Path, connection: sqlite3.Connection, busy_s: float) -> None:
    """Make a store of this version of a store or an empty file. To do it twice does no harm."""
    _recognise(path, connection)
    connection.execute("PRAGMA foreign_keys = ON")
    _log_ahead(connection, time.monotonic() + busy_s)
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection)


def _log_ahead(connection: sqlite3.Connection, until: float) -> None:
    """Switch to the write-ahead log. Where two switch at once, SQLite refuses one of them without waiting."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
            time.sleep(0.01)
        else:
            return
