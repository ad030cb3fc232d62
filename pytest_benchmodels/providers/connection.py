"""One connection, one request at a time: what goes out and what comes in, with the time of each."""

from __future__ import annotations

import asyncio
import select
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Connection",
    "HttpReply",
    "Pacer",
    "ReplyError",
    "ReplyParser",
    "origin_of",
]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply. `headers` has its names in lower case.

    `latency_s` is from the moment in which the request was handed to the socket until the last byte was received,
    `ttft_s` until the first part of a streamed answer was, None where there was none. `connect_s` (name, TCP, proxy,
    TLS) stands apart, and is 0.0 on a connection that stood already. All in seconds.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_s: float = 0.0
    connect_s: float = 0.0
    ttft_s: float | None = None


def origin_of(url: str) -> str:
    """`scheme://host:port`: what a message may show of an address, which can hold a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.partition("/")[0].partition("?")[0].rpartition("@")[2]


# What may come without any of a body: a head with the interim replies (1xx) before it, extensions of a chunk, trailers.
_MOST_WITHOUT_BODY = 102_400
# Between two looks at how much there was to do: bodies of one-byte chunks cost 10 ms for each 256 kB that are read.
_SLICE_BYTES = 16_384
_NO_HTTP = "what came is no HTTP"
_EVENTS_A_TURN = 2000


class ReplyError(Exception):
    """What came is no HTTP, or less or more than a reply."""


class ReplyParser:
    """Reads one reply. `status` is 0 until `has_head`, `surplus` means that more came than the reply.

    `started` and `last_byte` are seconds of the monotonic clock: when the request's first byte was handed to the
    socket, and when the reply's latest byte was received, whenever it was looked at.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.has_head = self.complete = self.surplus = self.keep_alive = False
        self.started = self.last_byte = perf_counter()
        self._without_body = 0
        self._events = 0
        self._parser = HttpResponseParser(self)
        # Folded header lines, bare line feeds, chunks beside a length are wrong, and are sent. They are no danger here:
        # one request waits for one reply, and a connection with anything left over is closed.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_chunked_length=True
        )

    def feed(self, data: bytes) -> bytes:
        """Read `data`; return what is left for a later turn, where reading all of it would keep the loop busy.

        Raises ReplyError.
        """
        self._events = 0
        view = memoryview(data)
        for start in range(0, len(data), _SLICE_BYTES):
            if self.complete:
                self.surplus = True
                break
            if self._events > _EVENTS_A_TURN:
                return data[start:]
            self._read(view[start : start + _SLICE_BYTES])
        return b""

    def take_body(self) -> bytes:
        """What came of the body since it was asked the last time; it is kept no longer."""
        taken = bytes(self.body)
        self.body.clear()
        return taken

    def feed_eof(self) -> None:
        """The server closes the connection: that ends a body of unknown length. Raises ReplyError."""
        if self.complete:
            return
        if not self.has_head:
            said = "within its head" if self._without_body else "without sending a response"
            raise ReplyError(f"Server disconnected {said}")
        if self._is_framed():
            raise ReplyError("the connection was closed before its end")
        self.complete = True
        self.last_byte = perf_counter()

    def _read(self, data: memoryview) -> None:
        self._without_body += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise ReplyError("the server changed to another protocol") from None
        except HttpParserCallbackError as error:
            raise ReplyError(str(error.__context__)) from None
        except HttpParserError as error:
            # What follows a whole reply is no part of it.
            self.surplus = True
            if not self.complete:
                raise ReplyError(_NO_HTTP if _is_no_http(error) else str(error)) from None
        if not self.complete and self._without_body > _MOST_WITHOUT_BODY:
            what = "its trailer or an extension of a chunk" if self.has_head else "its head"
            raise ReplyError(f"{what} is larger than {_MOST_WITHOUT_BODY} bytes")

    def _is_framed(self) -> bool:
        """Whether the head tells where the body ends."""
        fields = {name.lower(): value.lower() for name, value in self.headers}
        return b"content-length" in fields or fields.get(b"transfer-encoding", b"").endswith(b"chunked")

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._events += 1
        self.surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        self._events += 1
        if not self.has_head:  # else it is a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status < 100:
            raise ReplyError("its status is no number from 100 to 999")
        if 100 <= status < 200:  # an interim reply: the one that counts is to follow
            self.headers.clear()
            return
        self.status = status
        self.has_head = True
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self._events += 1
        self._without_body = 0
        if not self.complete:
            self.body += part

    def on_message_complete(self) -> None:
        self.complete = self.has_head


def _is_no_http(error: HttpParserError) -> bool:
    return str(error).startswith("Expected HTTP/")


# uvicorn and Node close an idle connection after 5 s: whoever writes at that moment is not answered.
_IDLE_S = 4.0
_PAUSE_S = 0.01


_BUFFER_BYTES = 262_144


class Pacer:
    """What the connections of an event loop share: it keeps replies that are much work for few bytes to a tenth of it.

    `buffer` is where the system puts what it received: asyncio's own way is a new one for each read, which has memory
    mapped and unmapped and costs as much as the read.
    """

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._waiting = 0

    def delay(self) -> float:
        """Seconds until one more reply may be read on; `resumed` has to follow."""
        self._waiting += 1
        return _PAUSE_S * self._waiting

    def resumed(self) -> None:
        self._waiting -= 1


class Connection(asyncio.BufferedProtocol):
    """Made by `create_connection`. `reply` is the one being read, or read last."""

    def __init__(self, pacer: Pacer) -> None:
        self.reply: ReplyParser | None = None
        self.lost = asyncio.get_running_loop().create_future()
        self._pacer = pacer
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._left = b""
        self._kept: list[bytes] = []
        self._idle_since = perf_counter()
        self._listener: Callable[[bytes, float], bool] | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._pacer.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._pacer.buffer[:nbytes])
        if self._kept:
            self.keep(data)
            self.read_kept()
        else:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        reply = self.reply
        if reply is None or reply.complete:
            # Nobody asked for it: the next reply would not be the one to the next request.
            self.abort()
            return
        reply.last_byte = perf_counter()
        if self._left:
            self._left += data  # TLS hands over what it had read before it was told to pause
        else:
            self._feed(reply, data)

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            self.read_kept()
        finally:
            self._lose(exc)

    # What the client calls.

    @property
    def transport(self) -> asyncio.Transport:
        """Raises ConnectionError where there is none any more."""
        if self._transport is None or self.lost.done():
            raise self._error or ConnectionResetError("Server disconnected")
        return self._transport

    @property
    def lags(self) -> bool:
        """Whether some of what came is left for a later turn, and nothing more is received until then."""
        return bool(self._left)

    def keep(self, data: bytes) -> None:
        """Take what was received by other means than the event loop, to be read before what it receives next."""
        self._kept.append(data)

    def read_kept(self) -> None:
        """Read what was kept, as if it had come now."""
        if self._kept:
            data = b"".join(self._kept)
            self._kept.clear()
            self.data_received(data)

    @property
    def reusable(self) -> bool:
        """Whether nothing of the last exchange is left over, so that another one may follow."""
        reply = self.reply
        return (
            reply is not None
            and (reply.complete and reply.keep_alive and not reply.surplus)
            and not (self.lost.done() or self.transport.is_closing() or self.transport.get_write_buffer_size())
        )

    @property
    def fresh(self) -> bool:
        """Whether an idle connection still stands: nothing arrived on it, and the server will hardly close it now."""
        return self.reusable and perf_counter() - self._idle_since < _IDLE_S and not _readable(self.transport)

    def send(self, request: bytes) -> ReplyParser:
        """Hand a request to the socket; raises OSError where the connection is gone."""
        transport = self.transport
        reply = self.reply = ReplyParser()
        transport.write(request)
        return reply

    async def head(self, reply: ReplyParser) -> None:
        """Wait until the reply has a status and headers; raises ReplyError, OSError."""
        while not reply.has_head:
            await self._more()

    async def body(self, reply: ReplyParser, limit_bytes: int) -> bytes:
        """Wait for the whole body, or for one byte more than the limit. Raises ReplyError, OSError.

        What came before an error is in `reply.body`.
        """
        while not reply.complete and len(reply.body) <= limit_bytes:
            await self._more()
        self._idle_since = reply.last_byte
        return bytes(reply.body[: limit_bytes + 1])

    async def stream(self, reply: ReplyParser, listener: Callable[[bytes, float], bool]) -> None:
        """Hand over the body as it comes, with the moment, until the listener has enough. Raises ReplyError, OSError.

        The listener is called where bytes arrive: a task that woke for each part would cost more than the part.
        """
        if not listener(reply.take_body(), reply.last_byte):
            self._listener = listener
            try:
                while not reply.complete and self._listener is not None:
                    await self._more()
            finally:
                self._listener = None
        self._idle_since = reply.last_byte

    async def settle(self, reply: ReplyParser, within_s: float) -> None:
        """Wait that long for the end of a body that says no more: only then another request may follow on it."""
        if not reply.complete:
            with suppress(TimeoutError, ReplyError, OSError):
                async with asyncio.timeout(within_s):
                    await self.body(reply, _SLICE_BYTES)

    def fail(self, error: Exception) -> None:
        """Close at once; whoever waits for the reply is told this."""
        self._error = self._error or error
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _feed(self, reply: ReplyParser, data: bytes) -> None:
        self._left = b""
        try:
            self._left = reply.feed(data)
        except ReplyError as error:
            self._error = error
            self.abort()
        if self._left:
            self._pause(reply)
        if self._listener is None or self._has_told(reply, self._listener):
            self._wake()

    def _has_told(self, reply: ReplyParser, listener: Callable[[bytes, float], bool]) -> bool:
        """Hand over what came. Whether that was the last of it."""
        part = reply.take_body()
        if part and listener(part, reply.last_byte):
            self._listener = None
        return self._listener is None or reply.complete or self._error is not None

    def _pause(self, reply: ReplyParser) -> None:
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(self._pacer.delay(), self._resume, reply)

    def _resume(self, reply: ReplyParser) -> None:
        self._pacer.resumed()
        if self._error is not None or self.lost.done() or self.transport.is_closing():
            return
        self.transport.resume_reading()
        self._feed(reply, self._left)

    def _lose(self, exc: Exception | None) -> None:
        reply = self.reply
        if reply is not None and not reply.complete and self._error is None:
            self._end(reply, exc)
        self._error = self._error or exc or ConnectionResetError("Server disconnected")
        if not self.lost.done():
            self.lost.set_result(None)
        self._wake()

    def _end(self, reply: ReplyParser, exc: Exception | None) -> None:
        if exc is not None:
            self._error = exc
            return
        try:
            reply.feed_eof()
        except ReplyError as error:
            self._error = error


def _readable(transport: asyncio.Transport) -> bool:
    """Whether something waits in an idle connection that the event loop has not seen yet: bytes, or its end."""
    descriptor = transport.get_extra_info("socket").fileno()
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
