"""Columns that stand under each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .units import shortened

__all__ = ["aligned", "name_limit", "parts"]

_GAP = "  "
_NAME_LIMIT = 56
_WIDEST_FIGURE = 24
_LEAST_NAME = 16


def name_limit(width: int) -> int:
    """How long a model's name may be in a table of this width, so that each figure has room beside it."""
    return max(_LEAST_NAME, min(_NAME_LIMIT, width - _WIDEST_FIGURE))


def aligned(
    titles: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[str] = frozenset(), width: int | None = None
) -> list[str]:
    """A line of titles and one for each row; the columns named in `left` begin, all others end together.

    With a `width`, models' names are shortened, and what is still too wide goes below, behind the names again.
    """
    columns, names = [], titles.index("model") if width else 0
    for number, (title, *cells) in enumerate(zip(titles, *rows, strict=True)):
        values = [shortened(cell, name_limit(width)) for cell in cells] if width and number == names else cells
        longest = max(map(len, (title, *values)))
        pad = str.ljust if title in left else str.rjust
        columns.append([pad(cell, longest) for cell in (title, *values)])
    tables = parts(columns[: names + 1], columns[names + 1 :], width) if width else [columns]
    return [_GAP.join(cells).rstrip() for table in tables for cells in zip(*table, strict=True)]


def parts(heads: list[list[str]], others: Sequence[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Columns in parts that fit, each behind `heads`; a last one that ends in blanks may do so."""
    part = [*heads]
    for column in others:
        taken = sum(len(other[0]) + len(_GAP) for other in part)
        if len(part) > len(heads) and taken + max(len(cell.rstrip()) for cell in column) > width:
            yield part
            part = [*heads]
        part.append(column)
    yield part
