"""Buckets of one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .pace import Charge, reserve, settle

__all__ = ["MemoryLimiter"]


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
