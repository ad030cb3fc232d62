"""Streams that are looked at now and then after their first token, and end when the system says that they did."""

from __future__ import annotations

import array
import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import pytest
import trustme

from pytest_benchmodels import Message, Model, Request, Response, SimServer
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.connection import Connection, Pacer, ReplyError, ReplyParser
from pytest_benchmodels.providers.event_stream import StreamReader
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import OpenAIFold
from pytest_benchmodels.providers.stream_polling import PolledStream, StreamPoller

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each piece is read as it comes")
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKEN = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
DONE, END = b"data: [DONE]\n\n", b"0\r\n\r\n"
TEXT = "one two three four five six seven eight nine ten eleven twelve"
MANY, FEW = 131_072, 1
_JIFFY_S = 0.02
_LATER_S = 0.3  # when whatever came is fetched


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass
class Begun:
    """A stream over TCP whose first token has come. `server` is the other side of its connection."""

    connection: Connection
    reply: ReplyParser
    reader: StreamReader
    polled: PolledStream
    poller: StreamPoller
    streaming: asyncio.Task[None]
    server: socket.socket
    ahead_s: float = 0.0

    def send(self, data: bytes) -> None:
        self.server.sendall(data)

    def reset(self) -> None:
        """Have the server break the connection off."""
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.close()

    def send_all(self, data: bytes) -> None:
        """Send, and see to it that it has arrived."""
        before = self.waiting_bytes
        self.send(data)
        while self.waiting_bytes < before + len(data):
            pass

    @property
    def socket(self) -> socket.socket:
        return self.connection.transport.get_extra_info("socket")  # type: ignore[no-any-return] # or what stands for it

    @property
    def waiting_bytes(self) -> int:
        import fcntl
        import termios

        count = array.array("i", [0])
        fcntl.ioctl(self.socket.fileno(), termios.FIONREAD, count)
        return count[0]

    @property
    def awaited_bytes(self) -> int:
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)

    def look(self, after_s: float = _LATER_S) -> float | None:
        self.ahead_s += after_s
        return self.polled.look(perf_counter() + self.ahead_s)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)


@asynccontextmanager
async def begun(stall_s: float | None = None, fold: OpenAIFold | None = None) -> AsyncIterator[Begun]:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _, connection = await loop.create_connection(lambda: Connection(Pacer()), *listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            reply, reader, poller = connection.send(b"?"), StreamReader(fold or OpenAIFold(), stall_s), StreamPoller()
            reader.begin(1_000_000)
            accepted.sendall(HEAD + chunk(TOKEN))
            await connection.head(reply)
            polled = PolledStream(connection, reply, reader, reader.take, poller)
            streaming = asyncio.ensure_future(connection.stream(reply, polled.take))
            await asyncio.sleep(0)  # it takes what came
            assert reader.count == 1
            yield Begun(connection, reply, reader, polled, poller, streaming, accepted)
            polled.end()
            streaming.cancel()
            await asyncio.wait({streaming})
        connection.abort()
        await connection.lost


@linux
def test_few_bytes_wake_nobody_until_the_stream_ends() -> None:
    async def awaited() -> list[int]:
        async with begun() as stream:
            steps = [stream.awaited_bytes]
            stream.polled.end()
            return [*steps, stream.awaited_bytes]

    assert asyncio.run(awaited()) == [MANY, FEW]


@linux
def test_what_came_is_fetched_and_read_with_the_end() -> None:
    async def counts() -> list[int]:
        async with begun() as stream:
            found = []
            for more in (chunk(TOKEN), chunk(TOKEN + TOKEN), chunk(DONE) + END):
                stream.send_all(more)
                again_s = stream.look()
                assert again_s is not None
                found += [stream.waiting_bytes, stream.reader.count]
            await stream.streaming
            assert stream.reply.complete
            return found

    assert asyncio.run(counts()) == [0, 1, 0, 1, 0, 5]


@linux
def test_a_stream_in_which_tokens_come_is_let_alone() -> None:
    """What just came is not fetched: whether it was the last is seen when it is as old as the end may be late."""

    async def told() -> tuple[int, float | None, float | None]:
        async with begun() as stream:
            stream.send_all(chunk(TOKEN))
            early = stream.polled.look(stream.reply.started)
            waiting = stream.waiting_bytes
            stream.polled.end()
            return waiting, early, stream.look()

    waiting, early, ended = asyncio.run(told())

    assert waiting == len(chunk(TOKEN))
    assert early is not None
    assert 0 < early <= 0.02
    assert ended is None, "it is not looked at any more"


@linux
def test_after_a_second_it_is_read_whatever_came() -> None:
    async def count() -> int:
        async with begun() as stream:
            stream.send_all(chunk(TOKEN))
            stream.look(1.1)
            return stream.reader.count

    assert asyncio.run(count()) == 2


@linux
def test_a_stream_that_pauses_or_leaves_its_body_open_is_read_and_waited_for() -> None:
    async def steps() -> list[tuple[bool, int]]:
        async with begun() as stream:
            stream.send_all(chunk(DONE))
            found = []
            for _ in range(3):
                stream.look()
                found.append((stream.reader.fold.is_over, stream.awaited_bytes))
            return found

    assert asyncio.run(steps()) == [(False, MANY), (False, MANY), (True, FEW)]


@linux
def test_it_rests_again_when_something_came() -> None:
    async def awaited() -> list[int]:
        async with begun() as stream:
            stream.look()
            stream.look()
            before = stream.awaited_bytes
            stream.send(chunk(TOKEN))
            await until(lambda: stream.reader.count > 1)
            return [before, stream.awaited_bytes]

    assert asyncio.run(awaited()) == [FEW, MANY]


@linux
def test_what_the_event_loop_reads_follows_what_was_fetched() -> None:
    async def text() -> object:
        async with begun() as stream:
            whole = b"".join(chunk(TOKEN.replace(b'"a"', b'"%d"' % number)) for number in range(9))
            stream.send_all(whole[:200])
            stream.look()
            stream.send(whole[200:] + chunk(DONE) + END)
            stream.polled.end()
            await stream.streaming
            return stream.reader.fold.document()["choices"]

    assert asyncio.run(text()) == [{"index": 0, "message": {"role": "assistant", "content": "a012345678"}}]


@linux
def test_a_connection_that_ends_meanwhile_ends_the_stream() -> None:
    async def told() -> tuple[int, str]:
        async with begun() as stream:
            stream.send_all(chunk(TOKEN))
            stream.look()
            stream.connection.transport.abort()
            with pytest.raises(ReplyError) as caught:
                await stream.streaming
            return stream.reader.count, str(caught.value)

    count, said = asyncio.run(told())
    assert count == 2, "what was fetched is read"
    assert said == "the connection was closed before its end"


@linux
def test_an_answer_that_was_fetched_is_whole_though_the_connection_is_reset() -> None:
    async def told() -> bool:
        async with begun() as stream:
            stream.send_all(chunk(DONE))
            stream.look()
            stream.reset()
            await stream.streaming
            return stream.reader.fold.is_over

    assert asyncio.run(told())


@linux
def test_a_fold_that_fails_ends_its_own_stream() -> None:
    class Failing(OpenAIFold):
        def take(self, data: bytes) -> None:
            if data == b"[DONE]":
                raise ZeroDivisionError
            super().take(data)

    async def told() -> BaseException | None:
        async with begun(fold=Failing()) as stream:
            stream.send_all(chunk(DONE))
            stream.look(1.1)
            await asyncio.wait({stream.streaming})
            return stream.streaming.exception()

    assert isinstance(asyncio.run(told()), ZeroDivisionError)


@linux
def test_one_timer_looks_at_all() -> None:
    class Looked(PolledStream):
        def look(self, now: float) -> float | None:
            moments.append(now)
            again_s = super().look(now)
            if len(moments) == 4:
                done.set()
            return again_s

    moments: list[float] = []
    done = asyncio.Event()

    async def looked() -> None:
        async with begun() as stream:
            stream.polled.end()
            poller, now = StreamPoller(), perf_counter()
            for _ in range(2):
                other = Looked(stream.connection, stream.reply, stream.reader, stream.reader.take, poller)
                other.take(chunk(TOKEN), now)
            await done.wait()

    asyncio.run(looked())
    assert moments[0] == moments[1]
    assert moments[2] == moments[3]


@linux
def test_the_last_byte_came_when_the_system_says_so() -> None:
    async def told() -> tuple[float, float, float]:
        before = perf_counter()
        async with begun() as stream:
            last = stream.polled.last_byte(before + 100.0)
            return before, last, perf_counter()

    before, last, after = asyncio.run(told())
    assert before <= last <= after + 2 * _JIFFY_S, "never earlier, nor a hundred seconds later, when it was read"


def test_who_may_not_rest_reads_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short limit on silence would take for silence what nobody read; other systems do not say when it came."""

    async def awaited(stall_s: float | None) -> tuple[int, float]:
        async with begun(stall_s) as stream:
            return stream.awaited_bytes, stream.polled.last_byte(9.0)

    assert asyncio.run(awaited(1.0)) == (FEW, 9.0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert asyncio.run(awaited(None)) == (FEW, 9.0)


@linux
def test_over_tls_the_event_loop_reads_what_a_look_finds() -> None:
    authority = trustme.CA()
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.configure_trust(trusting)

    async def read() -> tuple[list[int], bool]:
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[asyncio.StreamWriter] = loop.create_future()
        server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0, ssl=served)
        async with server:
            address = server.sockets[0].getsockname()
            _, connection = await loop.create_connection(lambda: Connection(Pacer()), *address, ssl=trusting)
            writer = await accepted
            reply, reader = connection.send(b"?"), StreamReader(OpenAIFold())
            reader.begin(1_000_000)
            writer.write(HEAD + chunk(TOKEN))
            await connection.head(reply)
            polled = PolledStream(connection, reply, reader, reader.take, StreamPoller())
            streaming = asyncio.ensure_future(connection.stream(reply, polled.take))
            await asyncio.sleep(0)
            writer.write(chunk(TOKEN))
            waits = connection.transport.get_extra_info("socket")
            steps = [waits.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)]
            polled.look(perf_counter() + _LATER_S)
            await until(lambda: reader.count > 1)
            steps.append(waits.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT))
            writer.write(chunk(DONE) + END)
            polled.end()
            await streaming
            connection.abort()
            await connection.lost
            writer.close()
        return steps, reply.complete

    assert asyncio.run(read()) == ([MANY, MANY], True)


def test_one_stream_after_another_over_one_connection(sim: SimServer) -> None:
    """The simulated server sends a token each 10 ms: what we tell of it is no less, and each answer is whole."""
    model = Model("m", "sim", "steady", sim.url, stream=True)
    streamed = Request(model, (Message("user", "Hi"),), {"sim": {"text": TEXT, "pace": 100, "latency": 0.05}})
    whole = replace(model, stream=False)
    at_once = Request(whole, (Message("user", "Hi"),), {"sim": {"text": "short", "latency": 0}})

    async def asked() -> list[Response]:
        pool = HttpPool()
        answers = [await create(request.model, pool).complete(request) for request in (streamed, streamed, at_once)]
        await pool.aclose()
        return answers

    first, second, last = asyncio.run(asked())

    assert (first.text, second.text, last.text) == (TEXT, TEXT, "short")
    assert (second.connect_s, last.connect_s) == (0.0, 0.0)
    for answer in (first, second):
        assert answer.ttft_s is not None
        assert answer.generated is not None
        assert answer.ttft_s >= 0.05
        tokens, took_s = answer.generated
        assert took_s >= tokens * 0.01 - _JIFFY_S
