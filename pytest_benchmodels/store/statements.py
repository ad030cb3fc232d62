"""How rows are written, whoever writes them."""

from __future__ import annotations

__all__ = ["COLUMNS", "INSERT_ANSWERS", "INSERT_DOCUMENT", "INSERT_RESULT"]

COLUMNS = (
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
)
"""Of the table of results, without its key."""
INSERT_RESULT = f"INSERT OR REPLACE INTO results ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
INSERT_DOCUMENT = "INSERT INTO documents (result, data) VALUES (?, ?)"
INSERT_ANSWERS = """
INSERT INTO responses (fingerprint, model, created_at, turns, data) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE
SET model = excluded.model, created_at = excluded.created_at, turns = excluded.turns, data = excluded.data
WHERE excluded.turns > turns OR (excluded.turns = turns AND excluded.created_at >= created_at)
"""
"""The newest answers win, but half a conversation never takes the place of a longer one."""
