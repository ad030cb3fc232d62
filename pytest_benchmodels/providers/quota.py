"""What a server's headers say about its limits: how long to wait, and whether a quota is used up.

Sources: OpenAI's and Anthropic's rate limit pages, OpenRouter's limits page, RFC 9110 10.2.3 (`Retry-After`).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_benchmodels.core.message import Usage

__all__ = ["LONGEST_PAUSE_S", "pause_s", "retry_after_s", "seconds_until"]

LONGEST_PAUSE_S = 120.0
"""A longer pause is not believed: it would stop a model's runs for what one answer's headers say."""

_HINTS = frozenset({429, 503, 529})
_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
# What is counted, the header of what remains of it, and the header of when it is whole again.
_HEADERS = (
    ("requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("requests", "x-ratelimit-remaining", "x-ratelimit-reset"),
    *((what, f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset") for what in _ANTHROPIC),
)
# As Go writes durations, which OpenAI does: 1s, 6m0s, 20ms, 1h2m3.5s.
_FIGURE = r"(\d{1,9}(?:\.\d{1,9})?)"
_DURATION = re.compile(rf"(?:{_FIGURE}h)?(?:{_FIGURE}m)?(?:{_FIGURE}s)?(?:{_FIGURE}ms)?", re.ASCII)
# No server asks to wait 30 years: a larger number is a moment, in seconds or milliseconds since 1970.
_EPOCH_S = 1e9
_EPOCH_MS = 1e11


@dataclass(frozen=True, slots=True)
class _Quota:
    """`remaining` of `counted` is left; in `reset_s` seconds the quota is whole again."""

    counted: str
    remaining: float
    reset_s: float


def retry_after_s(headers: Mapping[str, str], status: int | None = None) -> float | None:
    """How long a server that refused asks to wait, in seconds; None where it does not say, or talks nonsense.

    `retry-after-ms`, else `Retry-After` as seconds or as a date. Else, where `status` is 429, 503 or 529, when its
    quotas are whole again: those that are used up; on a 429 where none is, the one that is so first.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    wish = headers.get("retry-after")
    seconds = _number(wish)
    if seconds is None and wish is not None:
        seconds = _until_date(wish)
    if seconds is None and status in _HINTS:
        seconds = _until_whole(headers, status)
    return seconds


def pause_s(headers: Mapping[str, str], usage: Usage) -> float | None:
    """For how long, in seconds, an answer's headers say that there is nothing left: None where they do not.

    A quota is used up if no request remains, or fewer tokens than the answered request took. Of several, the one that
    is whole again last counts. What is beyond `LONGEST_PAUSE_S` is ignored.
    """
    quotas = list(_quotas(headers))
    if not quotas:
        return None
    needs = {
        "requests": 1,
        "tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
        "input-tokens": usage.input_tokens or 0,
        "output-tokens": usage.output_tokens or 0,
    }
    waits = (quota.reset_s for quota in quotas if quota.remaining < max(1, needs[quota.counted]))
    return max((wait for wait in waits if 0 < wait <= LONGEST_PAUSE_S), default=None)


def seconds_until(moment: str, now_s: float) -> float | None:
    """Read when a quota is whole again, in seconds from `now_s` (since 1970), at least 0; None for nonsense.

    A number is seconds, or the moment itself in seconds or milliseconds since 1970; `6m0s` is a duration; anything
    else has to be a moment as RFC 3339 writes it.
    """
    number = _number(moment)
    if number is not None:
        if number < _EPOCH_S:
            return number
        return max(0.0, (number if number < _EPOCH_MS else number / 1000) - now_s)
    duration = _DURATION.fullmatch(moment)
    if duration is not None and any(duration.groups()):
        hours, minutes, seconds, milliseconds = (float(figure or 0) for figure in duration.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    return _until_timestamp(moment, now_s)


def _until_whole(headers: Mapping[str, str], status: int | None) -> float | None:
    quotas = list(_quotas(headers))
    used_up = [quota.reset_s for quota in quotas if quota.remaining <= 0]
    if used_up:
        return max(used_up)
    # An overloaded server with quota left has no reason in it: its resets say nothing about the load.
    return min((quota.reset_s for quota in quotas), default=None) if status == 429 else None


def _quotas(headers: Mapping[str, str]) -> Iterator[_Quota]:
    """The quotas of which it is known when they are whole again."""
    told = {name.lower(): value for name, value in headers.items() if "ratelimit" in name.lower()}
    if not told:
        return
    now_s = time.time()
    for counted, remaining, reset in _HEADERS:
        reset_s = seconds_until(told[reset].strip(), now_s) if reset in told else None
        if reset_s is not None:
            left = _number(told.get(remaining))
            yield _Quota(counted, math.inf if left is None else left, reset_s)


def _number(text: str | None) -> float | None:
    """A number of at least 0; None for what is none, or has no end."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _until_date(date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few servers send a date

    try:
        return _seconds_to(parsedate_to_datetime(date), time.time())
    except (ValueError, OverflowError):
        return None


def _until_timestamp(moment: str, now_s: float) -> float | None:
    from datetime import datetime  # noqa: PLC0415 - Anthropic's API is alone with this

    try:
        return _seconds_to(datetime.fromisoformat(moment), now_s)
    except (ValueError, OverflowError):
        return None


def _seconds_to(moment: datetime, now_s: float) -> float:
    from datetime import UTC  # noqa: PLC0415 - as for the callers

    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s)
