"""Rows of results, and the table that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "render"]

_HEAD = ("what", "measured", "limit", "holds")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `holds` is None where there is no limit, or where too little was run to judge by it."""

    what: str
    measured: str
    limit: str = "-"
    holds: bool | None = None

    def cells(self) -> tuple[str, str, str, str]:
        verdict = "-" if self.holds is None else "yes" if self.holds else "NO"
        return self.what, self.measured, self.limit, verdict


def render(rows: Iterable[Row]) -> str:
    """A Markdown table that is aligned for reading in a terminal, too."""
    cells = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"
