"""A program that runs an answer's code against tests, in processes that know nothing of each other but their messages.

It runs confined, takes a job as JSON from standard input and writes a verdict as JSON to standard output. The first
process watches; of its two children one runs the code, the other the tests. The code never sees the tests, and has no
descriptor but that of its messages.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable

from pytest_benchmodels.workspaces.code_messages import Link, limit
from pytest_benchmodels.workspaces.code_side import CodeSide
from pytest_benchmodels.workspaces.tests_side import TestsSide, verdict

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

_PR_SET_DUMPABLE = 4


def _forked(work: Callable[[], None], *kept: int) -> int:
    """A child with no descriptors but these, which ends when its work does."""
    child = os.fork()
    if child:
        return child
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        lowest = 3
        for descriptor in sorted(kept):
            os.closerange(lowest, descriptor)
            lowest = descriptor + 1
        os.closerange(lowest, 65_536)
        work()
    finally:
        os._exit(0)


def _protect_memory() -> None:
    """Let no other process of this user read or write this one's memory, nor that of its children."""
    import ctypes  # noqa: PLC0415 - this is all it is for

    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("the process's memory cannot be protected")


def _test_process(channel: socket.socket, job: dict[str, Any], out: int) -> None:
    limit("RLIMIT_CPU", int(job["timeout_s"]) + 2)
    limit("RLIMIT_AS", max(job["memory_mb"], 512) * 1_000_000)
    limit("RLIMIT_NPROC", 1)
    side = TestsSide(Link(channel))
    os.write(out, json.dumps(verdict(side, job)).encode()[:60_000])


def _told(out: int, deadline: float) -> bytes | None:
    """What the tests' process wrote until it ended; None where the time is over."""
    parts = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([out], [], [], left)[0]:
            return None
        part = os.read(out, 65_536)
        if not part:
            return parts
        parts += part


def main() -> None:
    """Take the job, have it done, say what came of it."""
    _protect_memory()
    ours, theirs = socket.socketpair()
    # It begins before the job is read: nothing of the tests is in its memory.
    code = _forked(lambda: CodeSide(Link(theirs)).serve(), theirs.fileno())
    theirs.close()
    job = json.load(sys.stdin)
    deadline = time.monotonic() + job["timeout_s"]
    out, into = os.pipe()
    tests = _forked(lambda: _test_process(ours, job, into), ours.fileno(), into)
    os.close(into)
    told = _told(out, deadline)
    found = _read(told)
    # Where the code ended by itself, its status is about to be there: it tells how.
    statuses = {"tests": _reaped(tests, 0.0), "code": _reaped(code, 0.5 if found.get("ended") else 0.0)}
    sys.stdout.write(json.dumps({"timeout": told is None, "statuses": statuses, **found}))
    sys.stdout.flush()


def _read(told: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(told or b"{}")
    except ValueError:  # it was ended while it wrote
        found = {}
    return found if isinstance(found, dict) else {}


def _reaped(child: int, seconds: float) -> int | None:
    """The exit status of a child that ends within so many seconds; None for one that had to be killed."""
    watched = os.pidfd_open(child)
    ended = bool(select.select([watched], [], [], seconds)[0])
    os.close(watched)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else None
