"""One connection: whose time is counted, what is left over, how much work a turn may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from pytest_benchmodels.providers import connection as module
from pytest_benchmodels.providers import connection as reply_parser
from pytest_benchmodels.providers.connection import Connection, Pacer
from pytest_benchmodels.providers.dialing import ProxyRefusedError

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE_BYTE_CHUNK = b"1\r\nx\r\n"


class Wire(asyncio.Transport):
    """The other side of a connection: what was written, and whether anybody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.calls: list[str] = []
        self.closed = False
        self.unsent = 0

    def write(self, data: object) -> None:
        self.written += bytes(cast("bytes", data))

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter", clock)
    monkeypatch.setattr(reply_parser, "perf_counter", clock)
    monkeypatch.setattr(module, "_readable", lambda _transport: False)
    return clock


def run(scenario: Callable[[Connection, Wire], Coroutine[Any, Any, None]]) -> None:
    async def connected() -> None:
        connection, wire = Connection(Pacer()), Wire()
        connection.connection_made(wire)
        await scenario(connection, wire)

    asyncio.run(connected())


async def read(connection: Connection, reply: reply_parser.ReplyParser) -> bytes:
    await connection.head(reply)
    return await connection.body(reply, 1_000_000)


def test_the_time_is_that_of_the_bytes_not_of_those_who_wait_for_them(clock: Clock) -> None:
    async def scenario(connection: Connection, wire: Wire) -> None:
        clock.now = 7.0
        reply = connection.send(b"POST")
        waiting = asyncio.create_task(read(connection, reply))
        await asyncio.sleep(0)
        clock.now = 7.2
        connection.data_received(REPLY[:30])
        clock.now = 7.5
        connection.data_received(REPLY[30:])
        clock.now = 60.0  # somebody else had the event loop all the while
        assert await waiting == b"ok"
        assert (reply.started, reply.last_byte) == (7.0, 7.5)
        assert wire.written == b"POST"

    run(scenario)


def test_the_end_of_a_body_without_a_length_is_its_last_byte(clock: Clock) -> None:
    async def scenario(connection: Connection, _wire: Wire) -> None:
        reply = connection.send(b"POST")
        connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nok")
        clock.now = 103.0
        connection.connection_lost(None)
        assert await read(connection, reply) == b"ok"
        assert reply.last_byte - reply.started == 3.0
        assert not connection.reusable

    run(scenario)


@pytest.mark.parametrize(
    "surplus",
    [REPLY, b"H", b"GARBAGE", b"}", b"\r\n\r\nHTTP/1.1 200"],
    ids=["a second reply", "its beginning", "no HTTP", "a brace", "blank lines"],
)
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.usefixtures("clock")
def test_a_connection_with_anything_left_over_is_not_used_again(surplus: bytes, *, at_once: bool) -> None:
    async def scenario(connection: Connection, _wire: Wire) -> None:
        reply = connection.send(b"POST")
        if at_once:
            connection.data_received(REPLY + surplus)
        else:
            connection.data_received(REPLY)
            assert connection.reusable
            connection.data_received(surplus)
        assert await read(connection, reply) == b"ok"
        assert not connection.reusable

    run(scenario)


@pytest.mark.usefixtures("clock")
def test_a_surplus_is_found_wherever_the_segments_end() -> None:
    wire = CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + REPLY

    for cut in range(1, len(wire)):

        async def scenario(connection: Connection, _wire: Wire, cut: int = cut) -> None:
            reply = connection.send(b"POST")
            connection.data_received(wire[:cut])
            if not connection.lost.done():
                connection.data_received(wire[cut:])
            assert await read(connection, reply) == b"ok"
            assert not connection.reusable

        run(scenario)


@pytest.mark.usefixtures("clock")
def test_a_reply_to_a_request_that_was_not_sent_whole_ends_the_connection() -> None:
    async def scenario(connection: Connection, wire: Wire) -> None:
        reply = connection.send(b"POST")
        wire.unsent = 10
        connection.data_received(REPLY)
        assert await read(connection, reply) == b"ok"
        assert not connection.reusable

    run(scenario)


def test_an_idle_connection_is_left_before_the_server_leaves_it(clock: Clock) -> None:
    async def scenario(connection: Connection, _wire: Wire) -> None:
        reply = connection.send(b"POST")
        connection.data_received(REPLY)
        await read(connection, reply)
        clock.now += 3.9
        assert connection.fresh
        clock.now += 0.2
        assert not connection.fresh

    run(scenario)


def test_a_body_of_tiny_chunks_leaves_the_loop_to_others(clock: Clock) -> None:
    """Of 60 kB in 10,000 chunks, a turn of the loop reads some; the time of the rest is when it arrived."""

    async def scenario(connection: Connection, wire: Wire) -> None:
        reply = connection.send(b"POST")
        clock.now = 105.0
        connection.data_received(CHUNKED + ONE_BYTE_CHUNK * 10_000 + b"0\r\n\r\n")
        assert 2000 <= len(reply.body) < 6000
        assert wire.calls == ["pause"]
        clock.now = 200.0
        assert await read(connection, reply) == b"x" * 10_000
        assert wire.calls == ["pause", "resume"] * (len(wire.calls) // 2)
        assert reply.last_byte == 105.0

    run(scenario)


def test_the_more_replies_are_slow_to_read_the_longer_each_waits() -> None:
    pacer = Pacer()

    first, second = pacer.delay(), pacer.delay()
    pacer.resumed()
    pacer.resumed()

    assert second == 2 * first
    assert pacer.delay() == first


@pytest.mark.usefixtures("clock")
def test_what_is_left_of_a_connection_that_ended_is_not_read() -> None:
    async def scenario(connection: Connection, _wire: Wire) -> None:
        reply = connection.send(b"POST")
        connection.data_received(CHUNKED + ONE_BYTE_CHUNK * 10_000)
        connection.connection_lost(ConnectionResetError("reset"))
        with pytest.raises(ConnectionResetError):
            await read(connection, reply)
        with pytest.raises(ConnectionResetError):
            connection.send(b"POST")

    run(scenario)


def test_a_proxy_that_refuses_says_why_in_the_words_of_its_status() -> None:
    assert str(ProxyRefusedError(407)) == "the proxy said 407 (Proxy Authentication Required)"
    assert str(ProxyRefusedError(799)) == "the proxy said 799 (no reason given)"
