"""The results of a session, as `--bench-json` tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report

__all__ = ["JSON", "began_s", "ended_s", "results", "seen_by"]

JSON = "--bench-json=b.json"


def results(project: Project) -> dict[str, dict[str, Any]]:
    """By node id without the file: `add[sim/steady]`. The session needs the argument `JSON`."""
    found = json_report(project.path / "b.json")["results"]
    by_name = {result["nodeid"].partition("::")[2]: result for result in found}
    assert len(by_name) == len(found), "a run has one result"
    return by_name


def began_s(result: dict[str, Any]) -> float:
    """When the run's first request went, in seconds since the epoch."""
    return datetime.fromisoformat(result["started_at"]).timestamp()


def ended_s(result: dict[str, Any]) -> float:
    """When it ended, the same."""
    duration: float = result["duration_s"]
    return began_s(result) + duration


def seen_by(server: SimServer) -> dict[str, dict[str, Any]]:
    """What each of its models saw, as `docs/simulated.md` tells it."""
    return {name: dict(counts) for name, counts in server.stats().items()}
