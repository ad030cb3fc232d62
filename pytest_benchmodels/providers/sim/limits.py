"""The limits that the simulated server enforces: requests and tokens a minute, and requests at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .knobs import Knobs

__all__ = ["Limits", "Refusal", "TokenBucket", "go_duration"]

_BURST_SHARE = 0.1
_MOST_REQUESTS_AT_ONCE = 10.0
# Who waits exactly as long as was said must not miss a billionth of a request.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is used up, and for how many seconds, as far as that can be told."""

    what: str
    wait_s: float | None = None


class TokenBucket:
    """Refills steadily with `per_minute`, up to `burst`; times are in seconds on any clock."""

    def __init__(self, per_minute: int, burst: float, now_s: float) -> None:
        self.per_minute = per_minute
        self._burst = burst
        self._level = burst
        self._at_s = now_s

    def wait_s(self, amount: float, now_s: float) -> float:
        """Seconds until `amount` may be taken, or the whole burst if that is less; 0 if it may be now."""
        missing = min(amount, self._burst) - self.level(now_s)
        return missing * 60 / self.per_minute if missing > _ROUNDING else 0.0

    def take(self, amount: float, now_s: float) -> None:
        """Take it, and owe what is not there."""
        self._level = self.level(now_s) - amount

    def level(self, now_s: float) -> float:
        """What may be taken; below 0 what is owed."""
        self._level = min(self._burst, self._level + (now_s - self._at_s) * self.per_minute / 60)
        self._at_s = now_s
        return self._level

    def full_in_s(self, now_s: float) -> float:
        """Seconds until nothing is missing."""
        return (self._burst - self.level(now_s)) * 60 / self.per_minute


@dataclass(slots=True)
class Limits:
    """The limits of one model and bucket, as the latest request's knobs set them."""

    _buckets: dict[str, TokenBucket] = field(default_factory=dict)

    def admit(self, knobs: Knobs, tokens: int, in_flight: int, now_s: float) -> Refusal | None:
        """Let a request of `tokens` pass and count it, or say why not; then it counts nowhere."""
        if knobs.limit_in_flight is not None and in_flight >= knobs.limit_in_flight:
            return Refusal(f"{knobs.limit_in_flight} requests at once")
        amounts = {"requests": 1, "tokens": tokens}
        self._set("requests", knobs.limit_rpm, _MOST_REQUESTS_AT_ONCE, now_s)
        self._set("tokens", knobs.limit_tpm, float("inf"), now_s)
        for name, bucket in self._buckets.items():
            wait_s = bucket.wait_s(amounts[name], now_s)
            if wait_s:
                return Refusal(f"{bucket.per_minute} {name} a minute", wait_s)
        for name, bucket in self._buckets.items():
            bucket.take(amounts[name], now_s)
        return None

    def headers(self, now_s: float) -> tuple[tuple[str, str], ...]:
        """What is left, as OpenAI's API says it: `reset` is the time until the quota is whole again."""
        return tuple(
            header
            for name, bucket in self._buckets.items()
            for header in (
                (f"x-ratelimit-limit-{name}", str(bucket.per_minute)),
                (f"x-ratelimit-remaining-{name}", str(max(0, int(bucket.level(now_s))))),
                (f"x-ratelimit-reset-{name}", go_duration(bucket.full_in_s(now_s))),
            )
        )

    def _set(self, name: str, per_minute: int | None, most_at_once: float, now_s: float) -> None:
        if per_minute is None:
            self._buckets.pop(name, None)
        elif name not in self._buckets or self._buckets[name].per_minute != per_minute:
            burst = max(1.0, min(per_minute * _BURST_SHARE, most_at_once))
            self._buckets[name] = TokenBucket(per_minute, burst, now_s)


def go_duration(seconds: float) -> str:
    """Seconds as Go writes them, rounded to milliseconds: `20ms`, `1.5s`, `6m0s`, `1h2m3.5s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{shown}"
    return f"{minutes}m{shown}" if minutes else shown
