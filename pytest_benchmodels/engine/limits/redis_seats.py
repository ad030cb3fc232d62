"""Seats that sessions on several machines share, in a Redis."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Sequence
from time import perf_counter

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Cap

from .redis_link import EXPIRY_S, RedisLink
from .seats import NO_SEAT, Seat

__all__ = ["RedisSeats"]

_LEASE_S = 30.0
_PATIENCE_S = 1.0

# A bucket is a sorted set: who is seated, and until when without further notice.
_ENTER = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[i + 3]) then return i end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('EXPIRE', key, ARGV[3])
end
return 0
"""
_RENEW = """
local time = redis.call('TIME')
local lease = time[1] + time[2] / 1e6 + ARGV[2]
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, lease, ARGV[1])
  redis.call('EXPIRE', key, ARGV[3])
end
"""
# Whoever blocks on the bell is woken, the one who waits longest first. It keeps few strokes for those about to block.
_LEAVE = """
for i = 1, #KEYS, 2 do
  if redis.call('ZREM', KEYS[i], ARGV[1]) == 1 then
    redis.call('LPUSH', KEYS[i + 1], 1)
    redis.call('LTRIM', KEYS[i + 1], 0, 15)
    redis.call('EXPIRE', KEYS[i + 1], ARGV[2])
  end
end
"""


class RedisSeats:
    """Implements `Seats`; the keys are named `benchmodels:...`.

    A seat is a lease that its process renews: one that dies leaves its seats to others after `lease_s` seconds. Of the
    requests of a process that wait under the same caps one asks, the others wait behind it. It hears at once of a seat
    that was left, and looks by itself after `patience_s` for one that was lost.
    """

    def __init__(self, link: RedisLink, lease_s: float = _LEASE_S, patience_s: float = _PATIENCE_S) -> None:
        self._lease_s = lease_s
        self._patience_s = patience_s
        self._link = link
        self._enter = link.redis.register_script(_ENTER)
        self._renew = link.redis.register_script(_RENEW)
        self._leave = link.redis.register_script(_LEAVE)
        self._turns: defaultdict[tuple[Cap, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._taken: dict[str, Seat] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def take(self, caps: Sequence[Cap]) -> Seat:
        """See `Seats`; raise `ConfigError` where Redis cannot be reached."""
        if not caps:
            return NO_SEAT
        seat = Seat(uuid.uuid4().hex, tuple(caps))
        start = perf_counter()
        waited_for = caps[0].bucket if self._turns[seat.caps].locked() else ""
        try:
            async with self._turns[seat.caps]:
                while full := await self._try_to_enter(seat):
                    waited_for = full
                    await self._wait_for_the_bell(full)
        except BaseException:
            self.leave(seat)  # Redis may have seated a request that did not live to hear of it
            raise
        self._keep(seat)
        return seat._replace(bucket=waited_for, wait_s=perf_counter() - start) if waited_for else seat

    def leave(self, seat: Seat) -> None:
        if not seat.caps:
            return
        self._taken.pop(seat.id, None)
        keys = [key for cap in seat.caps for key in (_key(cap.bucket), _bell(cap.bucket))]
        self._link.tell(lambda: self._leave(keys=keys, args=[seat.id, EXPIRY_S]))

    async def aclose(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        await self._link.aclose()

    async def _try_to_enter(self, seat: Seat) -> str:
        """Take the seat, and return nothing, or the bucket that is full."""
        keys, most = [_key(cap.bucket) for cap in seat.caps], [cap.most for cap in seat.caps]
        arguments = [seat.id, self._lease_s, EXPIRY_S, *most]
        full = int(await self._link.ask(lambda: self._enter(keys=keys, args=arguments)))
        return seat.caps[full - 1].bucket if full else ""

    async def _wait_for_the_bell(self, bucket: str) -> None:
        await self._link.ask(lambda: self._link.redis.blpop(_bell(bucket), self._patience_s))

    def _keep(self, seat: Seat) -> None:
        self._taken[seat.id] = seat
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew_all())

    async def _renew_all(self) -> None:
        """Renew often enough that two renewals in a row may fail. A Redis that forgot a seat is told of it again."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            for seat in list(self._taken.values()):
                with contextlib.suppress(ConfigError):
                    await self._renewed(seat)
                if seat.id not in self._taken:  # it was left meanwhile, maybe before it was renewed
                    self.leave(seat)

    async def _renewed(self, seat: Seat) -> None:
        keys = [_key(cap.bucket) for cap in seat.caps]
        await self._link.ask(lambda: self._renew(keys=keys, args=[seat.id, self._lease_s, EXPIRY_S]))


def _key(bucket: str) -> str:
    return f"benchmodels:{bucket}"


def _bell(bucket: str) -> str:
    return f"benchmodels:{bucket}:bell"
