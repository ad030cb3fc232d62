"""A simulated provider for the whole session, and a server that says exactly what a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from pytest_benchmodels import Message, Model, Request, Response, SimServer
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool

HANG_UP = b""
"""In place of a reply: close without one."""
KEEP_QUIET = b"..."
"""In place of a reply: say nothing until the client leaves."""


@dataclass
class Canned:
    """Says `replies` one after the other, over as many connections as the client opens."""

    replies: list[bytes]
    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        self.arrived.set()
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            self.requests.append(head + await reader.readexactly(length))
            self.asked.set()
            reply = self.replies.pop(0)
            if reply == HANG_UP:
                return
            if reply == KEEP_QUIET:
                await reader.readexactly(1)
            writer.write(reply)
            await writer.drain()
            if b"Connection: close" in reply:
                return


CannedServer = Callable[..., AbstractAsyncContextManager[Canned]]


@pytest.fixture
def canned() -> CannedServer:
    """`async with canned(reply, ..., tls=None) as server`: a loopback server with prepared replies."""

    @asynccontextmanager
    async def serve(*replies: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Canned]:
        said = Canned(list(replies), scheme="https" if tls else "http")
        server = await asyncio.start_server(said.serve, "127.0.0.1", 0, ssl=tls)
        said.port = server.sockets[0].getsockname()[1]
        async with server:
            yield said
            for writer in said.writers:
                writer.close()
                with suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()

    return serve


HttpText = Callable[..., bytes]


@pytest.fixture
def http_text() -> HttpText:
    """A reply on the wire: `http_text(200, b"{}", "Retry-After: 3")`."""

    def wire(status: int, body: bytes = b"", *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
        return "\r\n".join(lines).encode() + body

    return wire


@pytest.fixture(scope="session")
def sim() -> Iterator[SimServer]:
    with SimServer() as server:
        yield server


Ask = Callable[..., Response]


@pytest.fixture
def ask(sim: SimServer) -> Ask:
    """Ask a simulated model: `ask("steady", attempt=2, answer="4", text="...")`."""

    def asked(
        name: str = "steady", *, prompt: str = "What is 2 + 2?", attempt: int = 1, trial: int = 1, **knobs: object
    ) -> Response:
        async def exchange() -> Response:
            pool = HttpPool()
            model = Model(f"sim/{name}", "sim", name, sim.url)
            params: Mapping[str, object] = {"sim": {"latency": 0, **knobs}}
            request = Request(model, (Message("user", prompt),), params, attempt, trial)
            try:
                return await create(model, pool).complete(request)
            finally:
                await pool.aclose()

        return asyncio.run(exchange())

    return asked
