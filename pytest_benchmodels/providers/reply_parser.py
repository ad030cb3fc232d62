"""A reply's bytes as they come in: its head, the part of its body that nobody has taken yet, its times.

llhttp does the reading, by way of httptools, whose errors have words of its own: nothing of what the server sent.
"""

from __future__ import annotations

from time import perf_counter

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ["ReplyError", "ReplyParser"]

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
