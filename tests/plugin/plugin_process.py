"""A session in a process of its own, which a test may signal or kill, and everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["LiveSession", "live_session"]

_MARK = "BENCH_TEST_SESSION"
_PATIENCE_S = 300
_NOT_ONE_KEYPRESS_S = 0.7
_LOOKS_S = 0.01


class LiveSession:
    """`pytest --bench -v` while it runs. Its processes are known by a variable of their environment."""

    def __init__(self, folder: Path, arguments: tuple[str, ...]) -> None:
        self._mark = uuid.uuid4().hex
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pytest", "--bench", "-v", *arguments],
            cwd=folder,
            env={**os.environ, _MARK: self._mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._read = ""

    def wait_for(self, words: str, times: int = 1) -> None:
        """Read the session's output until it has said this so often."""
        while self._read.count(words) < times:
            # Not by lines: pytest ends one when the next begins.
            part = os.read(self._output.fileno(), 65_536).decode()
            assert part, f"ended before {words!r} stood there {times} times:\n{self._read}"
            self._read += part

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look until it is so, for as long as the session goes on."""
        while not condition():
            assert self._process.poll() is None, f"it ended before:\n{self.end()[1]}"
            time.sleep(_LOOKS_S)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def press(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to the session and all that it started in its process group."""
        os.killpg(self._process.pid, number)

    def insist(self, number: signal.Signals, words: str) -> None:
        """Send a signal twice, as somebody does for whom the session does not end soon enough.

        The session says `words` when it has seen the first. A second that comes at once would be taken for the same.
        """
        self.send(number)
        self.wait_for(words)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_NOT_ONE_KEYPRESS_S)
        self.send(number)

    def end(self) -> tuple[int, str]:
        """Its exit status and all of its output."""
        rest, _ = self._process.communicate(timeout=_PATIENCE_S)
        return self._process.returncode, self._read + rest.decode()

    def workers(self) -> list[int]:
        """xdist's workers: they run Python code from their standard input."""
        return self.running("exec(eval(sys.stdin.readline()))")

    def running(self, words: str) -> list[int]:
        """The processes that it started and whose command holds these words."""
        return [number for number, command in self._processes() if words in command]

    def is_gone(self) -> bool:
        """Whether each process that it started ends by itself; a server needs a moment to see its parent gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)
        return not any(_outlasts(number) for number, _ in self._processes())

    def kill(self) -> None:
        """End what is left."""
        for number, _ in self._processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._process.communicate()

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _processes(self) -> Iterator[tuple[int, str]]:
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()


@contextmanager
def live_session(folder: Path, *arguments: str) -> Iterator[LiveSession]:
    """Start one; nothing of it outlives the test."""
    session = LiveSession(folder, arguments)
    try:
        yield session
    finally:
        session.kill()


def _outlasts(number: int) -> bool:
    """Whether a process is still there after a long wait for its end."""
    import select

    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(number)
        try:
            return not select.select([descriptor], [], [], _PATIENCE_S)[0]
        finally:
            os.close(descriptor)
    return False
