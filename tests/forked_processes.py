"""`subprocess.Popen` for what tests start by the hundred: Python processes that a server forks.

A boot of Python, pytest and all that we import takes 0.4 s of a processor, a fork 10 ms. The process is a real one all
the same: its own number, memory and descriptors, ended by signals, crashes and `os._exit`.
"""

from __future__ import annotations

import inspect
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.fork_server import END, NUMBER, Request, receive_all, send_request

__all__ = ["ForkServer", "ForkingPopen", "fork_from", "forking", "nothing_forked"]

_REAL: Final = subprocess.Popen
_EXECUTE: Final = inspect.signature(_REAL._execute_child)  # type: ignore[attr-defined]
# xdist's workers, the simulated provider, and sessions and commands as pytester starts them: who wants a process that
# has the command's own name and nothing imported writes `-m pytest`.
_FORKED: Final[tuple[tuple[str, ...], ...]] = (
    ("-u", "-c", "import sys;exec(eval(sys.stdin.readline()))"),
    ("-P", "-S", "-s", "-m", "pytest_benchmodels.providers.sim"),
    ("-mpytest",),
    ("-u", "-mpytest"),
    ("-mpytest_benchmodels.cli",),
)
# What the interpreter and its C library read only when they start.
_READ_AT_START: Final = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
_WHEN_THE_SERVER_DIED: Final = 0xFF << 8


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_READ_AT_START) and name != "PYTHONPATH"}


class ForkServer:
    """Where to ask for processes. `start` is called before the first time."""

    def __init__(self, address: str, start: Callable[[], None] | None = None) -> None:
        self._address = address
        self._start = start
        self._lock = threading.Lock()
        self._at_start = _at_start(os.environ)

    def can_fork(self, given: Mapping[str, Any]) -> bool:
        """Whether a fork is as good as the process that is asked for by these arguments of `_execute_child`."""
        words = _words(given)
        plain = all(given[name] is None for name in ("preexec_fn", "gid", "gids", "uid"))
        known = words[:1] == [sys.executable] and any(tuple(words[1 : 1 + len(one)]) == one for one in _FORKED)
        environ = os.environ if given["env"] is None else given["env"]
        return known and plain and not given["shell"] and _at_start(environ) == self._at_start

    def fork(self, given: Mapping[str, Any]) -> tuple[int, socket.socket]:
        """The new process, and the connection on which its end will be told."""
        ends = [given[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        standard = [number if end == -1 else end for number, end in enumerate(ends)]
        request = Request(
            _words(given)[1:],
            os.fspath(given["cwd"] or os.getcwd()),  # noqa: PTH109 - what subprocess has
            dict(os.environ if given["env"] is None else given["env"]),
            [0, 1, 2, *given["pass_fds"]],
            bool(given["start_new_session"]),
            given["process_group"],
        )
        with self._lock:
            if self._start is not None:
                self._start()
                self._start = None
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        send_request(connection, request, [*standard, *given["pass_fds"]])
        return NUMBER.unpack(receive_all(connection, NUMBER.size))[0], connection


class ForkingPopen(subprocess.Popen[Any]):
    """Has a server fork what it can; starts all else as ever.

    `used` is what a fork used until its end: CPU seconds, and the peak of its memory in KiB.
    """

    server: ForkServer | None = None
    used: tuple[float, int] | None = None
    _end: socket.socket | None = None

    @property
    def is_fork(self) -> bool:
        """Whether the server is its parent."""
        return self._end is not None

    def _execute_child(self, *values: Any) -> None:
        given = _EXECUTE.bind(self, *values).arguments
        if self.server is None or not self.server.can_fork(given):
            super()._execute_child(*values)  # type: ignore[misc] # typeshed does not know it
            return
        try:
            self.pid, self._end = self.server.fork(given)
            self._child_created = True
        finally:
            pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            self._close_pipe_fds(*(given[name] for name in pipes))  # type: ignore[attr-defined]

    def _internal_poll(self, *values: Any, **named: Any) -> int | None:
        if self._end is None:
            polled: int | None = super()._internal_poll(*values, **named)  # type: ignore[misc] # as above
            return polled
        lock: threading.Lock = self._waitpid_lock  # type: ignore[attr-defined]
        if self.returncode is None and lock.acquire(blocking=False):
            try:
                if self.returncode is None:
                    self._note(*self._try_wait(os.WNOHANG))
            finally:
                lock.release()
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        """As `os.waitpid`: 0 for the process while it runs."""
        if self._end is None:
            return super()._try_wait(flags)  # type: ignore[misc, no-any-return] # as above
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        if not poll.poll(0 if flags & os.WNOHANG else None):
            return 0, 0
        told = receive_all(self._end, END.size)
        self._end.close()
        if not told:
            return self.pid, _WHEN_THE_SERVER_DIED
        status, *used = END.unpack(told)
        self.used = used[0], used[1]
        return self.pid, status

    def _note(self, process: int, status: int) -> None:
        if process == self.pid:
            self._handle_exitstatus(status)  # type: ignore[attr-defined]


def _words(given: Mapping[str, Any]) -> list[str]:
    arguments: str | Sequence[Any] = given["args"]
    return [] if isinstance(arguments, str | bytes | os.PathLike) else list(map(os.fspath, arguments))


@contextmanager
def forking(*modules: str) -> Iterator[None]:
    """Let whoever uses `subprocess` in this process have forks of a server of its own, which imports these too."""
    with ExitStack() as stack:
        address = str(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forks-"))) / "socket")
        stack.callback(fork_from, ForkingPopen.server)
        fork_from(ForkServer(address, partial(_start, address, modules, stack)))
        yield


def fork_from(server: ForkServer | None) -> None:
    """Take forks from this server from now on; None for none at all."""
    ForkingPopen.server = server
    subprocess.Popen = _REAL if server is None else ForkingPopen  # type: ignore[misc]


@contextmanager
def nothing_forked() -> Iterator[None]:
    """For what a fork is no test of: what a new interpreter imports, or how it starts."""
    server, ForkingPopen.server = ForkingPopen.server, None
    try:
        yield
    finally:
        ForkingPopen.server = server


def _start(address: str, modules: Sequence[str], stack: ExitStack) -> None:
    """Start a server that is ready to fork; it ends with the stack, or with this process."""
    root = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r}); from tests.fork_server import main; main(*sys.argv[1:])"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    command = [sys.executable, "-P", "-c", code, address, *modules]
    process = stack.enter_context(_REAL(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ))
    stack.callback(process.communicate)
    assert process.stdout is not None
    assert b"ready\n" in iter(process.stdout.readline, b""), "the fork server did not start"
