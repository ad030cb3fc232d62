"""Streams that are read in large pieces: the system keeps what comes, until one timer for all streams looks at it.

To wake up for a token takes ten times what the token takes. So the system is told to wake us for many bytes only. Looks
make sure that the end of a stream is noticed: the system tells how long nothing came, and what it has is fetched then.
What is fetched is read where it may be the end: to read many events at once takes a third of reading each alone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmodels.providers.connection import Connection, ReplyParser
    from pytest_benchmodels.providers.event_stream import StreamReader

    Listener = Callable[[bytes, float], bool]

__all__ = ["PolledStream", "StreamPoller"]

_BUFFER_BYTES = 262_144
_BYTES_AT_ONCE = 131_072
_TICK_S = 0.004
# The end is noticed later by up to the larger of both, the second as a share of the time since the request. Over TLS a
# look in vain takes several times as much: the event loop has to wake up and decrypt.
_LATEST_S, _LATEST_SHARE = 0.02, 0.03
_LATEST_TLS_S, _LATEST_TLS_SHARE = 0.03, 0.04
# Of that time nothing has to come for a stream to be quiet: more than between two tokens, where a look is to be cheap.
_QUIET_SHARE = 0.7
# A window of 64 kB, which systems begin with, must not become full before it is fetched.
_LONGEST_UNFETCHED_S, _LONGEST_UNREAD_S = 0.25, 1.0
_END_OF_BODY = b"0\r\n\r\n"  # of one in chunks: what ends so need not have ended
_SYSTEM_TICK_S = time.clock_getres(6) if sys.platform == "linux" else 0.0  # CLOCK_MONOTONIC_COARSE moves by one
_TCP_INFO = struct.Struct("=52xI")  # of linux/tcp.h: as much of it as to `tcpi_last_data_recv`, in milliseconds


class StreamPoller:
    """Looks at the streams of one event loop, at all that are due in one go. `buffer` is theirs, while they read."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._due: dict[int, list[PolledStream]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0

    def look_at(self, stream: PolledStream, now: float, within_s: float) -> None:
        """Have `stream` looked at within that time: up to a quarter earlier, so that many are looked at together."""
        tick = self._add(stream, now, within_s)
        if self._timer is None or tick < self._next:
            self._wake_at(tick)

    def _add(self, stream: PolledStream, now: float, within_s: float) -> int:
        grain_s = _TICK_S
        while grain_s * 8 <= within_s:
            grain_s *= 2
        tick = int((now + within_s) / grain_s) * int(grain_s / _TICK_S)
        due = self._due.get(tick)
        if due is None:
            self._due[tick] = [stream]
        else:
            due.append(stream)
        return tick

    def _wake_at(self, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = tick
        self._timer = asyncio.get_running_loop().call_later(tick * _TICK_S - perf_counter(), self._look)

    def _look(self) -> None:
        self._next = 0  # no timer is set by whoever is looked at
        now = perf_counter()
        due = [tick for tick in self._due if tick * _TICK_S <= now + _TICK_S / 2]
        for stream in [stream for tick in due for stream in self._due.pop(tick)]:
            within_s = stream.look(now)
            if within_s is not None:
                self._add(stream, now, within_s)
        self._timer = None
        if self._due:
            self._wake_at(min(self._due))


class PolledStream:
    """Has one stream read in larger pieces once its first token came, if the system tells when what it keeps came.

    That is Linux: elsewhere each piece is read as it comes, for a latency is no guess. All moments are seconds of the
    monotonic clock.
    """

    def __init__(
        self, connection: Connection, reply: ReplyParser, reader: StreamReader, take: Listener, poller: StreamPoller
    ) -> None:
        transport = connection.transport
        self._connection = connection
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._is_plain = transport.get_extra_info("sslcontext") is None
        plain, tls = (_LATEST_S, _LATEST_SHARE), (_LATEST_TLS_S, _LATEST_TLS_SHARE)
        self._latest_s, self._latest_share = plain if self._is_plain else tls
        self._started = reply.started
        self._reader = reader
        self._take = take
        self._poller = poller
        self._last_fetch = self._last_read = 0.0
        self._rests = self._has_rested = self._is_quiet = False
        # A limit on silence is measured by what is read.
        self._may_rest = sys.platform == "linux" and (reader.stall_s is None or reader.stall_s >= 2 * _LONGEST_UNREAD_S)

    def take(self, data: bytes, received: float) -> bool:
        """Have it read. Whether that was enough."""
        self._last_read = self._last_fetch = received
        self._is_quiet = False
        if self._take(data, received):
            return True
        if self._may_rest and not self._rests and self._reader.first_token is not None:
            self._rest(received)
        return False

    def look(self, now: float) -> float | None:
        """Fetch what came if the stream is quiet. Within how many seconds to look again; None if not by now."""
        if not self._rests:
            return None
        within_s = min(max(self._latest_s, self._latest_share * (now - self._started)), _LONGEST_UNFETCHED_S)
        age_s = self._age_s()
        if age_s is not None and age_s < _QUIET_SHARE * within_s and now - self._last_fetch < _LONGEST_UNFETCHED_S:
            return within_s - age_s
        self._last_fetch = now
        if self._is_plain and self._fetch(now):
            return within_s
        self.end()  # over TLS what comes is in records, which the event loop has to decrypt
        return None

    def last_byte(self, read: float) -> float:
        """When the last byte was received that was read at that moment: up to two ticks later, never earlier.

        The system counts the age in its ticks, from one to another: it may be one more than has passed.
        """
        if not self._has_rested or (age_s := self._age_s()) is None:
            return read
        return max(self._reader.first_token or 0.0, min(perf_counter() - age_s + _SYSTEM_TICK_S, read))

    def end(self) -> None:
        """Have what comes next read as it comes: it may be short."""
        if self._rests:
            self._rests = False
            self._wait_for(1)

    def _rest(self, now: float) -> None:
        if not self._has_rested:
            self._may_rest = self._has_rested = self._age_s() is not None
        if self._may_rest:
            self._rests = True
            self._wait_for(_BYTES_AT_ONCE)
            self._poller.look_at(self, now, self._latest_s)

    def _fetch(self, now: float) -> bool:
        """Keep what the system has, and read all that is kept where it may be the end. Whether more may follow soon."""
        connection, buffer = self._connection, self._poller.buffer
        if connection.lags:
            return True
        try:
            count = os.readv(self._socket.fileno(), (buffer,))
        except OSError:
            count = 0
        # Twice nothing: it pauses, or has ended though its body has not; or the connection has ended.
        stays_quiet = self._is_quiet and not count
        self._is_quiet = not count
        data = bytes(buffer[:count])
        if data:
            connection.keep(data)
        try:
            if stays_quiet or data.endswith(_END_OF_BODY) or now - self._last_read >= _LONGEST_UNREAD_S:
                connection.read_kept()
        except Exception as error:  # noqa: BLE001 - the same becomes of what is raised where the event loop reads
            connection.fail(error)
        return not stays_quiet

    def _wait_for(self, count: int) -> None:
        """Be told of data once there are so many bytes, or the connection has ended."""
        with suppress(OSError):  # it may have ended
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

    def _age_s(self) -> float | None:
        """For how long no data has come, in seconds; None where the system does not tell."""
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            age_ms: int = _TCP_INFO.unpack(info)[0]
        except (OSError, struct.error):  # a system that only resembles Linux
            return None
        return age_ms / 1000
