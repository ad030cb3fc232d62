"""What a simulated model does: its knobs, and the four named models, which are presets of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeGuard

from ...core.text import nearest, quote

__all__ = ["PRESETS", "KnobError", "Knobs", "turn"]


class KnobError(ValueError):
    """A knob that does not exist, or a value that it cannot take."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How a simulated model behaves. Rates and `accuracy` are shares from 0 to 1; times are in seconds.

    Latency is lognormal with median `latency` and spread `sigma`. At most one fault strikes a request; none strikes
    an attempt after `recover_after`. `garbage` and `endless` spoil every reply until then. `huge` is the least size of
    the reply's body in bytes, `drip` the wait before each byte. `status` answers everything with that HTTP status.
    Limits hold for all requests to the model with the same `bucket`.
    """

    latency: float = 0.003
    sigma: float = 0.3
    accuracy: float = 1.0
    seed: int = 0
    rate_429: float = 0.0
    rate_500: float = 0.0
    hang_rate: float = 0.0
    reset_rate: float = 0.0
    truncate_rate: float = 0.0
    malformed_rate: float = 0.0
    recover_after: int | None = None
    retry_after: float | None = None
    huge: int = 0
    drip: float = 0.0
    text: str | None = None
    thinking: str | None = None
    finish_reason: str | None = None
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


PRESETS: Mapping[str, Knobs] = {
    "steady": Knobs(),
    "slow": Knobs(latency=2.0, sigma=0.25),
    "flaky": Knobs(rate_429=0.12, rate_500=0.08, recover_after=2, retry_after=0.05),
    "hang": Knobs(hang_rate=1.0),
}

_RATES = ("rate_429", "rate_500", "hang_rate", "reset_rate", "truncate_rate", "malformed_rate")
_NUMBERS = {
    "latency": (0, 3600),
    "sigma": (0, 5),
    "retry_after": (0, 86_400),
    "drip": (0, 60),
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
_SWITCHES = frozenset({"garbage", "endless", "gzip", "quota_headers"})
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
    else:
        fits, wanted = isinstance(value, str), "a text"
    if not fits:
        raise KnobError(f"sim knob '{name}' takes {wanted}, not {quote(value)}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
