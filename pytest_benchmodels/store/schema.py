"""The tables of a store, and how an older store comes to have them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

__all__ = ["APPLICATION_ID", "MIGRATIONS", "migrate"]

APPLICATION_ID = 0x42656E4D
"""Stands in the file's header ("BenM"): a database without it is somebody else's."""

_FIRST = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        started_at REAL NOT NULL,      -- seconds since the epoch
        finished_at REAL,              -- null until all of it has a result
        process TEXT,                  -- who works on it, null if nobody does
        command TEXT NOT NULL,         -- JSON array of words
        plugin_version TEXT NOT NULL,
        total INTEGER,                 -- runs that are to have a result, null while unknown
        shard TEXT                     -- 'I/N', null for a whole
    )
    """,
    # Narrow, so that questions over many runs need not read any document.
    """
    CREATE TABLE results (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        nodeid TEXT NOT NULL,
        scenario TEXT NOT NULL,        -- with its file: 'maths.yaml::add-two'
        model TEXT NOT NULL,
        trial INTEGER NOT NULL,
        status TEXT NOT NULL,
        score REAL,
        started_at REAL NOT NULL,
        duration_s REAL NOT NULL,
        latency_s REAL NOT NULL,
        cost_usd REAL,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cached INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        grade_fingerprint TEXT NOT NULL,
        UNIQUE (run, nodeid)
    )
    """,
    """
    CREATE TABLE documents (
        result INTEGER PRIMARY KEY REFERENCES results ON DELETE CASCADE,
        data TEXT NOT NULL             -- the whole result as JSON
    )
    """,
    """
    CREATE TABLE responses (
        fingerprint TEXT NOT NULL PRIMARY KEY,
        model TEXT NOT NULL,
        created_at REAL NOT NULL,
        turns INTEGER NOT NULL,
        asked TEXT NOT NULL,           -- JSON array, the messages that each turn added
        data TEXT NOT NULL             -- JSON array, one response a turn
    )
    """,
)

_SECOND = (
    # A result's document names its session by its place among those of its run, in the order of `id`, from 1 on.
    """
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        started_at REAL NOT NULL,      -- seconds since the epoch
        concurrency INTEGER NOT NULL,  -- runs of one model that it allowed at once
        windows TEXT NOT NULL          -- JSON object, the same of models that had another number
    )
    """,
    """
    CREATE TABLE extents (
        run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
        nodeids TEXT NOT NULL          -- JSON array, what its sessions were asked for
    )
    """,
)

_THIRD = (
    # JSON array of objects: `models`, and `most`, how many runs of all of them it allowed at once.
    "ALTER TABLE sessions ADD COLUMN pools TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE results ADD COLUMN cached_input_tokens INTEGER",
    "ALTER TABLE results ADD COLUMN cache_write_tokens INTEGER",
    "ALTER TABLE results ADD COLUMN known_cost_usd REAL",  # what is known of a cost of which cost_usd is null
)

_FOURTH = (
    # What other models were asked; `responses` has the answers of a run's own. The newest stands, as there.
    """
    CREATE TABLE calls (
        fingerprint TEXT NOT NULL PRIMARY KEY,  -- of purpose, request, and which of equal ones of a run it is
        purpose TEXT NOT NULL,
        model TEXT NOT NULL,
        created_at REAL NOT NULL,
        asked TEXT NOT NULL,           -- JSON array, the messages that were sent
        data TEXT NOT NULL             -- JSON object, the response
    )
    """,
    # Which of them a result rests on: its document has the same fingerprints, but would have to be read.
    """
    CREATE TABLE result_calls (
        result INTEGER NOT NULL REFERENCES results ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (result, fingerprint)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: Sequence[Sequence[str]] = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""The n-th brings a store of version n to n + 1. What was released is never changed, only followed by another."""


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the tables to the newest version: completely, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another session may have done it while this one waited for the lock.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(version, len(migrations))}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
