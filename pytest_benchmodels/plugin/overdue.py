"""What is being judged for longer than it may, told to another process.

Code in C that never returns (a pattern of `re` that backtracks) holds the interpreter: no other thread runs, so that no
time limit, no signal handler and no watchdog of its own process can end it.

So another process looks: the controller after its workers, a helper after the one process. What is being judged, and
until when, stands in a file that both map out by the same records. A record whose time is over by the grace means that
the event loop, which would have ended the run, does not run any more.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.graders.registering import BUILTIN

__all__ = ["GRACE_S", "Overdue", "OverdueRecords", "may_hold", "overdue_in", "records_path"]

GRACE_S: Final = 5.0
"""For so long after its limit a run's end may come late: a busy machine, a process that was stopped."""
RECORD: Final = struct.Struct("<qddH462s")
_HEADER: Final = struct.Struct("<q")


def records_path(marks_path: str) -> str:
    """Where a worker's records are: beside its marks."""
    return f"{marks_path}.judging"


def may_hold(run: Run) -> bool:
    """Whether its model or a check is code that we do not know, and there is a limit to hold it to."""
    is_foreign = bool(run.model.code) or any(_is_foreign(check) for check in run.scenario.all_checks)
    return run.timeout_s is not None and is_foreign


def _is_foreign(check: Check) -> bool:
    return BUILTIN.get(check.kind) is not type(check.grader)


class Overdue(NamedTuple):
    """A run that is being judged for longer than it may: its item's index, since when, and what to say of it."""

    item_index: int
    since: float
    text: str


class OverdueRecords:
    """What this process is judging. One process writes, another reads."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._free: list[int] = []
        self._slots = 0
        os.pwrite(self._descriptor, _HEADER.pack(os.getpid()), 0)

    @contextmanager
    def judging(self, run: Run, index: int = 0) -> Iterator[None]:
        """Hold a record while this run is judged, for its limit from now on; none where its checks are all known."""
        if not may_hold(run):
            yield
            return
        slot = self._free.pop() if self._free else self._slots
        self._slots = max(self._slots, slot + 1)
        now = time.monotonic()
        text = _text_of(run).encode("utf-8", "backslashreplace")[:462]
        record = RECORD.pack(index, now, now + (run.timeout_s or 0), len(text), text)
        place = _HEADER.size + slot * RECORD.size
        os.pwrite(self._descriptor, record, place)
        try:
            yield
        finally:
            os.pwrite(self._descriptor, bytes(RECORD.size), place)
            self._free.append(slot)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def overdue_in(path: Path) -> tuple[int, list[Overdue]]:
    """The process that writes this file, and what it should have ended by now, the last that began first."""
    try:
        content = path.read_bytes()
    except OSError:
        return 0, []
    if len(content) < _HEADER.size:
        return 0, []
    now, found = time.monotonic(), []
    for place in range(_HEADER.size, len(content) - RECORD.size + 1, RECORD.size):
        index, since, until, length, text = RECORD.unpack_from(content, place)
        if length and until + GRACE_S < now:
            found.append(Overdue(index, since, text[:length].decode("utf-8", "replace")))
    return _HEADER.unpack_from(content)[0], sorted(found, key=lambda one: -one.since)


def _text_of(run: Run) -> str:
    foreign = [repr(check.label) for check in run.scenario.all_checks if _is_foreign(check)]
    noun = "check" if len(foreign) == 1 else "one of the checks"
    suspects = [f"{noun} {', '.join(foreign)}"] if foreign else []
    suspects += ["the code of its model"] if run.model.code else []
    return plain(f"{run.nodeid}: {' or '.join(suspects)} holds the interpreter, {run.timeout_s} s and more")
