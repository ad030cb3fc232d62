"""One address and the connections to it: the one module that knows httpx.

httpx reads addresses, and the certificates of authorities. What is the same in all requests to an address is made ready
once, as bytes, and a connection of our own moves them: httpx would look at each header of each request anew.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import ssl
from functools import cache
from typing import TYPE_CHECKING

import httpx

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.providers.connection import HttpReply, ReplyError, origin_of
from pytest_benchmodels.providers.content_encoding import EncodingError, decode, inflater
from pytest_benchmodels.providers.dialect import UnreadableError
from pytest_benchmodels.providers.dialing import (
    ProxyError,
    ProxyRefusedError,
    Route,
    in_words,
    innermost,
    lacks_files,
    may_pass,
    proxy_for,
    remedy,
)
from pytest_benchmodels.providers.event_stream import StalledError, StreamWatch
from pytest_benchmodels.providers.remedies import BROKEN_OFF
from pytest_benchmodels.providers.stream_polling import PolledStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_benchmodels.providers.connection import Connection, ReplyParser
    from pytest_benchmodels.providers.dialing import Dialer
    from pytest_benchmodels.providers.event_stream import StreamReader
    from pytest_benchmodels.providers.stream_polling import StreamPoller

    Listener = Callable[[bytes, float], bool]

__all__ = ["Endpoint", "OneConnection"]

# The run's own time limit ends a slow answer; a server that cannot be reached is worth another attempt before that.
_CONNECT_S = 20.0
_EXPLANATION_BYTES = 100_000
_END_S = 0.05
_PIECE_BYTES = 262_144
_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_HEADER = re.compile(r"[\0\r\n]")


class OneConnection:
    """A connection, or none yet: it comes about with its first request. One request at a time."""

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

    async def connected(self) -> tuple[Connection, float]:
        """The connection, and the seconds that it took to set up: 0.0 where it stood already.

        Raises OSError, ProxyRefusedError, ReplyError.
        """
        if self._connection is not None:
            return self._connection, 0.0
        self._connection, connect_s = await self._dialer.connect(self._route, _CONNECT_S)
        return self._connection, connect_s

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        if self._connection is not None:
            self._connection.abort()

    async def aclose(self) -> None:
        self.abort()
        if self._connection is not None:
            await self._connection.lost


class Endpoint:
    """`idle` holds the connections that wait: the one used last is taken first, so that the others may expire."""

    def __init__(self, url: str, dialer: Dialer, poller: StreamPoller) -> None:
        """Raise ProviderError `connection` where `url` is none that HTTP could use."""
        parsed = _parsed(url)
        self._origin = origin_of(url)
        self._dialer = dialer
        self._poller = poller
        self._route = _route(parsed)
        self._start = _start(parsed, self._route)
        self._last: tuple[Mapping[str, str], bytes] | None = None
        self.idle: list[OneConnection] = []

    def connect(self) -> OneConnection:
        """One more connection."""
        return OneConnection(self._route, self._dialer)

    def without_files(self) -> ProviderError:
        """The error where there are too many connections already: what the system would say, before it has to."""
        return self._unconnected(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))

    async def exchange(
        self,
        connection: OneConnection,
        headers: Mapping[str, str],
        body: bytes,
        limit_bytes: int,
        reader: StreamReader | None = None,
    ) -> HttpReply:
        """Send one request and read its reply, a stream of events by `reader`; raises ProviderError."""
        request = b"%sContent-Length: %d\r\n\r\n%s" % (self._head(headers), len(body), body)
        try:
            made, connect_s = await connection.connected()
        except (ProxyRefusedError, ReplyError, OSError) as error:
            raise self._unconnected(innermost(error)) from None
        try:
            reply = made.send(request)
            await made.head(reply)
        except (ReplyError, OSError) as error:
            message = f"the connection to {self._origin} ended before an answer: {in_words(innermost(error))}"
            raise ProviderError("connection", message, retryable=True) from None
        told = _named_headers(reply.headers)
        is_answer = 200 <= reply.status < 300
        if is_answer and reader is not None:
            await self._events(made, reply, reader, told.get("content-encoding", ""), limit_bytes)
            began = reader.first_token
            ttft_s = None if began is None else began - reply.started
            return HttpReply(reply.status, told, reader.body, reply.last_byte - reply.started, connect_s, ttft_s)
        read = self._answer if is_answer else _explanation
        content = await read(made, reply, told, limit_bytes)
        return HttpReply(reply.status, told, content, latency_s=reply.last_byte - reply.started, connect_s=connect_s)

    def _head(self, headers: Mapping[str, str]) -> bytes:
        """The request's first lines: those of nearly every one are those of the last."""
        if self._last is None or self._last[0] != headers:
            self._last = headers, self._start + b"".join([_line(name, value) for name, value in headers.items()])
        return self._last[1]

    def _unconnected(self, cause: BaseException) -> ProviderError:
        proxy = self._route.proxy
        by_way = f" through the proxy {proxy.origin}" if proxy else ""
        message = f"cannot connect to {self._origin}{by_way}: {in_words(cause)}; {remedy(cause, proxied=bool(proxy))}"
        refused = isinstance(cause, ProxyRefusedError) and cause.status < 500
        return ProviderError("connection", message, retryable=may_pass(cause) and not refused, sent=False)

    async def _answer(
        self, connection: Connection, reply: ReplyParser, headers: Mapping[str, str], limit_bytes: int
    ) -> bytes:
        """The whole body, which has to be within the limit."""
        # A server that announces too much is not listened to. The parser has made sure that this is a number.
        if int(headers.get("content-length") or 0) > limit_bytes:
            raise self._too_large(reply, limit_bytes)
        try:
            content = await connection.body(reply, limit_bytes)
        except (ReplyError, OSError) as error:
            raise self._broke_off(reply, error) from None
        try:
            decoded = decode(content, headers.get("content-encoding", ""), limit_bytes)
        except EncodingError as error:
            raise self._unreadable(reply, error) from None
        if len(content) > limit_bytes or len(decoded) > limit_bytes:
            raise self._too_large(reply, limit_bytes)
        return decoded

    async def _events(
        self, connection: Connection, reply: ReplyParser, reader: StreamReader, encoding: str, limit_bytes: int
    ) -> None:
        """The whole stream, or as much of it as the reader can use."""
        reader.begin(limit_bytes)
        watch = StreamWatch(reader, asyncio.get_running_loop(), connection.fail)
        try:
            polled = PolledStream(connection, reply, reader, _listener(reader, encoding), self._poller)
            try:
                await connection.stream(reply, polled.take)
                last_byte = polled.last_byte(reply.last_byte)
            except (StalledError, ReplyError, OSError):
                if not reader.fold.is_whole:
                    raise
                # The answer is there, and paid for. What keeps a connection alive behind it is no part of it.
                last_byte = min(polled.last_byte(reply.last_byte), reader.last_event or reply.last_byte)
            finally:
                polled.end()
            if reader.fold.is_over:
                await connection.settle(reply, _END_S)
            reply.last_byte = last_byte
        except EncodingError as error:
            raise self._unreadable(reply, error) from None
        except StalledError:
            what = f"the stream of {self._origin} stood still: no event came for {reader.stall_s:g} s (stall_timeout)"
            raise ProviderError("stalled", what, status=reply.status, retryable=True) from None
        except (ReplyError, OSError) as error:
            raise self._broke_off(reply, error) from None
        finally:
            watch.end()
        reader.close(reply.last_byte)
        if reader.is_too_large:
            raise self._too_large(reply, limit_bytes)

    def _broke_off(self, reply: ReplyParser, error: BaseException) -> ProviderError:
        message = f"the answer of {self._origin} broke off: {in_words(innermost(error))}"
        return ProviderError("malformed", message, status=reply.status, retryable=True, remedy=BROKEN_OFF)

    def _unreadable(self, reply: ReplyParser, error: EncodingError) -> ProviderError:
        message = f"malformed answer from {self._origin}: {error}"
        return ProviderError("malformed", message, status=reply.status, retryable=True)

    def _too_large(self, reply: ReplyParser, limit_bytes: int) -> ProviderError:
        message = f"the answer of {self._origin} is larger than {limit_bytes} bytes; lower max_tokens"
        return ProviderError("too-large", message, status=reply.status)


def _listener(reader: StreamReader, encoding: str) -> Listener:
    """What a stream is handed to; raises EncodingError for an encoding that is not known."""
    if (inflate := inflater(encoding)) is None:
        return reader.take

    def take(data: bytes, received: float) -> bool:
        # Piece by piece: few bytes may stand for millions, of which the reader says when they are too many.
        try:
            while not reader.take(piece := inflate.feed(data, _PIECE_BYTES), received):
                data = inflate.left
                if not data and len(piece) < _PIECE_BYTES:
                    return False
        except EncodingError as error:
            reader.fault = UnreadableError(str(error))
        return True

    return take


def _named_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The values by their names in lower case; those of one that came twice are joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for line, content in lines:
        name, value = line.decode("latin-1").lower(), _text(content)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _explanation(
    connection: Connection, reply: ReplyParser, headers: Mapping[str, str], limit_bytes: int
) -> bytes:
    """What can be had of a failure's body: its status counts, however the words end."""
    limit_bytes = min(limit_bytes, _EXPLANATION_BYTES)
    try:
        content = await connection.body(reply, limit_bytes)
    except (ReplyError, OSError):
        content = bytes(reply.body[: limit_bytes + 1])
    try:
        return decode(content, headers.get("content-encoding", ""), limit_bytes)
    except EncodingError:
        return b""


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ProviderError("connection", f"base_url is no address: {error}. Write http://host:port/v1") from None
    if parsed.scheme not in _PORTS or not parsed.host:
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


def _start(url: httpx.URL, route: Route) -> bytes:
    """What every request to this address begins with. A proxy wants the whole address, and its own headers."""
    target, extra = url.raw_path, b""
    if route.proxy is not None and not route.is_tls:
        target, extra = url.raw_scheme + b"://" + url.netloc + target, route.proxy.headers
    lines = (
        b"POST %s HTTP/1.1" % target,
        b"Host: %s" % url.netloc,
        b"Accept-Encoding: identity",  # what is measured against the limit is what takes memory
        b"User-Agent: pytest-benchmodels",
        b"",
    )
    return b"\r\n".join(lines) + extra


def _line(name: str, value: str) -> bytes:
    """One header; raises ProviderError where it would end the request early, or has other letters than HTTP."""
    if _NOT_IN_A_HEADER.search(name + value):
        raise ProviderError("bad-request", f"the header {name!r} holds a line break or a null")
    try:
        return f"{name}: {value}\r\n".encode("ascii")
    except UnicodeEncodeError:
        raise ProviderError("bad-request", f"the header {name!r} holds letters that are not ASCII") from None
