"""Has commands started, each with a process that watches over it, by one program that forks these."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pytest_benchmodels.workspaces.command_server import NUMBER
from pytest_benchmodels.workspaces.confinement import started

__all__ = ["CommandStarts"]

_PATIENCE_S = 30.0
"""So long the program may take to fork: on a busy machine it takes its time."""


class _Server:
    """The program at work."""

    def __init__(self, python: str) -> None:
        self.connection, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                started(python, "command_server", "serve", str(number)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=(number,),
                start_new_session=True,
            )
        self.connection.settimeout(_PATIENCE_S)
        self.end = weakref.finalize(self, _end, self.connection, self._process)

    def ask(self, request: object, descriptors: Sequence[int] = ()) -> None:
        self._process.send_signal(signal.SIGCONT)  # what is not confined may have stopped it
        body = json.dumps(request).encode()
        socket.send_fds(self.connection, [NUMBER.pack(len(body))], list(descriptors))
        self.connection.sendall(body)

    def answer(self) -> int:
        said = self.connection.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(said) < NUMBER.size:
            raise ConnectionResetError("the process that starts commands has ended")
        number: int = NUMBER.unpack(said)[0]
        return number


class _RefusedError(OSError):
    """The system has no process, or no descriptors, for one more command; the program goes on."""


def _end(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class CommandStarts:
    """Starts commands for one session. Its program begins with the first of them, and ends with `close`."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._server: _Server | None = None
        self._left: deque[int] = deque()

    def start(self, python: str, task: Mapping[str, object], descriptors: Sequence[int]) -> int:
        """Start a command; the number of the process that watches over it, ours until `leave`. Raises `OSError`.

        `task` and the descriptors: see `command_server`.
        """
        with self._turn:
            is_new = self._server is None
            try:
                return self._started(python, task, descriptors)
            except _RefusedError:
                raise
            except OSError as error:
                self._end()
                if is_new or isinstance(error, TimeoutError):  # then it may have been started
                    raise
                return self._started(python, task, descriptors)  # somebody had ended it
            finally:
                self._take_leave()

    def _started(self, python: str, task: Mapping[str, object], descriptors: Sequence[int]) -> int:
        server = self._server = self._server or _Server(python)
        server.ask(task, descriptors)
        number = server.answer()
        if number < 0:
            raise _RefusedError(-number, os.strerror(-number))
        return number

    def leave(self, process: int, *, kill: bool) -> None:
        """Take leave of a process that watched, and that has ended unless it is to be killed. Waits for nobody."""
        if kill:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._left.append(process)
        if self._turn.acquire(blocking=False):
            try:
                self._take_leave()
            finally:
                self._turn.release()

    def _take_leave(self) -> None:
        while self._left:
            process = self._left.popleft()
            if self._server is not None:
                with suppress(OSError):
                    self._server.ask(process)

    def close(self) -> None:
        """The end of the session."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        if self._server is not None:
            self._server.end()
            self._server = None
