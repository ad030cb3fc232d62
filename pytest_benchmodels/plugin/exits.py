"""Keeps a session in one process from ending as a success by the hand of a check.

`os._exit` leaves no time for a summary, and its status is the session's: a check, a hook or a library that calls it
with 0 would have a session pass whose runs are missing. A worker that does so is known to have died.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

__all__ = ["no_silent_exit"]

_REMEDY = "a check, a hook or a library of theirs did it; with -n 2 it would cost its own run alone"


@contextmanager
def no_silent_exit(missing: Callable[[], int]) -> Iterator[None]:
    """Inside, `os._exit` says so, and how many runs have no result; its status is never 0. Forked processes may go."""
    pid, leave = os.getpid(), os._exit

    def told(status: int) -> NoReturn:
        if os.getpid() == pid:
            left = missing()
            what = f"{left} run{'' if left == 1 else 's'} without a result" if left else "before the session's end"
            with suppress(OSError):
                os.write(2, f"\n!!! os._exit({status}) was called in this process: {what}; {_REMEDY}\n".encode())
            status = status or 1
        leave(status)

    os._exit = told
    try:
        yield
    finally:
        os._exit = leave
