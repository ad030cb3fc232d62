"""The session's clock, and by how much the event loop is late."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

__all__ = ["LoopLag", "SessionClock"]


@dataclass(frozen=True, slots=True)
class SessionClock:
    """The machine's clock as it stood when the session began, and from then on what the monotonic clock counts.

    The time of day may be set at any moment (NTP, a virtual machine that was paused, a user): by the differences of
    such times a session would have taken an hour, or less than nothing. Processes of one machine have the monotonic
    clock in common, so that workers go by the clock of their controller; one on another machine has its own.
    """

    epoch_s: float
    monotonic_s: float
    machine: str

    @classmethod
    def start(cls) -> Self:
        """A clock that is right now."""
        return cls(time.time(), time.monotonic(), _machine())

    def here(self) -> SessionClock:
        """The same clock where this process has the monotonic clock in common with it, else one of its own."""
        return self if self.machine == _machine() else SessionClock.start()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.epoch_s + (time.monotonic() - self.monotonic_s)


@cache
def _machine() -> str:
    """Identifies the machine, its boot and its time namespace: who has the same shares one monotonic clock."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/time').readlink()}"
    except OSError:
        return socket.gethostname()


_PERIOD_S = 0.01


class LoopLag:
    """Sees how late a timer of the loop is, while something is watched.

    An answer that arrives while the loop is busy (a slow check, many starts at once), or while this process waits for
    its turn on the processor or for the interpreter's lock, is seen when that is over. The same holds for a timer: by
    what it is late, an answer that is seen then may be late too. Where nothing is late for as long as the timer's
    period, 10 ms, up to that much goes unseen. Otherwise it is an upper estimate: the answer may have arrived at any
    time since. One instance serves one loop; 100 ticks a second cost about 0.1 % of a processor, and none is due while
    nothing is watched.
    """

    def __init__(self, period_s: float = _PERIOD_S) -> None:
        self._period_s = period_s
        self._watched = 0
        self._due = 0.0
        self._late = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Something is in flight until `unwatch`, which has to follow; `seconds` is to be asked before that."""
        if self._watched == 0:
            self._late = 0.0
            self._arm(asyncio.get_running_loop())
        self._watched += 1

    def unwatch(self) -> None:
        """The end of a `watch`."""
        self._watched -= 1
        if self._watched == 0 and self._timer is not None:
            self._timer.cancel()

    def seconds(self) -> float:
        """By how much what is seen now may have been seen late.

        The timer may be due and not yet run, or have run between the arrival and the question.
        """
        overdue = asyncio.get_running_loop().time() - self._due
        late = max(self._late, overdue, 0.0)
        # What made it late may have begun any time since the tick before.
        return late + self._period_s if late >= self._period_s else late

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + self._period_s
        self._timer = loop.call_at(self._due, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._late = max(loop.time() - self._due, 0.0)
        self._arm(loop)
