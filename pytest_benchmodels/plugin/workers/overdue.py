"""Checks that hold the interpreter or end the process: which items they belong to, and what ends them."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.graders.registry import BUILTIN

__all__ = [
    "GRACE_S",
    "Marks",
    "Overdue",
    "OverdueRecords",
    "Watchdog",
    "looked_after",
    "may_hold",
    "overdue_in",
    "records_path",
]

_LAST_WORDS_LIMIT = 2000


class Marks:
    """A set of item indices that survives its writer. One process marks, another reads."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new, empty file; whoever creates it removes it."""
        return cls(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), str(path))

    @classmethod
    def open(cls, path: str) -> Self:
        """The file that another process created, or one that nobody reads: a worker may be on another machine."""
        try:
            return cls(os.open(path, os.O_RDWR), path)
        except OSError:
            descriptor, own = tempfile.mkstemp(prefix="benchmodels-")
            Path(own).unlink()
            return cls(descriptor, own)

    @contextmanager
    def marked(self, index: int, suspicion: int = 1) -> Iterator[None]:
        """Hold a mark, from 1 to 255 the more suspect; it stays if the process ends inside."""
        os.pwrite(self._descriptor, bytes((suspicion,)), index)
        try:
            yield
        finally:
            os.pwrite(self._descriptor, b"\x00", index)

    def read(self) -> dict[int, int]:
        """The suspicion of each index that is marked now."""
        content = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        return {index: byte for index, byte in enumerate(content) if byte}

    def accuse(self, index: int) -> None:
        """Name the item that is to blame, in place of the process, which is about to be killed."""
        os.pwrite(self._descriptor, b"\xff", index)

    def leave_word(self, text: str) -> None:
        """Tell why the process is about to end, to whoever reads the marks."""
        with suppress(OSError):
            Path(f"{self.path}.words").write_text(text[:_LAST_WORDS_LIMIT], "utf-8", "backslashreplace")

    def last_words(self) -> str:
        """What the process left when it ended; empty if nothing."""
        with suppress(OSError):
            return Path(f"{self.path}.words").read_text("utf-8", "replace")
        return ""

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


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
    def judging(self, run: Run, index: int = 0) -> Iterator[Callable[[], None]]:
        """Hold a record while this run is judged, for its limit from now on; none where its checks are all known.

        Gives what begins the record anew: what waits for another model holds nobody.
        """
        if not may_hold(run):
            yield _nothing
            return
        slot = self._free.pop() if self._free else self._slots
        self._slots = max(self._slots, slot + 1)
        text = _text_of(run).encode("utf-8", "backslashreplace")[:462]
        place = _HEADER.size + slot * RECORD.size

        def begin() -> None:
            now = time.monotonic()
            os.pwrite(self._descriptor, RECORD.pack(index, now, now + (run.timeout_s or 0), len(text), text), place)

        begin()
        try:
            yield begin
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


def _nothing() -> None:
    """There is no record."""


def _text_of(run: Run) -> str:
    foreign = [repr(check.label) for check in run.scenario.all_checks if _is_foreign(check)]
    noun = "check" if len(foreign) == 1 else "one of the checks"
    suspects = [f"{noun} {', '.join(foreign)}"] if foreign else []
    suspects += ["the code of its model"] if run.model.code else []
    return plain(f"{run.nodeid}: {' or '.join(suspects)} holds the interpreter, {run.timeout_s} s and more")


_EVERY_S = 1.0


class Watchdog:
    """Looks once a second for workers that judge for longer than they may, and kills them.

    `marks` are those of the workers, by their names; they may become more. A worker on another machine has no file
    here, and is not looked after.
    """

    def __init__(self, marks: Mapping[str, Marks]) -> None:
        self._marks = marks
        self._seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="benchmodels-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look at each worker once."""
        for name, marks in list(self._marks.items()):
            self._look_at(name, marks)

    def _look_at(self, name: str, marks: Marks) -> None:
        """Kill the worker if it is late twice in a row. Once may mean that both were stopped, as with the machine."""
        worker, overdue = overdue_in(Path(records_path(marks.path)))
        if not overdue or not worker:
            self._seen[name] = 0
            return
        self._seen[name] += 1
        if self._seen[name] == 2:
            marks.accuse(overdue[0].item_index)
            marks.leave_word(f"killed, for {overdue[0].text}")
            with suppress(OSError):
                os.kill(worker, signal.SIGKILL)


_PROGRAM = """
import os, select, signal, struct, sys, time
path, form, grace, parent, advice = sys.argv[1:]
record, seen = struct.Struct(form), 0
while not select.select([0], [], [], 1)[0]:
    with open(path, "rb") as file:
        content = file.read()
    now = time.monotonic()
    found = [record.unpack_from(content, at) for at in range(8, len(content) - record.size + 1, record.size)]
    late = [one for one in found if one[3] and one[2] + float(grace) < now]
    seen = seen + 1 if late else 0  # twice: this process may have been stopped together with the other
    if seen > 1:
        last = max(late, key=lambda one: one[1])
        text = last[4][:last[3]].decode("utf-8", "replace")
        os.write(2, f"\\n!!! {text}. Nothing else can run, so the session is killed. {advice}\\n".encode())
        os.kill(int(parent), signal.SIGKILL)
        break
"""


@contextmanager
def looked_after(advice: str) -> Iterator[Callable[[Run], AbstractContextManager[Callable[[], None]]]]:
    """Start the helper, and give what is to be entered around the judging of each run. `advice` ends its message."""
    with tempfile.TemporaryDirectory(prefix="benchmodels-") as folder:
        path = str(Path(folder) / "judging")
        records = OverdueRecords(path)
        arguments = [path, RECORD.format, str(GRACE_S), str(os.getpid()), advice]
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, *arguments]
        # In a group of its own: a Ctrl-C of the terminal's is the session's, and the helper would die of it aloud.
        with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as helper:  # noqa: S603 - our own program
            try:
                yield records.judging
            finally:
                if helper.stdin is not None:
                    helper.stdin.close()
                helper.wait()
                records.close()
