"""What a simulated model does: its knobs, and the four named models, which are presets of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeGuard

from pytest_benchmodels.core.text import nearest, quote

__all__ = ["PRESETS", "KnobError", "Knobs", "Limits", "Refusal", "TokenBucket", "go_duration", "turn"]


class KnobError(ValueError):
    """A knob that does not exist, or a value that it cannot take."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How a simulated model behaves. Rates and `accuracy` are shares from 0 to 1; times are in seconds.

    Latency is lognormal with median `latency` and spread `sigma`. At most one fault strikes a request; none strikes
    an attempt after `recover_after`. `garbage` and `endless` spoil every reply until then. `huge` is the least size of
    the reply's body in bytes, `drip` the wait before each byte. A stream begins after `latency` and has `pace` tokens a
    second, 0 for all at once; one that stalls stands still for ever in its middle, and any other reply hangs. `status`
    answers everything with that HTTP status. `judges` lets it give
    verdicts, of which `accuracy` are right. `tool_calls` are made one after another where the request has tools; those
    in a list of their own are made together. Limits hold for all requests to the model with the same `bucket`.
    """

    latency: float = 0.003
    sigma: float = 0.3
    accuracy: float = 1.0
    seed: int = 0
    rate_429: float = 0.0
    rate_500: float = 0.0
    hang_rate: float = 0.0
    stall_rate: float = 0.0
    reset_rate: float = 0.0
    truncate_rate: float = 0.0
    malformed_rate: float = 0.0
    recover_after: int | None = None
    retry_after: float | None = None
    huge: int = 0
    drip: float = 0.0
    pace: float = 0.0
    text: str | None = None
    thinking: str | None = None
    finish_reason: str | None = None
    tool_calls: tuple[object, ...] = ()
    status: int | None = None
    redirect: str | None = None
    garbage: bool = False
    endless: bool = False
    declared_bytes: int | None = None
    header_bytes: int = 0
    interim: int = 0
    gzip: bool = False
    limit_rpm: int | None = None
    limit_tpm: int | None = None
    limit_in_flight: int | None = None
    quota_headers: bool = False
    bucket: str | None = None
    judges: bool = False


PRESETS: Mapping[str, Knobs] = {
    "steady": Knobs(),
    "slow": Knobs(latency=2.0, sigma=0.25),
    "flaky": Knobs(rate_429=0.12, rate_500=0.08, recover_after=2, retry_after=0.05),
    "hang": Knobs(hang_rate=1.0),
    "judge": Knobs(judges=True),
    "embed": Knobs(),
    "agent": Knobs(),
}

_RATES = ("rate_429", "rate_500", "hang_rate", "stall_rate", "reset_rate", "truncate_rate", "malformed_rate")
_NUMBERS = {
    "latency": (0, 3600),
    "sigma": (0, 5),
    "retry_after": (0, 86_400),
    "drip": (0, 60),
    "pace": (0, 1_000_000),
    "accuracy": (0, 1),
    **dict.fromkeys(_RATES, (0, 1)),
}
_WHOLE = {
    "seed": (-(2**63), 2**63),
    "recover_after": (0, 1000),
    "huge": (0, 2**28),
    "status": (200, 599),
    "declared_bytes": (0, 10**18),
    "header_bytes": (0, 2**24),
    "interim": (0, 10_000),
    "limit_rpm": (1, 10**6),
    "limit_tpm": (1, 10**9),
    "limit_in_flight": (0, 10**6),
}
_SWITCHES = frozenset({"garbage", "endless", "gzip", "quota_headers", "judges"})
_NAMES = tuple(field.name for field in fields(Knobs))


def turn(knobs: Knobs, given: Mapping[str, object]) -> Knobs:
    """Set `given` on top of `knobs`; raises KnobError for an unknown name, a wrong type or a value out of range."""
    for name, value in given.items():
        _check(name, value)
    turned: Knobs = replace(knobs, **given)  # type: ignore[arg-type] # _check has looked at each value's type
    if sum(getattr(turned, rate) for rate in _RATES) > 1 + 1e-9:
        raise KnobError(f"the rates of the simulated faults add up to more than 1: lower one of {', '.join(_RATES)}")
    return turned


def _check(name: str, value: object) -> None:
    if name not in _NAMES:
        raise KnobError(f"unknown sim knob {quote(name)}{nearest(name, _NAMES)} (known: {', '.join(_NAMES)})")
    if name in _SWITCHES:
        fits, wanted = isinstance(value, bool), "true or false"
    elif name in _NUMBERS:
        low, high = _NUMBERS[name]
        fits, wanted = _is_number(value) and low <= value <= high, f"a number from {low} to {high}"
    elif name in _WHOLE:
        least, most = _WHOLE[name]
        fits, wanted = type(value) is int and least <= value <= most, f"a whole number from {least} to {most}"
    elif name == "tool_calls":
        fits, wanted = _are_calls(value), "a list of calls, or of lists of calls made together: {name, arguments}"
    else:
        fits, wanted = isinstance(value, str), "a text"
    if not fits:
        raise KnobError(f"sim knob '{name}' takes {wanted}, not {quote(value)}")


def _are_calls(value: object) -> bool:
    if not isinstance(value, list):
        return False
    steps = [step if isinstance(step, list) else [step] for step in value]
    return all(isinstance(call, dict) and isinstance(call.get("name"), str) for step in steps for call in step)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


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
