"""Names to addresses, in threads of our own.

asyncio looks names up in the threads that all its users share, and waits for them at the end: one model's slow name
server would hold the others, and the exit.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress
from typing import Any

__all__ = ["Address", "NameServerTimeoutError", "Resolver"]

Address = tuple[int, int, int, str, tuple[Any, ...]]
"""What `socket.getaddrinfo` returns: family, type, protocol, canonical name, address."""


class NameServerTimeoutError(TimeoutError):
    """A name server did not answer in time."""


class Resolver:
    """Looks each name up once at a time, however many ask for it."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str, port: int, timeout_s: float) -> list[Address]:
        """Where `host` is; raises OSError, and NameServerTimeoutError after `timeout_s`."""
        if _is_number(host):  # needs no server, and no thread
            return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)]
        key = (host, port)
        answer = self._asked.get(key) or self._ask(key)
        done, _ = await asyncio.wait({answer}, timeout=timeout_s)
        if not done:
            raise NameServerTimeoutError
        return answer.result()

    def _ask(self, key: tuple[str, int]) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()

        def deliver(result: list[Address] | OSError) -> None:
            del self._asked[key]
            if isinstance(result, OSError):
                answer.set_exception(result)
                answer.exception()  # whoever asked may have left
            else:
                answer.set_result(result)

        def look_up() -> None:
            result = _look_up(*key)
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(deliver, result)

        # A daemon: what hangs in the system's resolver must not keep the process.
        threading.Thread(target=look_up, name=f"resolve-{key[0]}", daemon=True).start()
        self._asked[key] = answer
        return answer


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[Address] | OSError:
    try:
        # As bytes: the name is encoded already, and one that is too long is for the system to refuse.
        return [*socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)]
    except OSError as error:
        return error
