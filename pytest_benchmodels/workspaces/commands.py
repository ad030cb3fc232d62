"""Runs one command, confined, to the end of all its processes; what it wrote, how it ended."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, CommandResult
from pytest_benchmodels.workspaces.cgroups import ControlGroup, open_control_group
from pytest_benchmodels.workspaces.command_starts import CommandStarts
from pytest_benchmodels.workspaces.confinement import Confinement, Limits
from pytest_benchmodels.workspaces.mounts import Place

if TYPE_CHECKING:
    from pytest_benchmodels.workspaces.limiter_process import Spec

__all__ = ["GRACE_S", "Running", "confined"]

GRACE_S = 0.7
"""How long processes have between TERM and KILL: on a busy machine all are to be gone within 2 s of their limit."""

_PIECE = 1 << 16
_PATIENCE_S = 10.0
"""For so long after the grace the process that ends them may still say that it did."""

_MARK = "BENCHMODELS_COMMAND"
"""In the environment of all that comes of a command, unless it takes that away."""

_OPEN_FILES = 8_192


def confined(way: Confinement, command: Command, place: Place) -> tuple[Spec, list[str]]:
    """See `Confinement.steps`. Raises `WorkspaceError` for files that are not there."""
    for path in (*command.readable, *command.writable):
        if not path.startswith("/") or not os.path.lexists(path):
            raise WorkspaceError(f"a command is to use {path}, which is not there: name an absolute path that is")
    words = ["/bin/sh", "-c", command.words] if isinstance(command.words, str) else list(command.words)
    if not words or any("\0" in word for word in words):
        raise WorkspaceError("a command needs a program, and none of its words may hold a NUL character")
    limits = Limits(
        cpu_s=None,
        memory_mb=command.memory_mb,
        processes=command.processes,
        file_mb=command.file_mb,
        open_files=_OPEN_FILES,
        counts_reserved=False,
    )
    return way.steps(words, limits, (), place)


class _End:
    """The end of a stream: the last so many bytes of what came."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self.is_cut = False

    def add(self, piece: bytes) -> None:
        self._kept += piece
        if len(self._kept) > 2 * self._most:
            self._cut()

    def _cut(self) -> None:
        if len(self._kept) > self._most:
            self.is_cut = True
            del self._kept[: len(self._kept) - self._most]

    def text(self) -> str:
        """It as text. What was cut begins with a whole line where there is one: half a key would not be hidden."""
        self._cut()
        kept = bytes(self._kept)
        if self.is_cut:
            first, line_end, rest = kept.partition(b"\n")
            # A character takes four bytes at most; those in its middle begin with the bits 10.
            kept = rest if line_end and len(first) < len(kept) // 2 else kept.lstrip(bytes(range(0x80, 0xC0)))
        return kept.decode("utf-8", "replace")


@dataclass(slots=True, eq=False)
class Running:
    """One command at work. `run` is called once, on an event loop; `written` can be read at any time.

    `steps`: see `Confinement`. `python` runs the program that starts it; `user` is who owns its streams where it is not
    us.
    """

    starts: CommandStarts
    steps: tuple[Spec, list[str]]
    command: Command
    environment: dict[str, str]
    python: str
    is_wrapped: bool
    user: int = 0
    throttled_s: float = 0.0
    left: int = 0
    _out: _End = field(init=False)
    _errors: _End = field(init=False)
    _process: int = 0
    _control: int = -1
    _is_stopped: bool = False
    _mark: str = field(default_factory=lambda: secrets.token_hex(16))
    _report: bytes = b""
    _start: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self._out, self._errors = _End(self.command.output_bytes), _End(self.command.output_bytes)

    def stop(self) -> None:
        """Have it ended as if its time were over: `run` returns soon."""
        self._is_stopped = True
        self._tell(b"t")

    async def run(self) -> CommandResult:
        """Run it; return, or be cancelled, when nothing of it is left. Raises `WorkspaceError`."""
        group = open_control_group(self.command.memory_mb, self.command.processes)
        try:
            with tempfile.TemporaryFile() as stdin:
                _fill(stdin, self.command.stdin, self.user)
                return await self._supervised(stdin, group)
        except (OSError, ValueError) as error:  # a name of the environment that is none, say
            raise WorkspaceError(f"a command cannot be started: {getattr(error, 'strerror', None) or error}") from None
        finally:
            if group is not None:
                group.close()

    async def _supervised(self, stdin: IO[bytes], group: ControlGroup | None) -> CommandResult:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        # In a thread: on a busy machine a process takes its time to begin.
        spawning = asyncio.ensure_future(asyncio.to_thread(self._spawn, stdin, group))
        is_cancelled = False
        while not spawning.done():
            try:
                await asyncio.wait((spawning,))
            except asyncio.CancelledError:
                is_cancelled = True
        ends = spawning.result()
        if self._is_stopped:
            self.stop()
        readers = dict(zip(ends, (self._out.add, self._errors.add, self._say), strict=True))
        for end, add in readers.items():
            loop.add_reader(end, partial(self._read, end, add, over if end == ends[2] else None))
        try:
            if is_cancelled:
                self._tell(b"k")
                await self._end(over)
                raise asyncio.CancelledError
            in_time = await self._wait(over)
        finally:
            for end, add in readers.items():
                loop.remove_reader(end)
                # All who could write are gone: what they left in the pipe is all there is.
                while not self._read(end, add, None):
                    pass
                os.close(end)
            os.close(self._control)
            self._control = -1
            self._leave()
            if not self._report:
                await asyncio.to_thread(self._sweep, group)
        return self._result(group, in_time=in_time)

    def _spawn(self, stdin: IO[bytes], group: ControlGroup | None) -> tuple[int, int, int]:
        """Start it; the ends of its three pipes that are ours: output, errors, report."""
        for name, value in self.environment.items():
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"a variable of its environment is called {name!r}, or holds a NUL character")
        (out, their_out), (errors, their_errors), (report, their_report), (control, self._control) = _pipes(4)
        theirs = (stdin.fileno(), their_out, their_errors, control, their_report)
        spec, words = self.steps
        task = {
            "spec": spec,
            "words": words,
            "environment": {**self.environment, _MARK: self._mark},
            "grace_s": GRACE_S,
            "cgroup": "" if group is None else str(group.folder),
            "is_wrapped": self.is_wrapped,
        }
        for end in (out, errors, report):
            os.set_blocking(end, False)
        self._start = time.perf_counter()
        try:
            if self.user:  # else it could not open /dev/stdout
                os.fchown(their_out, self.user, self.user)
                os.fchown(their_errors, self.user, self.user)
            self._process = self.starts.start(self.python, task, theirs)
        except (OSError, ValueError):
            for end in (out, errors, report, self._control):
                os.close(end)
            raise
        finally:
            for end in theirs[1:]:
                os.close(end)
        return out, errors, report

    def _say(self, piece: bytes) -> None:
        self._report += piece

    def _read(self, end: int, add: Callable[[bytes], None], over: asyncio.Future[None] | None) -> bool:
        """Take what is in a pipe. True where nothing more is to come by now."""
        try:
            piece = os.read(end, _PIECE)
        except OSError:  # nothing yet
            return True
        if piece:
            add(piece)
            return False
        asyncio.get_running_loop().remove_reader(end)
        if over is not None and not over.done():
            over.set_result(None)
        return True

    async def _wait(self, over: asyncio.Future[None]) -> bool:
        """Wait for its end. False where its time was over, and it was ended."""
        try:
            await asyncio.wait((over,), timeout=self.command.timeout_s)
            in_time = over.done()
            if not in_time:
                await self._end(over)
        except asyncio.CancelledError:
            await self._end(over)
            raise
        return in_time

    async def _end(self, over: asyncio.Future[None]) -> None:
        """Have all of it ended. To be cancelled meanwhile shortens the grace, and is no reason to leave anything."""
        self._tell(b"t")
        loop = asyncio.get_running_loop()
        until = loop.time() + GRACE_S + _PATIENCE_S
        is_cancelled = False
        while not over.done() and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait((over,), timeout=left)
            except asyncio.CancelledError:
                is_cancelled = True
                self._tell(b"k")
        if is_cancelled:
            raise asyncio.CancelledError

    def _tell(self, word: bytes) -> None:
        with suppress(OSError):  # it is gone already
            os.write(self._control, word)
        if self._process:
            with suppress(OSError):
                os.kill(self._process, signal.SIGCONT)  # unconfined, somebody may have stopped it

    def _leave(self) -> None:
        """Take leave of the process that watched; where it said nothing at all, it hangs or was ended."""
        process, self._process = self._process, 0
        if process:
            self.starts.leave(process, kill=not self._report)

    def _sweep(self, group: ControlGroup | None) -> None:
        """End all of it without the process that watched: whoever ended that is no friend, and was not confined."""
        if group is not None:
            group.kill()
        until = time.monotonic() + _PATIENCE_S
        while (left := list(_marked(self._mark))) and time.monotonic() < until:
            for process in left:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)

    def _result(self, group: ControlGroup | None, *, in_time: bool) -> CommandResult:
        try:
            report = json.loads(self._report)
        except ValueError:
            raise WorkspaceError(
                "the process that watched over a command was ended, by the command or by you"
            ) from None
        self.left = int(report["left"])
        cpu_s = report["cpu_s"] if group is None else (group.cpu_s() or report["cpu_s"])
        if group is not None:
            self.throttled_s = group.throttled_s()
        return CommandResult(
            status=report["status"] if in_time else None,
            output=self._out.text(),
            errors=self._errors.text(),
            duration_s=time.perf_counter() - self._start,
            cpu_s=cpu_s,
            is_cut=self._out.is_cut or self._errors.is_cut,
            limit_s=self.command.timeout_s,
        )

    def written(self) -> str:
        """The end of what it has written so far: errors after output."""
        return self._out.text() + self._errors.text()


def _pipes(number: int) -> list[tuple[int, int]]:
    """So many pipes, or none: where descriptors are short, one that stayed open would be missed for good."""
    made: list[tuple[int, int]] = []
    try:
        made.extend(os.pipe() for _ in range(number))
    except OSError:
        for end in chain.from_iterable(made):
            os.close(end)
        raise
    return made


def _marked(mark: str) -> Iterator[int]:
    """The processes of this user that have a mark in their environment."""
    wanted = f"{_MARK}={mark}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError), open(f"/proc/{entry.name}/environ", "rb") as file:  # noqa: PTH123 - of thousands
                if wanted in file.read():
                    yield int(entry.name)


def _fill(stdin: IO[bytes], text: str, user: int) -> None:
    """A file in place of a pipe: who does not read it holds nobody up."""
    stdin.write(text.encode("utf-8", "replace"))
    stdin.flush()
    stdin.seek(0)
    if user:
        os.fchown(stdin.fileno(), user, user)
