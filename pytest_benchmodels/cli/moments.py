"""A stored run's own facts: when it was, what became of it."""

from __future__ import annotations

import time

from pytest_benchmodels.store import StoredRun

__all__ = ["moment", "plain_run"]


def moment(seconds: float | None) -> str:
    """`2026-01-31 12:00:00Z` of seconds since the epoch; `-` for what is no time, as in a damaged file."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds)) if seconds is not None else "-"
    except (ValueError, OverflowError, OSError):
        return "-"


def plain_run(run: StoredRun) -> dict[str, object]:
    """For JSON. Times are ISO 8601 in UTC, null for what has not been."""
    return {
        "id": run.id,
        "state": run.state,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "command": list(run.command),
        "plugin_version": run.plugin_version,
        "total": run.total,
        "shard": run.shard,
    }


def _iso(seconds: float | None) -> str | None:
    shown = moment(seconds)
    return None if shown == "-" else shown.replace(" ", "T")
