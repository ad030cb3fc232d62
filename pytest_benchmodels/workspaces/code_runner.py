"""Runs code of answers, each in a confined process, as many at once as there are processors."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.program import Program, ProgramResult
from pytest_benchmodels.core.text import clip
from pytest_benchmodels.workspaces.confinement import (
    Confinement,
    Limits,
    UnconfinedError,
    find_confinement,
    last_line,
    started,
)

__all__ = ["CodeRunner"]

_GRACE_S = 5.0
"""For so long after its limit a process that watches over code may still tell of it."""

_LOOK_S = 0.02
_OWN_PROCESSES = 4
"""The one that watches, that with the tests, that with the code, and bubblewrap's."""


class CodeRunner:
    """Calling it runs a program. It takes a processor for each program, and further ones wait for one.

    Processes that are given the same folder `shared` share the processors. `python` and `bubblewrap` are those of
    `find_confinement`.
    """

    def __init__(self, shared: Path | None = None, python: str | None = None, *, bubblewrap: bool = True) -> None:
        self._most = _processors()
        self._threads = ThreadPoolExecutor(self._most, "benchmodels-code")
        self._folder = TemporaryDirectory(prefix="benchmodels-code-", ignore_cleanup_errors=True)
        self._shared = shared
        self._python, self._bubblewrap = python, bubblewrap
        self._finding = threading.Lock()

    async def __call__(self, program: Program) -> ProgramResult:
        """Run a program within its limits. Raises `CheckError` where it cannot be confined, or began to no end."""
        stopped = threading.Event()
        running = _Running(stopped)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, program, running)
        except asyncio.CancelledError:
            running.stop()
            raise

    def close(self) -> None:
        """The end: what is running is waited for, within its limits; nothing else begins."""
        self._threads.shutdown(cancel_futures=True)
        self._folder.cleanup()

    @property
    def confinement(self) -> Confinement:
        """How programs are confined. Raises `UnconfinedError`; the first to ask waits until that is known."""
        with self._finding:
            found = self._found
        if isinstance(found, UnconfinedError):
            raise UnconfinedError(str(found))
        return found

    @cached_property
    def _found(self) -> Confinement | UnconfinedError:
        try:
            return find_confinement(self._folder.name, self._python, bubblewrap=self._bubblewrap)
        except UnconfinedError as error:  # kept, too: each program would wait for the same
            return error

    def _run(self, program: Program, running: _Running) -> ProgramResult:
        try:
            confinement = self.confinement
        except UnconfinedError as error:
            raise CheckError(str(error)) from None
        limits = Limits(
            cpu_s=int(program.timeout_s) + 10,
            memory_mb=max(program.memory_mb, 512) + 100,
            processes=program.processes + _OWN_PROCESSES,
        )
        command = confinement.command(started(confinement.python, "code_process", "main"), limits)
        with self._processor(running):
            said = running.run(command, confinement, json.dumps(asdict(program)), program.timeout_s + _GRACE_S)
        return _result(said, program)

    @contextmanager
    def _processor(self, running: _Running) -> Iterator[None]:
        """Hold one of the processors that the processes of a session share; it is free again however we end."""
        if self._shared is None:
            yield
            return
        places = [os.open(self._shared / f"processor-{n}", os.O_RDWR | os.O_CREAT, 0o600) for n in range(self._most)]
        try:
            while not running.is_stopped and not any(map(_locked, places)):
                time.sleep(_LOOK_S)
            yield
        finally:
            for place in places:
                os.close(place)


def _processors() -> int:
    """How many processors this process may use."""
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(len(known), 1)


def _locked(place: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


class _Running:
    """A process that runs a program, and may be stopped from another thread."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """End it now, if it runs; if not, it is not going to."""
        with self._lock:
            self._stopped.set()
            self._kill()

    def run(self, command: list[str], confinement: Confinement, job: str, seconds: float) -> Mapping[str, Any]:
        """What it says, as JSON. Empty where it ended without a word. Raises `CheckError` where it did not begin."""
        with self._lock:
            if self.is_stopped:
                raise CheckError("the run was given up")
            self._process = process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=confinement.environment,
                cwd="/",
                start_new_session=True,
            )
        out, errors = b"", b""
        try:
            out, errors = process.communicate(job.encode(), seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with self._lock:
                self._kill()
                self._process = None
            process.communicate()
        return _read(out, errors)

    def _kill(self) -> None:
        """All that belongs to it ends with it. It was not waited for yet, or has no number any more."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)


def _read(out: bytes, errors: bytes) -> Mapping[str, Any]:
    """What it said of itself. Standard error is that of programs of ours: the code has none."""
    if errors.strip():
        raise CheckError(f"its process broke: {clip(last_line(errors), 500)}")
    try:
        said = json.loads(out)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _result(said: Mapping[str, Any], program: Program) -> ProgramResult:
    if said.get("passed") is True:
        return ProgramResult("passed", "all tests pass")
    if said.get("timeout"):
        return ProgramResult("timeout", f"the tests did not end within {program.timeout_s:g} s")
    if not said:
        return ProgramResult("failed", "the code ended or stopped the processes that tested it")
    if said.get("ended") or "error" not in said:
        return ProgramResult("failed", _ended(said.get("statuses") or {}))
    return ProgramResult("failed", "".join(_told(said, program)))


def _ended(statuses: Mapping[str, Any]) -> str:
    status = statuses.get("code")
    if isinstance(status, int) and status < 0:
        with suppress(ValueError):
            return f"the code's process was ended by {signal.Signals(-status).name}, before the tests had ended"
    how = f" with exit status {status}" if isinstance(status, int) else ""
    return f"the code ended its process{how} or its connection, before the tests had ended"


def _told(said: Mapping[str, Any], program: Program) -> Iterator[str]:
    """`AssertionError in line 2 of the tests: assert add(2, 3) == 5; the last call, (2, 3), gave 6`."""
    yield str(said["error"])
    lines = program.tests.splitlines()
    line = said.get("line")
    if isinstance(line, int) and 0 < line <= len(lines):
        yield f" in line {line} of the tests: {clip(lines[line - 1].strip(), 200)}"
    if said.get("code_line"):
        yield f", raised in line {said['code_line']} of the code"
    if said.get("last_call"):
        yield f"; the last call: {said['last_call']}"
