"""A stored run's own facts: when it was, what became of it."""

from __future__ import annotations

import time

from pytest_benchmodels.reports.units import UNKNOWN
from pytest_benchmodels.store import StoredRun

__all__ = ["is_time", "iso", "moment", "plain_run"]


_LAST_S = 253_402_300_800.0  # the year 10000, which no report can write


def is_time(seconds: float) -> bool:
    """Whether these seconds since the epoch are a time that reports can write; a damaged file may hold anything."""
    return 0 <= seconds < _LAST_S


def moment(seconds: float | None) -> str:
    """`2026-01-31 12:00:00Z` of seconds since the epoch; `-` for what is no time."""
    if seconds is None or not is_time(seconds):
        return UNKNOWN
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


def plain_run(run: StoredRun) -> dict[str, object]:
    """For JSON. Times are ISO 8601 in UTC, null for what has not been."""
    return {
        "id": run.id,
        "state": run.state,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "ended_at": iso(run.ended_at),
        "command": list(run.command),
        "plugin_version": run.plugin_version,
        "total": run.total,
        "shard": run.shard,
    }


def iso(seconds: float | None) -> str | None:
    """`2026-01-31T12:00:00Z`; None for what is no time."""
    shown = moment(seconds)
    return None if shown == UNKNOWN else shown.replace(" ", "T")
