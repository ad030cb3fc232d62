"""Seats: how many requests are in flight at once, counted together by sessions that know nothing else of each other.

A bucket is one number, the time from which it is free again: the generic cell rate algorithm (ITU-T I.371) without
tolerance. A request that costs a 600th of a minute makes the bucket free a 600th of a minute after it went, so that no
window of a minute ever holds more than 600. A reservation names its time at once: whoever waits sleeps until then, and
asks nobody again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from pytest_benchmodels.core.model import Cap

__all__ = [
    "NO_SEAT",
    "Charge",
    "Limiter",
    "MemoryLimiter",
    "Reservation",
    "Seat",
    "Seats",
    "Unlimited",
    "reserve",
    "settle",
]


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


class MemoryLimiter:
    """A `Limiter` for a session that runs in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        now = self._clock()
        reserved = reserve(self._free_at, charges, now)
        self._free_at.update(reserved.free_at)
        return reserved.at - now, reserved.bucket

    async def settle(self, corrections: Sequence[Charge]) -> None:
        self._free_at.update(settle(self._free_at, corrections, self._clock()))

    async def aclose(self) -> None:
        self._free_at.clear()


class Seat(NamedTuple):
    """One request's place under all of its caps. `bucket` is the one that it waited for, for `wait_s` seconds."""

    id: str
    caps: tuple[Cap, ...]
    bucket: str = ""
    wait_s: float = 0.0


NO_SEAT = Seat("", ())
"""That of a request without caps."""


class Seats(Protocol):
    """Who may have a request in flight."""

    async def take(self, caps: Sequence[Cap]) -> Seat:
        """Wait for a place under all of these caps."""

    def leave(self, seat: Seat) -> None:
        """Give the place to others. Neither raises nor waits: the request has been answered."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Unlimited:
    """The seats of a session that shares its limits with no other: its lanes count by themselves."""

    async def take(self, caps: Sequence[Cap]) -> Seat:  # noqa: ARG002 - a Seats
        return NO_SEAT

    def leave(self, seat: Seat) -> None:
        """Nothing to give back."""

    async def aclose(self) -> None:
        """Nothing to let go of."""
