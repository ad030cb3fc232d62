"""A session's clock: it tells the time of day, and is not set while the session runs."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

__all__ = ["SessionClock"]


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
    """What tells from another machine, from the same before it booted, and from a namespace with a time of its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/time').readlink()}"
    except OSError:
        return socket.gethostname()
