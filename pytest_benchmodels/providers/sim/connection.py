"""One client's connection: bytes in, requests to the service, replies out in order and in time."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from pytest_benchmodels.providers.sim.reply import Reply
    from pytest_benchmodels.providers.sim.service import Service

__all__ = ["MAX_BODY_BYTES", "Connection", "endless_head", "endless_part", "parts"]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_GARBAGE = b"\x00\xffSSH-2.0-this is no HTTP\r\n\r\n"
_PART_BYTES = 65_536


def parts(reply: Reply, http: h11.Connection) -> Iterator[bytes]:
    """All that is sent for a reply that ends, in parts: a huge one is never there as a whole."""
    if reply.fault == "garbage":
        yield _GARBAGE
        return
    if reply.events:
        yield _head(reply, http, ("Transfer-Encoding", "chunked"))
        yield from (http.send(h11.Data(data=event)) or b"" for event in reply.events)
        if reply.fault != "truncate":
            yield http.send(h11.EndOfMessage()) or b""
        return
    length = len(reply.body) + reply.filler
    declared = length if reply.declared_bytes is None else reply.declared_bytes
    yield _head(reply, http, ("Content-Length", str(declared)))
    left = length - 1 - length // 2 if reply.fault == "truncate" else length
    for piece in _pieces(reply):
        part = piece[:left]
        left -= len(part)
        if part:
            yield part if reply.declared_bytes is not None else http.send(h11.Data(data=part)) or b""
    if reply.fault != "truncate" and reply.declared_bytes is None:
        yield http.send(h11.EndOfMessage()) or b""


def _pieces(reply: Reply) -> Iterator[bytes]:
    """The body, with its filler where that belongs."""
    yield reply.body[: reply.filled_at]
    for start in range(0, reply.filler, _PART_BYTES):
        yield b"x" * min(_PART_BYTES, reply.filler - start)
    yield reply.body[reply.filled_at :]


def endless_head(reply: Reply, http: h11.Connection) -> bytes:
    """The beginning of a reply that never ends."""
    return _head(reply, http, ("Transfer-Encoding", "chunked"))


def endless_part(reply: Reply, http: h11.Connection) -> bytes:
    """What comes next: one byte if the reply drips, else many."""
    return http.send(h11.Data(data=b"x" * (1 if reply.drip_s else _PART_BYTES))) or b""


def _head(reply: Reply, http: h11.Connection, framing: tuple[str, str]) -> bytes:
    interim = h11.InformationalResponse(status_code=102, headers=[], reason="Processing")
    parts = [http.send(interim) or b"" for _ in range(reply.interim)]
    kind = "text/event-stream" if reply.events else "application/json"
    headers = [("Content-Type", kind), framing, *reply.headers]
    head = h11.Response(status_code=reply.status, headers=headers, reason=_PHRASES.get(reply.status, ""))
    return b"".join(parts) + (http.send(head) or b"")


MAX_BODY_BYTES = 16 * 2**20
"""A longer request is answered with 413."""
_MAX_WAITING_BYTES = 2**20


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 with keep-alive; requests that arrive while one is being answered wait their turn.

    `idle` are all connections that wait for a further request, the one that waits longest first.
    """

    def __init__(self, service: Service, idle: dict[Connection, None]) -> None:
        self._service = service
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._reply: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_bytes = 0
        self._refused = False
        self._is_full = False
        self._stalled: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server() hands out; for the types
        self._transport = transport

    def close(self) -> None:
        """Let the client connect again, if it has more to ask."""
        self._idle.pop(self, None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._idle.pop(self, None)
        self._http.receive_data(data)
        if self._reply is None:
            self._advance()
        else:
            # Reading goes on, for only so is a client's leaving seen; but not without limit.
            self._waiting_bytes += len(data)
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        stalled, self._stalled = self._stalled, None
        if stalled is not None:
            stalled()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name for it
        self._idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
        self._stalled = None
        if self._reply is not None and self._reply.tally is not None:
            self._reply.tally.left()
        self._reply = None

    def _advance(self) -> None:
        try:
            while self._reply is None and not self._refused and not self._transport.is_closing():
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    self._encourage()
                    return
                self._take(event)
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))

    def _encourage(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._transport.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")

    def _take(self, event: type[h11.NEED_DATA | h11.PAUSED] | h11.Event) -> None:
        if isinstance(event, h11.Request):
            self._head, self._body = event, bytearray()
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > MAX_BODY_BYTES:
                self._refuse(413, f"a request's body may hold {MAX_BODY_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self._answer()
        else:
            self._transport.close()

    def _answer(self) -> None:
        assert self._head is not None  # noqa: S101 - h11 sends the end of a request after its head
        self._idle.pop(self, None)
        reply = self._service.reply(self._head.method.decode(), self._head.target.decode(), bytes(self._body))
        self._reply = reply
        if reply.fault == "hang" or (reply.fault == "stall" and not reply.events):
            return
        if reply.delay_s:
            self._timer = self._loop.call_later(reply.delay_s, self._send, reply)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        if reply.fault == "reset":
            self._reset(reply)
        elif reply.fault == "endless" and reply.body:  # 204 and 304 have none, so theirs cannot be endless
            self._transport.write(endless_head(reply, self._http))
            self._pour(reply)
        elif reply.pace_s or (reply.events and reply.fault == "stall"):
            self._pace(reply, parts(reply, self._http), self._loop.time(), 0)
        elif reply.drip_s:
            self._drip(reply, parts(reply, self._http), memoryview(b""))
        else:
            self._write(reply, parts(reply, self._http))

    def _write(self, reply: Reply, following: Iterator[bytes]) -> None:
        """Send one part after another as long as there is room; resume_writing() goes on."""
        for part in following:
            self._transport.write(part)
            if self._is_full:
                self._stalled = partial(self._write, reply, following)
                return
        self._done(reply)

    def _pour(self, reply: Reply) -> None:
        """Send more until the client leaves, or there is no room: resume_writing() goes on."""
        self._transport.write(endless_part(reply, self._http))
        if self._is_full:
            self._stalled = partial(self._pour, reply)
        else:
            self._timer = self._loop.call_later(reply.drip_s, self._pour, reply)

    def _pace(self, reply: Reply, following: Iterator[bytes], start: float, sent: int) -> None:
        """Send the head with the first event, and one more whenever its time has come."""
        self._transport.write(next(following, b""))
        if not sent:
            self._transport.write(next(following, b""))
        sent += 1
        paced = len(reply.events) - reply.unpaced
        # What ends an answer makes it whole: a stream that stalls does so before that, however short it is.
        if reply.fault == "stall" and sent > max(0, min(len(reply.events) // 2, paced - 2)):
            return
        if sent >= paced:
            self._write(reply, following)
            return
        self._timer = self._loop.call_at(start + sent * reply.pace_s, self._pace, reply, following, start, sent)

    def _drip(self, reply: Reply, following: Iterator[bytes], wire: memoryview) -> None:
        wire = wire or memoryview(next(filter(None, following), b""))
        if wire:
            self._transport.write(wire[:1])
            self._timer = self._loop.call_later(reply.drip_s, self._drip, reply, following, wire[1:])
        else:
            self._done(reply)

    def _done(self, reply: Reply) -> None:
        """Account for the reply that is out, and go on with what arrived meanwhile."""
        self._settle(reply)
        if reply.is_last or self._http.our_state is not h11.DONE:
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._idle[self] = None
        self._waiting_bytes = 0
        self._transport.resume_reading()
        # Through the loop, not by a call: a pipeline of many requests must not nest as deeply.
        self._loop.call_soon(self._advance)

    def _reset(self, reply: Reply) -> None:
        """Close in such a way that the client's system reports a reset connection."""
        peer: socket.socket = self._transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._settle(reply)
        self._transport.abort()

    def _settle(self, reply: Reply) -> None:
        self._reply = self._timer = None
        if reply.tally is not None:
            reply.tally.ended(reply.outcome)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is no HTTP, or too much of it, and end the connection.

        What still arrives is dropped until the client leaves: closing at once would reset the connection, and the
        client would not get to read why.
        """
        self._refused = True
        body = json.dumps({"error": {"message": reason, "code": status}}).encode()
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            headers = [("Content-Length", str(len(body))), ("Connection", "close")]
            self._transport.write(self._http.send(h11.Response(status_code=status, headers=headers)) or b"")
            self._transport.write(self._http.send(h11.Data(data=body)) or b"")
        self._transport.write_eof()
