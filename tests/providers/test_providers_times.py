"""What a run is told to have taken, beside a server that keeps its own clock."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request
from pytest_benchmodels.providers import create, dialing, endpoint
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

MANY = 60
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%d."


class Holding:
    """Answers when `together` requests are there, and tells how long it held each: from its last byte to the reply."""

    def __init__(self, together: int) -> None:
        self._all = asyncio.Barrier(together)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            began = perf_counter()
            await self._all.wait()
            body = json.dumps({"choices": [{"message": {"content": str(perf_counter() - began)}}]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize("together", [1, MANY])
def test_a_latency_holds_the_servers_time_and_no_set_up(together: int) -> None:
    """Bounds that hold on any machine: the server's own time <= latency, and latency + set-up <= the whole call."""

    async def ask(url: str, pool: HttpPool) -> tuple[float, float, float, float]:
        model = Model("openai/x", "openai", "x", url)
        provider = create(model, pool)
        began = perf_counter()
        response = await provider.complete(Request(model, (Message("user", "Hi"),)))
        whole_s = perf_counter() - began
        assert response.connect_s is not None
        return float(response.text), response.latency_s, response.connect_s, whole_s

    async def scenario() -> None:
        server = await asyncio.start_server(Holding(together).serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        pool = HttpPool()
        first = await asyncio.gather(*(ask(url, pool) for _ in range(together)))
        second = await asyncio.gather(*(ask(url, pool) for _ in range(together)))
        for held_s, latency_s, connect_s, whole_s in first + second:
            assert held_s <= latency_s
            assert latency_s + connect_s <= whole_s
        assert all(connect_s > 0.0 for _, _, connect_s, _ in first)
        assert [connect_s for _, _, connect_s, _ in second] == [0.0] * together
        await pool.aclose()
        server.close()

    asyncio.run(scenario())


def test_certificates_are_loaded_before_any_time_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What loads certificates is called before the set-up's clock starts; later calls find them loaded."""
    events: list[str] = []

    def clock() -> float:
        events.append("clock")
        return float(len(events))

    monkeypatch.setattr(dialing, "perf_counter", clock)
    monkeypatch.setattr(endpoint, "_trusted", lambda: events.append("certificates"))

    with pytest.raises(ProviderError, match="connection refused"):
        asyncio.run(HttpPool().post("https://127.0.0.1:1/v1", {}, b""))

    assert events[:2] == ["certificates", "clock"]


class Accepting:
    """A server in threads: it numbers its connections, and answers while the event loop is busy."""

    def __init__(self, listening: socket.socket) -> None:
        self.port = listening.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self._listening = listening
        self.start(self._accept)

    def start(self, work: Callable[..., None], *args: object) -> None:
        self.threads.append(threading.Thread(target=work, args=args))
        self.threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end: the listening socket is shut down
            while True:
                connection, _ = self._listening.accept()
                self.connections.append(connection)
                self.start(self._answer, connection, len(self.connections))

    def _answer(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):  # the client closed it with something unread
            while connection.recv(65_536):
                connection.sendall(REPLY % number)


@contextmanager
def accepting() -> Iterator[Accepting]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Accepting(listening)
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for thread in server.threads:
                thread.join()
            for connection in server.connections:
                connection.close()


@pytest.mark.parametrize("surprise", [REPLY % 9, b"x", b""], ids=["a second reply", "a byte", "the end"])
def test_what_came_while_the_loop_was_busy_is_no_answer_to_the_next_request(surprise: bytes) -> None:
    """Nothing of it was read yet: the connection is looked at before it is used, and another one takes its place."""

    async def scenario(server: Accepting) -> list[bytes]:
        pool = HttpPool()
        url = f"http://127.0.0.1:{server.port}/v1"
        first = await pool.post(url, {}, b"")
        # From here to the next request the event loop has no turn.
        if surprise:
            server.connections[0].sendall(surprise)
        else:
            server.connections[0].shutdown(socket.SHUT_WR)
        second = await pool.post(url, {}, b"")
        await pool.aclose()
        return [first.body, second.body]

    with accepting() as server:
        assert asyncio.run(scenario(server)) == [b"1.", b"2."]


def test_idle_connections_to_one_address_make_room_for_another(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"one")) as first, canned(http_text(200, b"two")) as second:
            pool = HttpPool()
            pool._most = 1
            assert (await pool.post(first.url, {}, b"")).body == b"one"
            assert (await pool.post(second.url, {}, b"")).body == b"two"
            await first.left.wait()
            await pool.aclose()

    asyncio.run(scenario())
