"""The simulated provider as a process of its own: `python -m pytest_benchmodels.providers.sim --port 8080`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from typing import Any

from pytest_benchmodels.providers.http import raise_limit
from pytest_benchmodels.providers.sim.connection import Connection
from pytest_benchmodels.providers.sim.service import Service

__all__ = ["main"]

_USAGE = "usage: python -m pytest_benchmodels.providers.sim --port PORT"


def main(arguments: list[str]) -> int:
    """Serve until standard input ends (`--fd N`, a listening socket that was handed over) or Ctrl-C (`--port N`)."""
    match arguments:
        case ["--fd", number] if number.isdecimal():
            # Ctrl-C reaches the whole group of processes, but the parent still has replies to wait for.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _serve(socket.socket(fileno=int(number)), owned=True)
        case ["--port", number] if number.isdecimal():
            listening = socket.create_server(("127.0.0.1", int(number)), backlog=1024)
            sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/v1\n")
            sys.stdout.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _serve(listening, owned=False)
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    return 0


def _serve(listening: socket.socket, *, owned: bool) -> None:
    raise_limit()
    loop = asyncio.new_event_loop()
    service, idle = Service(), dict[Connection, None]()
    loop.set_exception_handler(lambda _, context: _complain(loop, context, idle))
    loop.run_until_complete(loop.create_server(lambda: Connection(service, idle), sock=listening, backlog=1024))
    if owned:
        loop.add_reader(sys.stdin.fileno(), _leave)
    loop.run_forever()


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any], idle: dict[Connection, None]) -> None:
    """Where no more connections can be accepted, end those that nobody uses: others wait to be let in.

    asyncio tries again after a second, and until then has complained a thousand times.
    """
    if getattr(context.get("exception"), "errno", None) not in (errno.EMFILE, errno.ENFILE):
        loop.default_exception_handler(context)
    elif idle:
        next(iter(idle)).close()


def _leave() -> None:
    """The parent closed its end, or died: there is nobody left to answer to."""
    if not os.read(sys.stdin.fileno(), 1):
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
