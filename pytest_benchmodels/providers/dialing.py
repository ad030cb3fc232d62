"""How a connection comes about: name, TCP, proxy, TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from aiohappyeyeballs import start_connection

from .connection import Connection, Pacer, Tunnel
from .proxy import Proxy
from .resolver import Resolver

__all__ = ["Dialer", "Route"]

# As long as browsers give one address before they try the next one beside it (RFC 8305).
_NEXT_ADDRESS_S = 0.25
_C = TypeVar("_C", bound=Connection)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection leads. `trust` makes the TLS context, and is asked only where there is TLS."""

    host: str
    port: int
    is_tls: bool
    proxy: Proxy | None
    trust: Callable[[], ssl.SSLContext]


class Dialer:
    """Makes connections for one event loop."""

    def __init__(self) -> None:
        self._pacer = Pacer()
        self._resolver = Resolver()

    async def connect(self, route: Route, timeout_s: float) -> tuple[Connection, float]:
        """A connection and the seconds it took to set up.

        Raises OSError (TimeoutError, ssl.SSLError), ProxyRefusedError, ReplyError.
        """
        if route.is_tls:
            route.trust()  # once in a process, and no part of what the connection takes
        started = perf_counter()
        async with asyncio.timeout(timeout_s):
            connection = await self._through(route, timeout_s)
        return connection, perf_counter() - started

    async def _through(self, route: Route, timeout_s: float) -> Connection:
        proxy = route.proxy
        if proxy is None:
            return await self._open(Connection, route, timeout_s)
        to_proxy = Route(proxy.host, proxy.port, proxy.scheme == "https", None, route.trust)
        if not route.is_tls:
            return await self._open(Connection, to_proxy, timeout_s)
        tunnel = await self._open(Tunnel, to_proxy, timeout_s)
        try:
            await tunnel.open(route.host, route.port, proxy.headers)
            return await self._secure(tunnel, route)
        except BaseException:
            tunnel.abort()
            raise

    async def _open(self, kind: type[_C], route: Route, timeout_s: float) -> _C:
        addresses = await self._resolver.addresses(route.host, route.port, timeout_s)
        sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S)
        loop = asyncio.get_running_loop()
        context, name = (route.trust(), route.host) if route.is_tls else (None, None)
        _, connection = await loop.create_connection(
            lambda: kind(self._pacer), sock=sock, ssl=context, server_hostname=name
        )
        return connection

    async def _secure(self, tunnel: Tunnel, route: Route) -> Connection:
        connection = Connection(self._pacer)
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(tunnel.transport, connection, route.trust(), server_hostname=route.host)
        if transport is None:
            raise ConnectionResetError("the proxy closed the connection")
        connection.connection_made(transport)  # start_tls leaves that to its caller
        return connection
