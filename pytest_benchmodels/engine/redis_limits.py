"""Buckets of all machines of a session, in a Redis."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Cap
from pytest_benchmodels.engine.limiter import NO_SEAT, Charge, Slot

__all__ = ["EXPIRY_S", "RedisLimiter", "RedisLink", "RedisSlots", "check_address"]

T = TypeVar("T")

EXPIRY_S = 3600
"""After so many seconds without a request, Redis forgets a limit."""

_TIMEOUT_S = 5.0
_PAUSE_S = 0.5
_MAY_BE_AWAY_S = 15.0
_REMEDY = "start it again, or go on without sharing: take `limits` out of bench.toml"


def check_address(url: str) -> None:
    """Raise `ConfigError` without the package, and for an address that it makes nothing of; connect to nobody."""
    try:
        _client(url).connection_pool.make_connection()
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - an option of the address's reaches whichever class it is for
        # The address may hold a password, and so may what is said of it.
        raise ConfigError(
            f"limits: this address of a Redis cannot be used ({type(error).__name__}): write "
            "redis://[:PASSWORD@]HOST[:PORT][/DATABASE], with options that the package redis knows"
        ) from None


def _client(url: str) -> Any:
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "limits = 'redis://...' needs the package redis: pip install 'pytest-benchmodels[redis]'"
        ) from None
    return Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)


class RedisLink:
    """Asks a Redis, for the running event loop; raises `ConfigError` without the package.

    A Redis that has answered before may be away for `may_be_away_s` seconds, for all questions together: until then
    they are asked again. One that never answered, or did not come back, fails each question, and those of the next
    seconds without asking.
    """

    def __init__(self, url: str, may_be_away_s: float = _MAY_BE_AWAY_S) -> None:
        self.redis: Any = _client(url)
        self._may_be_away_s = may_be_away_s
        self._has_answered = False
        self._silent_since: float | None = None
        self._refused: tuple[float, ConfigError] | None = None
        self._unawaited: set[asyncio.Task[None]] = set()

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """What Redis answers; raise `ConfigError` where it does not."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        clock = asyncio.get_running_loop().time
        while True:
            if self._refused is not None and clock() - self._refused[0] < _TIMEOUT_S:
                raise self._refused[1]
            try:
                answer = await question()
            except (RedisError, OSError) as error:
                self._wait_or_refuse(error, clock())
                await asyncio.sleep(_PAUSE_S)
            else:
                self._has_answered, self._silent_since, self._refused = True, None, None
                return answer

    def tell(self, question: Callable[[], Awaitable[object]]) -> None:
        """Ask without waiting for the answer, which would hold up a model's answer. A failure is ignored."""
        task = asyncio.create_task(self._told(question))
        self._unawaited.add(task)
        task.add_done_callback(self._unawaited.discard)

    async def aclose(self) -> None:
        """Let what was told arrive, if it does soon, and close."""
        if self._unawaited:
            await asyncio.wait(self._unawaited, timeout=_TIMEOUT_S)
        for task in self._unawaited:
            task.cancel()
        await self.redis.aclose()

    async def _told(self, question: Callable[[], Awaitable[object]]) -> None:
        try:
            await self.ask(question)
        except ConfigError:
            return  # a lease ends by itself; a lost correction makes the pace a little slower

    def _wait_or_refuse(self, error: Exception, now: float) -> None:
        self._silent_since = now if self._silent_since is None else self._silent_since
        is_away = _is_away(error) and self._has_answered
        if is_away and now - self._silent_since < self._may_be_away_s:
            return
        refusal = ConfigError(f"the limits in Redis cannot be reached: {error}; {_REMEDY}")
        if _is_away(error):
            self._refused = now, refusal
        raise refusal from None


def _is_away(error: Exception) -> bool:
    """Whether it may come back by itself; a wrong password does not."""
    from redis import exceptions  # noqa: PLC0415 - an extra

    if isinstance(error, (exceptions.AuthenticationError, exceptions.AuthorizationError)):
        return False
    return isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError, OSError))


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


_LEASE_S = 30.0
_LOOK_AGAIN_S = 1.0

# A bucket is a sorted set: who holds a slot, and until when unless the lease is renewed.
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
# The bell is a list on which waiting requests block; Redis wakes the one that waits longest. A few strokes are kept for
# those who are about to block.
_LEAVE = """
for i = 1, #KEYS, 2 do
  if redis.call('ZREM', KEYS[i], ARGV[1]) == 1 then
    redis.call('LPUSH', KEYS[i + 1], 1)
    redis.call('LTRIM', KEYS[i + 1], 0, 15)
    redis.call('EXPIRE', KEYS[i + 1], ARGV[2])
  end
end
"""


class RedisSlots:
    """Implements `SharedSlots`; the keys are named `benchmodels:...`.

    A slot is a lease that its process renews: one that dies leaves its slots to others after `lease_s` seconds. Of the
    requests of a process that wait under the same caps one asks, the others wait behind it. It hears at once of a slot
    that was left, and looks by itself after `look_again_s` for one that was lost.
    """

    def __init__(self, link: RedisLink, lease_s: float = _LEASE_S, look_again_s: float = _LOOK_AGAIN_S) -> None:
        self._lease_s = lease_s
        self._look_again_s = look_again_s
        self._link = link
        self._enter = link.redis.register_script(_ENTER)
        self._renew = link.redis.register_script(_RENEW)
        self._leave = link.redis.register_script(_LEAVE)
        self._turns: defaultdict[tuple[Cap, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._taken: dict[str, Slot] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def take(self, caps: Sequence[Cap]) -> Slot:
        """See `SharedSlots`; raise `ConfigError` where Redis cannot be reached."""
        if not caps:
            return NO_SEAT
        slot = Slot(uuid.uuid4().hex, tuple(caps))
        start = perf_counter()
        waited_for = caps[0].bucket if self._turns[slot.caps].locked() else ""
        try:
            async with self._turns[slot.caps]:
                while full := await self._try_to_enter(slot):
                    waited_for = full
                    await self._wait_for_the_bell(full)
        except BaseException:
            self.leave(slot)  # Redis may have seated a request that did not live to hear of it
            raise
        self._keep(slot)
        return slot._replace(bucket=waited_for, wait_s=perf_counter() - start) if waited_for else slot

    def leave(self, slot: Slot) -> None:
        if not slot.caps:
            return
        self._taken.pop(slot.id, None)
        keys = [key for cap in slot.caps for key in (_key(cap.bucket), _bell(cap.bucket))]
        self._link.tell(lambda: self._leave(keys=keys, args=[slot.id, EXPIRY_S]))

    async def aclose(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        await self._link.aclose()

    async def _try_to_enter(self, slot: Slot) -> str:
        """Take the slot, and return nothing, or the bucket that is full."""
        keys, most = [_key(cap.bucket) for cap in slot.caps], [cap.most for cap in slot.caps]
        arguments = [slot.id, self._lease_s, EXPIRY_S, *most]
        full = int(await self._link.ask(lambda: self._enter(keys=keys, args=arguments)))
        return slot.caps[full - 1].bucket if full else ""

    async def _wait_for_the_bell(self, bucket: str) -> None:
        await self._link.ask(lambda: self._link.redis.blpop(_bell(bucket), self._look_again_s))

    def _keep(self, slot: Slot) -> None:
        self._taken[slot.id] = slot
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew_all())

    async def _renew_all(self) -> None:
        """Renew often enough that two renewals in a row may fail. A Redis that forgot a slot is told of it again."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            for slot in list(self._taken.values()):
                with contextlib.suppress(ConfigError):
                    await self._renewed(slot)
                if slot.id not in self._taken:  # it was left meanwhile, maybe before it was renewed
                    self.leave(slot)

    async def _renewed(self, slot: Slot) -> None:
        keys = [_key(cap.bucket) for cap in slot.caps]
        await self._link.ask(lambda: self._renew(keys=keys, args=[slot.id, self._lease_s, EXPIRY_S]))


def _key(bucket: str) -> str:
    return f"benchmodels:{bucket}"


def _bell(bucket: str) -> str:
    return f"benchmodels:{bucket}:bell"
