"""What SQLite and the file system refuse, in words for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.text import clip, plain, quote

__all__ = ["StoreLostError", "saying"]

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
    """The file was deleted or replaced by another while it was in use."""


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
