"""How a connection comes about: name, TCP, proxy, TLS.

asyncio looks names up in the threads that all its users share, and waits for them at the end: one model's slow name
server would hold the others, and the exit.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohappyeyeballs import start_connection

from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.providers.connection import Connection, Pacer

__all__ = [
    "Address",
    "Dialer",
    "NameServerTimeoutError",
    "Proxy",
    "ProxyError",
    "ProxyRefusedError",
    "Resolver",
    "Route",
    "Tunnel",
    "in_words",
    "innermost",
    "lacks_files",
    "may_pass",
    "proxy_for",
    "remedy",
]

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


_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxyError(ValueError):
    """A proxy that cannot be used; the text says why, without its password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `headers` are the lines that it wants to see, each with its line end."""

    scheme: str
    host: str
    port: int
    headers: bytes = field(default=b"", repr=False)

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """What HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say; none ever for this machine itself.

    NO_PROXY has host names with the domains below them, `*`, addresses (IPv6 with or without brackets) and networks
    (`10.0.0.0/8`), each with `:port` or without. Raises ProxyError.
    """
    if host in {"localhost", "::1"} or host.startswith("127."):
        return None
    proxies = getproxies()
    named = proxies.get(scheme) or proxies.get("all")
    if not named or _is_excepted(host, port, proxies.get("no", "")):
        return None
    return _parsed(named if "://" in named else f"http://{named}")


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if proxy_bypass(shown) or proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(_covers(entry.strip(), address, port) for entry in exceptions.split(","))


def _covers(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    if entry.startswith("["):
        entry, _, wanted = entry[1:].partition("]")
        wanted = wanted.removeprefix(":")
    elif entry.count(":") == 1:
        entry, _, wanted = entry.partition(":")
    else:
        wanted = ""
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:  # a name
        return False
    return wanted in {"", str(port)} and address in network


def _parsed(url: str) -> Proxy:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its own words quote what may be a part of the password
        raise ProxyError("its port is no number from 1 to 65535, or its host is none") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ProxyError(f"it has to begin with http:// or https://, not {parts.scheme}://")
    if not parts.hostname or port == 0:
        raise ProxyError("write it as http://host:port")
    return Proxy(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], _credentials(parts.netloc))


def _credentials(netloc: str) -> bytes:
    user, separator, _ = netloc.rpartition("@")
    if not separator:
        return b""
    name, _, password = user.partition(":")
    secret = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode())
    return b"Proxy-Authorization: Basic " + secret + b"\r\n"


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


_STATUSES = frozenset(HTTPStatus)


class ProxyRefusedError(Exception):
    """A proxy does not connect to the server; `status` is what it said."""

    def __init__(self, status: int) -> None:
        phrase = HTTPStatus(status).phrase if status in _STATUSES else "no reason given"
        super().__init__(f"the proxy said {status} ({phrase})")
        self.status = status


class Tunnel(Connection):
    """A connection to a proxy that is to become one to a server: of its only reply the head is all."""

    async def open(self, host: str, port: int, headers: bytes) -> None:
        """Ask the proxy to connect; raises ProxyRefusedError, ReplyError, OSError."""
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        request = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n".encode("ascii")
        reply = self.send(request + headers + b"\r\n")
        await self.head(reply)
        if not 200 <= reply.status < 300:
            raise ProxyRefusedError(reply.status)


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


_WORDS_LIMIT = 200
_NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})
# TLS that was cut off, as any connection may be, in contrast to TLS that failed.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def innermost(error: BaseException) -> BaseException:
    """The cause that says most: where all addresses of a name failed, one of theirs."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError) or (isinstance(cause, OSError) and cause.strerror):
            return cause
        # A name with several addresses: one failure for each, of which the last will do.
        cause = cause.exceptions[-1] if isinstance(cause, BaseExceptionGroup) else cause.__cause__ or cause.__context__
    return error


def in_words(cause: BaseException) -> str:
    """One line, without what a server said: whatever it sent, the key may be in it."""
    if isinstance(cause, TimeoutError):
        return "its name was not found in time" if isinstance(cause, NameServerTimeoutError) else "no reply in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message.rstrip('.')})"
    if isinstance(cause, _CUT_OFF):
        return "TLS broke off"
    if isinstance(cause, ssl.SSLError):
        # Only OpenSSL's own errors have a reason.
        return f"TLS failed ({(getattr(cause, 'reason', None) or 'no reason given').replace('_', ' ').lower()})"
    if isinstance(cause, OSError) and cause.strerror:
        # asyncio puts the address into the words of a refusal; the message has it already.
        words = "connection refused" if isinstance(cause, ConnectionRefusedError) else cause.strerror
        return words[:1].lower() + words[1:]
    # A parser may quote the line that is no HTTP after a colon.
    return clip(plain(str(cause).partition(": ")[0]), _WORDS_LIMIT) or type(cause).__name__


def remedy(cause: BaseException, *, proxied: bool = False) -> str:
    """What the reader can do about a connection that could not be made."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "name the authority that signed it in SSL_CERT_FILE"
    if _is_tls(cause):
        return "does the server speak TLS, or has base_url to begin with http://?"
    if lacks_files(cause):
        return "raise the limit (`ulimit -n`) or lower --bench-concurrency"
    if proxied:
        return "is the proxy running, are HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY right?"
    return "is the server running, is base_url right?"


def may_pass(cause: BaseException) -> bool:
    """Whether another attempt may succeed: not against a certificate or a server without TLS."""
    return not _is_tls(cause)


def _is_tls(cause: BaseException) -> bool:
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF)


def lacks_files(cause: BaseException) -> bool:
    """Whether the process or the machine has no file descriptor left."""
    return isinstance(cause, OSError) and cause.errno in _NO_MORE_FILES
