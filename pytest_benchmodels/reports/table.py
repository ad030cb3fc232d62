"""Columns that stand under each other."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["aligned"]

_GAP = "  "


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[str] = frozenset()) -> list[str]:
    """A line of titles and one for each row; the columns named in `left` begin, all others end together."""
    columns = []
    for title, *values in zip(titles, *rows, strict=True):
        width = max(map(len, (title, *values)))
        pad = str.ljust if title in left else str.rjust
        columns.append([pad(cell, width) for cell in (title, *values)])
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]
