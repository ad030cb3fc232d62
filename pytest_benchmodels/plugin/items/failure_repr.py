"""A run's failure as pytest shows it: the reason on one line where there is room for one, else the whole text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.reports.failure import failure_headline, failure_text

__all__ = ["CrashLine", "FailureRepr"]


@dataclass(frozen=True, slots=True)
class CrashLine:
    """Where the scenario stands and why its run failed, for `--tb=line`, the short summary and JUnit's message."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True, slots=True)
class FailureRepr:
    """Stands where pytest has an exception with its traceback, of which it is the part that has one: `reprcrash`.

    `style` is the session's `--tb`.
    """

    text: str
    reprcrash: CrashLine
    style: str = "auto"

    @classmethod
    def of(cls, result: Result, location: tuple[str, int | None, str], config: pytest.Config) -> FailureRepr:
        """The failure of a run whose item is at this location, whose line counts from 0."""
        path, line, _ = location
        style = config.getoption("tbstyle", "auto")  # `-p no:terminal` leaves none
        headline = failure_headline(result)
        return cls(failure_text(result, headline), CrashLine(path, (line or 0) + 1, headline), style)

    def toterminal(self, terminal: Any) -> None:
        """Write the whole text; nothing where `--tb=line` shows the one line in its place."""
        if self.style != "line":
            terminal.line(self.text)

    def __str__(self) -> str:
        return self.text
