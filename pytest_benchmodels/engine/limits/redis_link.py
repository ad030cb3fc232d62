"""A session's connection to the Redis in which limits are shared: it may be away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pytest_benchmodels.core.errors import ConfigError

__all__ = ["EXPIRY_S", "RedisLink", "check_address"]

T = TypeVar("T")

EXPIRY_S = 3600
"""After so many seconds without a request, Redis forgets a limit."""

_TIMEOUT_S = 5.0
_PAUSE_S = 0.5
_PATIENCE_S = 15.0
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

    A Redis that has answered before may be away for `patience_s` seconds, for all questions together: until then they
    are asked again. One that never answered, or did not come back, fails each question, and those of the next seconds
    without asking.
    """

    def __init__(self, url: str, patience_s: float = _PATIENCE_S) -> None:
        self.redis: Any = _client(url)
        self._patience_s = patience_s
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
        """Ask without waiting, where an answer of a model would be lost by waiting; a failure is nobody's."""
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
            return  # a lease ends by itself, a correction that is lost costs a little pace

    def _wait_or_refuse(self, error: Exception, now: float) -> None:
        self._silent_since = now if self._silent_since is None else self._silent_since
        is_away = _is_away(error) and self._has_answered
        if is_away and now - self._silent_since < self._patience_s:
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
