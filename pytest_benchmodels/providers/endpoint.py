"""One address and the connections to it: the one module that knows httpx.

A connection is an httpx transport of its own, over asyncio: httpx's requests, replies and errors, without its pool.
That one looks at each of its connections, with a system call, whenever a request begins or ends.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, cast

import httpx

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.providers.connection import ProxyRefusedError, ReplyError
from pytest_benchmodels.providers.dialing import (
    ProxyError,
    Route,
    in_words,
    innermost,
    lacks_files,
    may_pass,
    proxy_for,
    remedy,
)
from pytest_benchmodels.providers.reply import EncodingError, HttpReply, decode, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_benchmodels.providers.connection import Connection, ReplyParser
    from pytest_benchmodels.providers.dialing import Dialer

__all__ = ["Endpoint", "OneConnection"]

# The run's own time limit ends a slow answer; a server that cannot be reached is worth another attempt before that.
_CONNECT_S = 20.0
_EXPLANATION_BYTES = 100_000
_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_HEAD = re.compile(rb"[\0\r\n]")


class OneConnection(httpx.AsyncBaseTransport):
    """A connection, or none yet: it comes about with its first request. One request at a time.

    The response's extensions have `connect_s` and `reply`, whose times count when the body was read.
    """

    def __init__(self, route: Route, dialer: Dialer) -> None:
        self._route = route
        self._dialer = dialer
        self._connection: Connection | None = None

    @property
    def reusable(self) -> bool:
        """Whether another request may follow the last one."""
        return self._connection is not None and self._connection.reusable

    @property
    def fresh(self) -> bool:
        """Whether it still stands after it has been idle."""
        return self._connection is not None and self._connection.fresh

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connect_s = 0.0
        sent = _on_the_wire(request, self._route)
        if self._connection is None:
            self._connection, connect_s = await self._connect()
        try:
            reply = self._connection.send(sent)
            await self._connection.head(reply)
        except (ReplyError, OSError) as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        measured = {"reply": reply, "connect_s": connect_s}
        body = _Body(self._connection, reply)
        return httpx.Response(reply.status, headers=reply.headers, stream=body, extensions=measured)

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        if self._connection is not None:
            self._connection.abort()

    async def aclose(self) -> None:
        self.abort()
        if self._connection is not None:
            await self._connection.lost

    async def _connect(self) -> tuple[Connection, float]:
        try:
            return await self._dialer.connect(self._route, _CONNECT_S)
        except ProxyRefusedError as error:
            raise httpx.ProxyError(str(error)) from error
        except (ReplyError, OSError) as error:
            raise httpx.ConnectError(str(error)) from error


class _Body(httpx.AsyncByteStream):
    """An iterator, not a generator: one that nobody reads to its end would be the event loop's to close."""

    def __init__(self, connection: Connection, reply: ReplyParser) -> None:
        self._connection = connection
        self._reply = reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._connection.part(self._reply)
        except (ReplyError, OSError) as error:
            raise httpx.ReadError(str(error)) from error
        if not part:
            raise StopAsyncIteration
        return part


class Endpoint:
    """`idle` holds the connections that wait: the one used last is taken first, so that the others may expire."""

    def __init__(self, url: str, dialer: Dialer) -> None:
        """Raise ProviderError `connection` where `url` is none that HTTP could use."""
        self._url = _parsed(url)
        self._origin = origin_of(url)
        self._dialer = dialer
        self._route = _route(self._url)
        self._fixed = {
            "Host": self._url.netloc.decode(),
            "Accept-Encoding": "identity",  # what is measured against the limit is what takes memory
            "User-Agent": "pytest-benchmodels",
        }
        self._last: tuple[Mapping[str, str], httpx.Headers] | None = None
        self.idle: list[OneConnection] = []

    def connect(self) -> OneConnection:
        """One more connection."""
        return OneConnection(self._route, self._dialer)

    def without_files(self) -> ProviderError:
        """The error where there are too many connections already: what the system would say, before it has to."""
        return self._unconnected(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))

    async def exchange(
        self, connection: OneConnection, headers: Mapping[str, str], body: bytes, limit_bytes: int
    ) -> HttpReply:
        """Send one request and read its reply; raises ProviderError."""
        request = httpx.Request("POST", self._url, headers=self._known(headers), stream=httpx.ByteStream(body))
        response = await self._head(connection, request)
        read = self._answer if response.is_success else _explanation
        content = await read(response, limit_bytes)
        reply: ReplyParser = response.extensions["reply"]
        return HttpReply(
            response.status_code,
            response.headers,
            content,
            latency_s=reply.last_byte - reply.started,
            connect_s=response.extensions["connect_s"],
        )

    def _known(self, headers: Mapping[str, str]) -> httpx.Headers:
        """The request's headers: those of nearly every one are those of the last, and httpx looks at each anew."""
        if self._last is None or self._last[0] != headers:
            self._last = headers, httpx.Headers([*self._fixed.items(), *headers.items()])
        return self._last[1]

    async def _head(self, connection: OneConnection, request: httpx.Request) -> httpx.Response:
        try:
            return await connection.handle_async_request(request)
        except httpx.LocalProtocolError as error:
            raise ProviderError("bad-request", str(error)) from None
        except httpx.ProxyError as error:
            raise self._unconnected(error.__cause__ or error) from None
        except httpx.ConnectError as error:
            raise self._unconnected(innermost(error)) from None
        except httpx.TransportError as error:
            message = f"the connection to {self._origin} ended before an answer: {in_words(innermost(error))}"
            raise ProviderError("connection", message, retryable=True) from None

    def _unconnected(self, cause: BaseException) -> ProviderError:
        proxy = self._route.proxy
        by_way = f" through the proxy {proxy.origin}" if proxy else ""
        message = f"cannot connect to {self._origin}{by_way}: {in_words(cause)}; {remedy(cause, proxied=bool(proxy))}"
        refused = isinstance(cause, ProxyRefusedError) and cause.status < 500
        return ProviderError("connection", message, retryable=may_pass(cause) and not refused, sent=False)

    async def _answer(self, response: httpx.Response, limit_bytes: int) -> bytes:
        """The whole body, which has to be within the limit."""
        # A server that announces too much is not listened to. The parser has made sure that this is a number.
        if int(response.headers.get("content-length") or 0) > limit_bytes:
            raise self._too_large(response, limit_bytes)
        content = bytearray()
        try:
            await _read(response, content, limit_bytes)
        except httpx.TransportError as error:
            broke_off = f"the answer of {self._origin} broke off: {in_words(innermost(error))}"
            raise ProviderError("malformed", broke_off, status=response.status_code, retryable=True) from None
        try:
            decoded = decode(bytes(content), response.headers.get("content-encoding", ""), limit_bytes)
        except EncodingError as error:
            unreadable = f"malformed answer from {self._origin}: {error}"
            raise ProviderError("malformed", unreadable, status=response.status_code, retryable=True) from None
        if len(decoded) > limit_bytes:
            raise self._too_large(response, limit_bytes)
        return decoded

    def _too_large(self, response: httpx.Response, limit_bytes: int) -> ProviderError:
        message = f"the answer of {self._origin} is larger than {limit_bytes} bytes; lower max_tokens"
        return ProviderError("too-large", message, status=response.status_code)


async def _explanation(response: httpx.Response, limit_bytes: int) -> bytes:
    """What can be had of a failure's body: its status counts, however the words end."""
    content = bytearray()
    limit_bytes = min(limit_bytes, _EXPLANATION_BYTES)
    with suppress(httpx.TransportError):
        await _read(response, content, limit_bytes)
    with suppress(EncodingError):
        return decode(bytes(content), response.headers.get("content-encoding", ""), limit_bytes)
    return b""


async def _read(response: httpx.Response, content: bytearray, limit_bytes: int) -> None:
    """Append the body to `content`, up to one byte beyond the limit."""
    async for part in response.stream:  # type: ignore[union-attr] # an asynchronous transport's stream is one
        # Into one buffer, not a list of parts: a server may send ten million parts of one byte.
        content += part[: limit_bytes + 1 - len(content)]
        if len(content) > limit_bytes:
            return


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ProviderError("connection", f"base_url is no address: {error}. Write http://host:port/v1") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        wanted = "has to begin with http:// or https:// and a host"
        raise ProviderError("connection", f"base_url {wanted}, not {origin_of(url)!r}")
    return parsed


@cache
def _trust_authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _trusted() -> ssl.SSLContext:
    try:
        return _trust_authorities()
    except OSError as error:
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "the default ones"
        raise ProviderError(
            "connection",
            f"the certificates of authorities ({named}) cannot be read: {in_words(error)}; look at SSL_CERT_FILE",
            retryable=lacks_files(error),
        ) from None


def _route(url: httpx.URL) -> Route:
    port = url.port or _PORTS[url.scheme]
    try:
        proxy = proxy_for(url.scheme, url.host, port)
    except ProxyError as error:
        raise ProviderError("connection", f"the proxy of the environment cannot be used: {error}") from None
    return Route(url.raw_host.decode("ascii"), port, url.scheme == "https", proxy, _trusted)


def _on_the_wire(request: httpx.Request, route: Route) -> bytes:
    """The bytes of a request; raises httpx.LocalProtocolError."""
    url = request.url
    target, extra = url.raw_path, b""
    if route.proxy is not None and not route.is_tls:
        target, extra = url.raw_scheme + b"://" + url.netloc + target, route.proxy.headers
    raw = request.headers.raw
    head = b"".join([b"%s: %s\r\n" % pair for pair in raw])
    if head.count(b"\r") + head.count(b"\n") != 2 * len(raw) or b"\0" in head:
        raise httpx.LocalProtocolError(f"the header {_broken(raw)!r} holds a line break or a null")
    body = b"".join(cast("httpx.SyncByteStream", request.stream))
    start = b"%s %s HTTP/1.1\r\n" % (request.method.encode("ascii"), target)
    return b"%s%s%sContent-Length: %d\r\n\r\n%s" % (start, head, extra, len(body), body)


def _broken(raw: Iterable[tuple[bytes, bytes]]) -> str:
    """The name of the header with which a request would end early."""
    return next(name for name, value in raw if _NOT_IN_A_HEAD.search(name + value)).decode("ascii", "replace")
