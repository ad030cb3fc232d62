"""A process that runs a command, and ends all that comes of it: when it is over, when it is told to, when we are gone.

`command_server` forks it, outside of the command's confinement. Whoever had it started holds the other end of two
pipes. When a byte comes through the first, or it is closed by their death, all processes get TERM, and KILL when their
grace is over; the byte `k` ends the grace. Into the second goes a line of JSON when none is left.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from pytest_benchmodels.workspaces.limiter_process import become

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from pytest_benchmodels.workspaces.limiter_process import Spec

    class Task(TypedDict):
        """What is to be run: the command's `words`, with what its first process takes away from itself before: `spec`.

        `grace_s` is how long processes have between TERM and KILL.
        `cgroup` is a folder of cgroup v2 for all of them, empty for none. `is_wrapped`: the first process is that of
        their confinement, with whose end all others end at once; so it gets no TERM.
        """

        words: list[str]
        spec: Spec
        environment: dict[str, str]
        grace_s: float
        cgroup: str
        is_wrapped: bool


__all__ = ["supervise"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PAUSE_S = 0.005
_UNKILLABLE_S = 30.0
"""A process that waits for a broken disk does not even end by KILL: so long it is waited for."""


def supervise(task: Task, control: int, report: int) -> None:
    """Run the command to its end, and say how it ended. The two descriptors are those of the pipes."""
    _adopt_orphans()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    family = _Family(task, control, report)
    was_told = family.wait()
    if was_told:
        family.ask_to_end(task["grace_s"])
    left = family.end()
    told = {"status": None if was_told else family.status, "cpu_s": family.cpu_s(), "left": left}
    try:
        os.write(report, json.dumps(told).encode())
    except OSError:  # nobody is there any more, who would remove it
        if task["cgroup"]:
            with suppress(OSError):
                os.rmdir(task["cgroup"])  # noqa: PTH106 - pathlib takes time to import


def _adopt_orphans() -> None:
    """Become the parent of whatever the command starts and leaves behind, however often it forks."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(what: int, value: int) -> None:
    import ctypes  # noqa: PLC0415 - takes as long as Python itself to start; elsewhere there is no such call

    ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


class _Family:
    """The command's process, and all that came of it."""

    def __init__(self, task: Task, control: int, report: int) -> None:
        self._task = task
        self._control = control
        self.status: int | None = None
        wakes, self._woken = os.pipe()[::-1]
        for end in (wakes, self._woken):
            os.set_blocking(end, False)
        for end in (control, report):
            os.set_inheritable(end, False)  # noqa: FBT003 - no keyword
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._first = os.fork()
        if self._first == 0:
            _become(task)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):  # the command's own ends are the only ones
            os.dup2(null, standard)

    def wait(self) -> bool:
        """Wait for the command; True where we were told to end it."""
        while self.status is None:
            if self._control in self._ready(None):
                return True
            self._reap()
        return False

    def ask_to_end(self, grace_s: float) -> None:
        """TERM to all, once; those that stopped go on to hear it. Return when none is left, or the grace is over."""
        for process in self._members():
            for number in (signal.SIGTERM, signal.SIGCONT):
                with suppress(OSError):
                    os.kill(process, number)
        until = time.monotonic() + grace_s
        said = os.read(self._control, 16)
        while b"k" not in said and self._reap() and (left := until - time.monotonic()) > 0:
            # Once it is closed it would be ready at each look.
            if self._control in self._ready(left, control=bool(said)):
                said = os.read(self._control, 16)

    def end(self) -> int:
        """KILL whatever there is until nothing is. How many could not be ended: none, as a rule."""
        until = time.monotonic() + _UNKILLABLE_S
        while True:
            self._kill()
            if not self._reap():
                return 0
            if time.monotonic() > until:
                return len(self._members(everybody=True))
            self._ready(_PAUSE_S, control=False)

    def _kill(self) -> None:
        if self._task["cgroup"]:
            with suppress(OSError), open(self._task["cgroup"] + "/cgroup.kill", "w") as file:  # noqa: PTH123 - pathlib takes time to import
                file.write("1")
        for process in self._members(everybody=True):
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)

    def cpu_s(self) -> float:
        """Their processor time, in seconds: orphans come to us, so all of them are counted."""
        took = resource.getrusage(resource.RUSAGE_CHILDREN)
        return took.ru_utime + took.ru_stime

    def _members(self, *, everybody: bool = False) -> list[int]:
        """Their numbers, the elder first."""
        found = list(_descendants(os.getpid()))
        return found if everybody or not self._task["is_wrapped"] else [each for each in found if each != self._first]

    def _reap(self) -> bool:
        """Take leave of those that ended. Whether any is left."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if process == 0:
                return True
            if process == self._first:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code  # as shells and bubblewrap have it

    def _ready(self, seconds: float | None, *, control: bool = True) -> list[int]:
        """Wait until something happens, or for so long."""
        watched = [self._woken, self._control] if control else [self._woken]
        ready = select.select(watched, [], [], seconds)[0]
        if self._woken in ready:
            os.read(self._woken, 4096)
        return ready


def _become(task: Task) -> None:
    """Go on as the command."""
    status = 127
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        if sys.platform == "linux":
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if task["cgroup"]:
            with suppress(OSError), open(task["cgroup"] + "/cgroup.procs", "w") as file:  # noqa: PTH123 - pathlib takes time to import
                file.write("0")
        status = become(task["spec"], task["words"], task["environment"])
    except Exception as error:  # noqa: BLE001 - whatever it is, a status alone would tell nobody why
        sys.stderr.write(f"the command cannot be confined: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _descendants(process: int) -> Iterator[int]:
    """All that came of a process and are there still, in whatever session or namespace."""
    waiting = [process]
    while waiting:
        children = _children(waiting.pop())
        waiting += children
        yield from children


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it is gone
        for task in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - names only
            with suppress(OSError), open(f"/proc/{process}/task/{task}/children") as file:  # noqa: PTH123 - see above
                found += map(int, file.read().split())
    return found
