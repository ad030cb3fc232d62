"""Figures as a reader sees them: short, with their unit, and never rounded into a claim that is not so."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pytest_benchmodels.core.text import clip, harmless

__all__ = ["UNKNOWN", "dollars", "duration", "fraction", "one_line", "percent", "plural", "tokens", "utc"]

UNKNOWN = "-"
"""Stands where a figure is not known, or is not a number."""

_MINUTE_S = 60
_HOUR_S = 3600


def fraction(value: float | None) -> str:
    """`0.93`, for a score. Only a score of 1 is 1.00, only one of 0 is 0.00."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{_within(value, 0.01):.2f}"


def percent(share: float | None, digits: int = 1) -> str:
    """`93.3%` of 0.933. Only all is 100 %, only none is 0 %: 1,999 of 2,000 are 99.9 %."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return f"{100 * _within(share, 10.0 ** -(digits + 2)):.{digits}f}%"


def duration(seconds: float | None) -> str:
    """`340ms`, `1.9s`, `2.1min` or `1.5h`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    # Each border stands where the smaller unit would round up to the larger one.
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < _MINUTE_S - 0.05:
        return f"{seconds:.1f}s"
    if seconds < _HOUR_S - 3:
        return f"{seconds / _MINUTE_S:.1f}min"
    return f"{seconds / _HOUR_S:.1f}h"


def tokens(count: int | None) -> str:
    """`950`, `1.2k`, `412k` or `3.4M`."""
    if count is None:
        return UNKNOWN
    if count < 1000:
        return str(count)
    if count < 999_500:
        return _three_digits(count / 1000) + "k"
    return _three_digits(count / 1_000_000) + "M"


def dollars(amount: float | None) -> str:
    """`$0.11`; `<$0.01` where cents cannot show that it is not free."""
    if amount is None or not math.isfinite(amount):
        return UNKNOWN
    return "<$0.01" if 0 < amount < 0.01 else f"${amount:,.2f}"


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def utc(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str, limit: int) -> str:
    """Hostile text on one line of at most about `limit` characters."""
    return harmless(" ".join(clip(text, limit).split()))


def _within(share: float, step: float) -> float:
    """Keep what is neither none nor all one step away from both."""
    return min(max(share, step), 1 - step) if 0 < share < 1 else share


def _three_digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
