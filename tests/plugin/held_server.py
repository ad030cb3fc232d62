"""The simulated provider with a hold on its replies, so that tests count what is at once instead of racing with it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from pytest_benchmodels.providers.sim.connection import Connection
from pytest_benchmodels.providers.sim.reply import Reply, Tally
from pytest_benchmodels.providers.sim.service import Service

__all__ = ["AfterAbandoned", "AfterModel", "AtOnce", "Held", "Hold", "Only", "held_sim"]

Send = Callable[[], None]


class Hold(Protocol):
    """Says when a reply goes out. A session that never does what a hold waits for ends by the limits of its runs."""

    def due(self, model: str, tally: Tally, send: Send) -> None:
        """A reply of `model`, whose counts are `tally`, would go out now: `send` lets it."""

    def left(self, tally: Tally) -> None:
        """A client did not wait for its reply."""


class AtOnce:
    """Holds a model's replies until it has `most` requests in flight, or until the last of `count` has arrived.

    So a session that may have `most` in flight has them all the time; without a `count` that is so only once.
    """

    def __init__(self, most: Mapping[str, int], count: int | None = None) -> None:
        self._most, self._count = most, count
        self._held: dict[str, deque[Send]] = defaultdict(deque)

    def due(self, model: str, tally: Tally, send: Send) -> None:
        held = self._held[model]
        held.append(send)
        most = self._most.get(model, 1)
        while held and (len(held) >= most or tally.requests >= (self._count or most)):
            held.popleft()()

    def left(self, tally: Tally) -> None:
        """Nothing: it holds on."""


class AfterModel:
    """Holds the replies of all models but `first` until that has sent `count`."""

    def __init__(self, first: str, count: int) -> None:
        self._first, self._left = first, count
        self._held: list[Send] = []

    def due(self, model: str, tally: Tally, send: Send) -> None:  # noqa: ARG002 - as `Hold` says
        self._held.append(send)
        if model == self._first:
            self._held.pop()()
            self._left -= 1
        if self._left <= 0:
            held, self._held = self._held, []
            for each in held:
                each()

    def left(self, tally: Tally) -> None:
        """Nothing: it holds on."""


class AfterAbandoned:
    """Holds all replies until the client of another request has left."""

    def __init__(self) -> None:
        self._held: list[Send] = []

    def due(self, model: str, tally: Tally, send: Send) -> None:  # noqa: ARG002 - as `Hold` says
        self._held.append(send)
        self._let_go(tally)

    def left(self, tally: Tally) -> None:
        self._let_go(tally)

    def _let_go(self, tally: Tally) -> None:
        while self._held and tally.abandoned:
            self._held.pop()()


class Only:
    """Answers so many requests, and no more."""

    def __init__(self, count: int) -> None:
        self._left = count

    def due(self, model: str, tally: Tally, send: Send) -> None:  # noqa: ARG002 - as `Hold` says
        if self._left:
            self._left -= 1
            send()

    def left(self, tally: Tally) -> None:
        """Nothing: it holds on."""


class Held:
    """A server that is up: its address, and what it has seen so far, as `SimServer` tells it."""

    def __init__(self, port: int, service: Service) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self._service = service

    def stats(self) -> dict[str, dict[str, Any]]:
        return self._service._stats()


@contextmanager
def held_sim(hold: Hold, port: int = 0) -> Iterator[Held]:
    """Serve in a thread of this process, which is up at once; its end closes what is open."""
    service = Service()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listening:
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(_serve(listening, service, hold, stop),))
        thread.start()
        try:
            yield Held(listening.getsockname()[1], service)
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


async def _serve(listening: socket.socket, service: Service, hold: Hold, stop: asyncio.Event) -> None:
    opened: list[Connection] = []

    def connection() -> Connection:
        opened.append(_HeldConnection(service, {}, hold))
        return opened[-1]

    server = await asyncio.get_running_loop().create_server(connection, sock=listening, backlog=1024)
    await stop.wait()
    server.close()
    for each in opened:
        each.close()
    await asyncio.sleep(0)  # so that the loop closes their sockets


class _HeldConnection(Connection):
    def __init__(self, service: Service, idle: dict[Connection, None], hold: Hold) -> None:
        super().__init__(service, idle)
        self._hold = hold

    def _send(self, reply: Reply) -> None:
        if reply.tally is None:  # a refusal, or no model's
            super()._send(reply)
        else:
            self._hold.due(json.loads(reply.body)["model"], reply.tally, partial(self._let_go, reply))

    def connection_lost(self, exc: Exception | None) -> None:
        waiting = self._reply
        super().connection_lost(exc)
        if waiting is not None and waiting.tally is not None:
            self._hold.left(waiting.tally)

    def _let_go(self, reply: Reply) -> None:
        if self._reply is reply:  # else the client has left
            super()._send(reply)
