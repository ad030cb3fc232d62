"""Buckets of all machines of a session, in a Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

from pytest_benchmodels.core.errors import ConfigError

from .pace import Charge

__all__ = ["EXPIRY_S", "RedisLimiter", "connect", "evaluate"]

EXPIRY_S = 3600
"""After so many seconds without a request, Redis forgets a bucket."""

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
    """A `Limiter` for sessions on several machines; its buckets are named `benchmodels:...`.

    Needs the extra `redis`. Raises `ConfigError` where the package or the server is missing.
    """

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._reserve = self._redis.register_script(_RESERVE)
        self._settle = self._redis.register_script(_SETTLE)

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        wait_s, waited = await self._call(self._reserve, charges)
        return float(wait_s), charges[int(waited) - 1].bucket if waited else ""

    async def settle(self, corrections: Sequence[Charge]) -> None:
        await self._call(self._settle, corrections)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _call(self, script: Any, charges: Sequence[Charge]) -> Any:
        keys = [f"benchmodels:{charge.bucket}" for charge in charges]
        return await evaluate(script(keys=keys, args=[*(charge.seconds for charge in charges), EXPIRY_S]))


def connect(url: str) -> Any:
    """A client of the Redis at `url`, for the running event loop; raise `ConfigError` without the package."""
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "limits = 'redis://...' needs the package redis: pip install 'pytest-benchmodels[redis]'"
        ) from None
    return Redis.from_url(url, socket_connect_timeout=10)


async def evaluate(answer: Awaitable[Any]) -> Any:
    """Await what Redis answers; raise `ConfigError` where it does not."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

    try:
        return await answer
    except (RedisError, OSError) as error:
        raise ConfigError(f"the limits in Redis cannot be reached: {error}") from None
