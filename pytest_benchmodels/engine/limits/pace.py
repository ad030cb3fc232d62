"""The arithmetic of a rate limit: when the next request may go.

A bucket is one number, the time from which it is free again: the generic cell rate algorithm (ITU-T I.371) without
tolerance. A request that costs a 600th of a minute makes the bucket free a 600th of a minute after it went, so that no
window of a minute ever holds more than 600. A reservation names its time at once: whoever waits sleeps until then, and
asks nobody again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Charge", "Limiter", "Reservation", "reserve", "settle"]


class Charge(NamedTuple):
    """What one request takes of one bucket: `seconds` is its share of a minute. For 1 of 600 a minute, 0.1."""

    bucket: str
    seconds: float


class Reservation(NamedTuple):
    """When the request may go, why not before (the bucket that decided), and the buckets as they are then."""

    at: float
    bucket: str
    free_at: dict[str, float]


class Limiter(Protocol):
    """Buckets that all who send requests share. Times are in seconds."""

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        """Take a place in all of these buckets; return how long to wait, and for which bucket."""

    async def settle(self, corrections: Sequence[Charge]) -> None:
        """Add to buckets what a request took beyond its reservation; a negative charge gives back.

        Does not wait for anybody: the request has been answered.
        """

    async def aclose(self) -> None:
        """Let go of files and connections."""


def reserve(free_at: Mapping[str, float], charges: Sequence[Charge], now: float) -> Reservation:
    """The first time at which all buckets are free, and the buckets after a request at that time."""
    at, bucket = now, ""
    for charge in charges:
        free = free_at.get(charge.bucket, now)
        if free > at:
            at, bucket = free, charge.bucket
    return Reservation(at, bucket, {charge.bucket: at + charge.seconds for charge in charges})


def settle(free_at: Mapping[str, float], corrections: Sequence[Charge], now: float) -> dict[str, float]:
    """The buckets after corrections. A bucket that is free already stays so: nothing is saved up for a burst."""
    return {name: free_at.get(name, now) + seconds for name, seconds in corrections}
