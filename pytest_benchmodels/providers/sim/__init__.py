"""The simulated provider, a real HTTP server on loopback in a process of its own, as its parent sees it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["SimServer"]

_MODULE = "pytest_benchmodels.providers.sim"
_PATIENCE_S = 30.0


class SimServer:
    """A real HTTP server on loopback that speaks the OpenAI chat protocol and needs no key and no network.

        with SimServer() as server:
            httpx.post(f"{server.url}/chat/completions", json={"model": "steady", "messages": [...]})

    `reserve()` binds an address at once and cheaply; a request sent to it before `start()` waits. The process ends
    with `stop()`, and with its parent, however that ends.
    """

    def __init__(self) -> None:
        self._port = 0
        self._listening: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def reserve(cls) -> Self:
        """A server that has its address and no process yet."""
        server = cls()
        server._bind()
        return server

    @property
    def url(self) -> str:
        """The base URL, `http://127.0.0.1:PORT/v1`; RuntimeError before `reserve()` or `with`."""
        if not self._port:
            raise RuntimeError("this SimServer has no address yet: use `with SimServer() as server` or reserve()")
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Start the process unless it was started before. Returns at once: requests wait until it is up."""
        if self._process is not None:
            return
        listening = self._listening or self._bind()
        number = listening.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-P", "-S", "-s", "-m", _MODULE, "--fd", str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[number],
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_homes())},
        )
        # Only the process holds the socket now: should it die, clients are refused rather than left waiting.
        listening.close()
        self._listening = None

    def stop(self) -> None:
        """End the process and give the address back. May be called twice; a stopped server stays stopped."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def stats(self) -> dict[str, dict[str, object]]:
        """What each model saw so far: `requests`, `in_flight`, `max_in_flight`, `abandoned`, and `sent` by status."""
        import json  # noqa: PLC0415 - tests and benchmarks ask for this, a run does not
        from http.client import HTTPConnection  # noqa: PLC0415 - the same

        connection = HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        try:
            connection.request("GET", "/stats")
            seen: dict[str, dict[str, object]] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return seen

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _bind(self) -> socket.socket:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._port = self._listening.getsockname()[1]
        return self._listening


def _homes() -> list[str]:
    """The folders from which the process imports: it starts without site-packages, in half the time."""
    h11 = find_spec("h11")
    own = Path(__file__).parents[3]
    return [str(own)] if h11 is None or h11.origin is None else [str(own), str(Path(h11.origin).parents[1])]
