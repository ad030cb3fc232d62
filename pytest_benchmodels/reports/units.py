"""Numbers, times, names and results in a reader's words, and as properties of a test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import clip, harmless
from pytest_benchmodels.statistics.paired import SIGNIFICANT

__all__ = [
    "UNKNOWN",
    "aligned",
    "dollars",
    "duration",
    "failed_request",
    "fraction",
    "full_name",
    "junit_properties",
    "name_limit",
    "one_line",
    "p_value",
    "parts",
    "percent",
    "plural",
    "points",
    "requests",
    "result_properties",
    "short_name",
    "shortened",
    "tokens",
    "utc",
]


def result_properties(result: Result) -> dict[str, str | int | float | None]:
    """The facts of one run; None, JSON's null, where one is not known.

    Times are in seconds to the microsecond, `cost_usd` in US dollars; `known_cost_usd` is the part that is known.
    """
    spent = result.spent
    usage = spent.usage
    return {
        "scenario": result.scenario,
        "model": result.model,
        "trial": result.trial,
        "status": result.status,
        "score": result.score,
        "latency_s": _rounded(result.told_latency_s),
        "wait_s": round(result.wait_s, 6),
        "retry_s": _rounded(result.retry_s),
        "connect_s": _rounded(result.connect_s),
        "client_s": _rounded(result.client_s),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": spent.cost_usd,
        "known_cost_usd": spent.known_cost_usd if spent.cost_usd is None and spent.known_cost_usd else spent.cost_usd,
        "attempts": result.attempts,
    }


def requests(result: Result) -> str:
    """How many were sent for the run's own answers: `3 attempts` at the one, `5 requests` for several."""
    return plural(result.attempts, "request" if _asked_more_than_once(result) else "attempt")


def failed_request(result: Result) -> str:
    """What one of `result.retries` is called: an attempt at the one answer, else a request of any of them."""
    return "failed request" if _asked_more_than_once(result) else "attempt"


def _asked_more_than_once(result: Result) -> bool:
    """By its turns, or with the results of tools."""
    return sum(call.purpose == "answer" for call in result.calls) > 1


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def junit_properties(result: Result) -> list[tuple[str, str | int | float]]:
    """The same as `bench.*` pairs. XML has no null: what is not known is left out."""
    return [(f"bench.{name}", value) for name, value in result_properties(result).items() if value is not None]


UNKNOWN = "-"
"""Stands where a figure is not known, or is not a number."""

_MINUTE_S = 60
_HOUR_S = 3600
_FULL_NAME = 120
_LONGEST_NAME = 1000
_LEAST_SHOWN_USD = 0.000001


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


def tokens(count: int | None, known: int | None = None) -> str:
    """`950`, `1.2k`, `412k` or `3.4M`; `>=412k` where only so many of them are `known`."""
    if count is None:
        return f">={tokens(_rounded_down(known))}" if known else UNKNOWN
    if count < 1000:
        return str(count)
    if count < 999_500:
        return _three_digits(count / 1000) + "k"
    return _three_digits(count / 1_000_000) + "M"


def dollars(amount: float | None, known: float | None = None) -> str:
    """`$0.11`, `$0.0004`: cents, and two significant digits; `>= $2.00` where only so much of it is `known`."""
    if amount is None or not math.isfinite(amount):
        return f">= {_cents(known, ROUND_FLOOR)}" if known and math.isfinite(known) else UNKNOWN
    return _cents(amount, ROUND_HALF_UP)


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def utc(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str, limit: int) -> str:
    """Hostile text on one line of at most about `limit` characters."""
    return harmless(" ".join(clip(text, limit).split()))


def shortened(text: str, limit: int = 56) -> str:
    """A name of at most `limit` characters: of a longer one the middle goes, for names differ at their ends."""
    if len(text) <= limit:
        return text
    tail = (limit - 3) // 2
    return f"{text[: limit - 3 - tail]}...{text[len(text) - tail :]}"


def full_name(text: str) -> str:
    """Hostile text as a name on one line, of at most 120 characters."""
    return one_line(text, _FULL_NAME)


def short_name(text: str, limit: int = 56) -> str:
    """Hostile text as a name on one line, `shortened`."""
    return shortened(one_line(text, _LONGEST_NAME), limit)


def _cents(amount: float, rounding: str) -> str:
    if 0 < amount < _LEAST_SHOWN_USD:
        return f"<${_LEAST_SHOWN_USD:f}" if rounding != ROUND_FLOOR else "$0.00"
    exact = Decimal(repr(amount))
    digits = max(2, 1 - exact.adjusted()) if exact else 2
    shown = f"{exact.quantize(Decimal(1).scaleb(-digits), rounding):,f}"
    whole, _, part = shown.partition(".")
    return f"${whole}.{part[:2]}{part[2:].rstrip('0')}"


def _rounded_down(count: int) -> int:
    """What `tokens` shows of it is then no more than it is."""
    step = 10 ** max(len(str(count)) - (3 if len(str(count)) % 3 == 0 else 2), 0) if count >= 1000 else 1
    return count - count % step


def _within(share: float, step: float) -> float:
    """Keep what is neither none nor all one step away from both."""
    return min(max(share, step), 1 - step) if 0 < share < 1 else share


def _three_digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


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


def points(difference: float) -> str:
    """`-3.2 pp` of -0.032: percentage points, for the difference of two shares."""
    return f"{100 * difference:+.1f} pp"


def p_value(value: float) -> str:
    """`0.012`, `<0.001`. What is below 0.05 is never shown as 0.050; half of the last digit is rounded up, to 0.063."""
    return "<0.001" if value < 0.001 else f"{min(value, 0.049) if value < SIGNIFICANT else value + 1e-9:.3f}"
