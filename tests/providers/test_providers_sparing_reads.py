"""Streams that are read in larger pieces after their first token, and end when the system says that they did."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter

import pytest

from pytest_benchmodels import Message, Model, Request, Response, SimServer
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.endpoint import _SparingReads
from pytest_benchmodels.providers.event_stream import StreamReader
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import OpenAIFold

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each piece is read as it comes")
TOKEN = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
TEXT = "one two three four five six seven eight nine ten eleven twelve"
_JIFFY_S = 0.02


@asynccontextmanager
async def received() -> AsyncIterator[asyncio.Transport]:
    """A connection over TCP on which something has come."""
    loop = asyncio.get_running_loop()
    came, lost = loop.create_future(), loop.create_future()

    class Client(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            came.set_result(data)

        def connection_lost(self, exc: Exception | None) -> None:
            lost.set_result(exc)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        transport, _ = await loop.create_connection(Client, *listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            accepted.sendall(TOKEN)
            assert await came == TOKEN
            yield transport
        transport.abort()
        await lost


def awaited_bytes(transport: asyncio.Transport) -> int:
    count: int = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    return count


def sparing(transport: asyncio.Transport, stall_s: float | None = None) -> _SparingReads:
    reader = StreamReader(OpenAIFold(), stall_s)
    reader.begin(1_000_000)
    return _SparingReads(transport, reader, reader.take)


@linux
def test_small_pieces_wake_nobody_until_the_stream_ends() -> None:
    async def awaited() -> list[int]:
        async with received() as transport:
            reads = sparing(transport)
            steps = []
            for at in (0.0, 0.05, 0.2):  # seconds of a clock of its own, from the first token on
                assert not reads.take(TOKEN, 1.0 + at)
                steps.append(awaited_bytes(transport))
            reads.end()
            return [*steps, awaited_bytes(transport)]

    assert asyncio.run(awaited()) == [1, 1, 16_384, 1]


@linux
def test_a_look_has_it_read_what_is_there_and_then_it_rests_again() -> None:
    async def awaited() -> list[int]:
        async with received() as transport:
            reads, now = sparing(transport), perf_counter()
            reads.take(TOKEN, now - 9.0)
            reads.take(TOKEN, now - 5.0)  # the longest rest is a second
            steps = [awaited_bytes(transport)]
            reads._look()
            steps.append(awaited_bytes(transport))
            reads.take(TOKEN, now)
            steps.append(awaited_bytes(transport))
            reads.end()
            return steps

    assert asyncio.run(awaited()) == [16_384, 1, 16_384]


@linux
def test_the_last_byte_came_when_the_system_says_so() -> None:
    async def told() -> tuple[float, float, float]:
        async with received() as transport:
            before, reads = perf_counter(), sparing(transport)
            reads.take(TOKEN, before - 1.0)
            reads.take(TOKEN, before - 0.5)
            late = before + 100.0
            last = reads.last_byte(late)
            reads.end()
            return before, last, perf_counter()

    before, last, after = asyncio.run(told())
    assert before - 1.0 <= last <= after, "not a hundred seconds later, when it was read"


def test_who_may_not_rest_reads_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short limit on silence would take for silence what nobody read; other systems do not say when it came."""

    async def awaited(stall_s: float | None) -> tuple[int, float]:
        async with received() as transport:
            reads = sparing(transport, stall_s)
            reads.take(TOKEN, 1.0)
            reads.take(TOKEN, 9.0)
            reads.end()
            return awaited_bytes(transport), reads.last_byte(9.0)

    assert asyncio.run(awaited(1.0)) == (1, 9.0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert asyncio.run(awaited(None)) == (1, 9.0)


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
        assert answer.ttft_s >= 0.05 - _JIFFY_S
        tokens, took_s = answer.generated
        assert took_s >= tokens * 0.01 - _JIFFY_S
