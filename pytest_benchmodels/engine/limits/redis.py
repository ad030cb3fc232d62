"""Buckets of all machines of a session, in a Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .pace import Charge
from .redis_link import EXPIRY_S, RedisLink

__all__ = ["RedisLimiter"]

# One call, one decision: Redis runs a script as a whole, and its clock is the one that all machines share.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local at, waited = now, 0
for i, key in ipairs(KEYS) do
  local free = tonumber(redis.call('GET', key) or now)
  if free > at then at, waited = free, i end
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.6f', at + ARGV[i]), 'EX', ARGV[#ARGV])
end
return {string.format('%.6f', at - now), waited}
"""
_SETTLE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
for i, key in ipairs(KEYS) do
  local free = tonumber(redis.call('GET', key) or now)
  redis.call('SET', key, string.format('%.6f', free + ARGV[i]), 'EX', ARGV[#ARGV])
end
"""


class RedisLimiter:
    """A `Limiter` for sessions on several machines; its buckets are named `benchmodels:...`."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._reserve = link.redis.register_script(_RESERVE)
        self._settle = link.redis.register_script(_SETTLE)

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        """See `Limiter`; raise `ConfigError` where Redis cannot be reached."""
        wait_s, waited = await self._link.ask(lambda: self._reserve(**_named(charges)))
        return float(wait_s), charges[int(waited) - 1].bucket if waited else ""

    async def settle(self, corrections: Sequence[Charge]) -> None:
        self._link.tell(lambda: self._settle(**_named(corrections)))

    async def aclose(self) -> None:
        await self._link.aclose()


def _named(charges: Sequence[Charge]) -> dict[str, list[Any]]:
    """The arguments of a script."""
    keys = [f"benchmodels:{charge.bucket}" for charge in charges]
    return {"keys": keys, "args": [*(charge.seconds for charge in charges), EXPIRY_S]}
