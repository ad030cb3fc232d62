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
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    pid = int(rest)
    return _exists(pid) and _began(pid) == began and not _is_zombie(pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_zombie(pid: int) -> bool:
    """A killed process stays one where nobody waits for it, as in many containers."""
    return _stat(pid)[:1] in (["Z"], ["X"])


def _began(pid: int) -> str:
    """In the kernel's ticks since it started; empty where there is no /proc. Numbers of processes are used again."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """The kernel's account of a process, from its state on; empty where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The second field is the program's name in parentheses, and may hold anything.
    return stat.rpartition(")")[2].split()
