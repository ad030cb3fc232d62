"""Which process works on a run, and whether it still does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_alive", "this_process"]


def this_process() -> str:
    """A name that no other process has: host, process number and when it began."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_began(pid)}"


def is_alive(process: str) -> bool:
    """Whether the process that called itself so still runs.

    Of another host nothing can be known: a store that came from there was brought here after the work, so no.
    """
    host, _, rest = process.rpartition("/")[0].rpartition("/")
    began = process.rpartition("/")[2]
    return host == socket.gethostname() and rest.isdecimal() and _exists(int(rest)) and _began(int(rest)) == began


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _began(pid: int) -> str:
    """In the kernel's ticks since it started; empty where there is no /proc. Numbers of processes are used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the program's name in parentheses, and may hold anything.
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""
