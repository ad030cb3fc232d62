"""A Result's way from the process that ran it to the one that reports it: plain data on a TestReport."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.core.result import Result, from_plain, to_plain
from pytest_benchmodels.reports.properties import junit_properties, result_properties

from .collect import RunItem

__all__ = ["attach", "complete_crash", "detach"]

ATTRIBUTE = "bench"


def attach(item: RunItem, report: pytest.TestReport) -> None:
    """Put the Result and its real times on the one report that decides the run's outcome."""
    result = item.result
    if result is None or report.when != ("setup" if result.status in ("error", "skipped") else "call"):
        return
    report.start, report.stop = result.started_at, result.started_at + result.duration_s
    report.duration = result.duration_s
    setattr(report, ATTRIBUTE, to_plain(result))


def detach(report: pytest.TestReport) -> Result | None:
    """Take the Result off a report: pytest keeps every report to the end, we keep what we need of it."""
    plain: dict[str, Any] | None = report.__dict__.pop(ATTRIBUTE, None)
    return None if plain is None else from_plain(plain)


def complete_crash(report: pytest.TestReport, result: Result, text: str) -> None:
    """Make xdist's report of a crashed worker's run look like that of any run without an answer."""
    report.when = "setup"
    report.longrepr = text
    report.start, report.stop = result.started_at, result.started_at + result.duration_s
    report.duration = result.duration_s
    report.user_properties = list(junit_properties(result))
    setattr(report, ATTRIBUTE, to_plain(result))
    extended: Any = report
    extended._json_report_extra = {"metadata": result_properties(result)}  # noqa: SLF001 - how pytest-json-report carries it
