"""Seats: how many requests are in flight at once, counted together by sessions that know nothing else of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pytest_benchmodels.core.model import Cap

__all__ = ["NO_SEAT", "Seat", "Seats", "Unlimited"]


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
