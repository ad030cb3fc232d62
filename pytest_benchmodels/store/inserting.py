"""Many rows by few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

__all__ = ["Table", "insert_rows"]

# SQLite's oldest limit for the values of a statement is 999: so many rows of up to 31 columns are below it.
_MOST_ROWS = 32


class Table(NamedTuple):
    """Where rows go: `verb` and table (`INSERT INTO results`), its columns, and what becomes of a row that is there."""

    into: str
    columns: tuple[str, ...]
    otherwise: str = ""


def insert_rows(cursor: sqlite3.Cursor, table: Table, rows: Iterable[Sequence[object]]) -> None:
    """Insert rows in their order, up to 32 of them by one statement.

    For each statement that it executes, Python's module gives the interpreter to another thread, and has to wait until
    that gives it back: while requests are answered, that is most of what an insert takes. So does `executemany`, for
    each row.
    """
    left = iter(rows)
    while some := list(islice(left, _MOST_ROWS)):
        while some:
            # A power of two: there are few such statements, and SQLite parses each of them once.
            count = 1 << (len(some).bit_length() - 1)
            cursor.execute(_statement(table, count), [value for row in some[:count] for value in row])
            del some[:count]


@cache
def _statement(table: Table, count: int) -> str:
    row = f"({', '.join('?' * len(table.columns))})"
    return f"{table.into} ({', '.join(table.columns)}) VALUES {', '.join([row] * count)} {table.otherwise}"
