"""A program that tells what it can do where it runs; see `confinement`."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from collections.abc import Callable

__all__ = ["probe"]


def probe() -> None:
    """Try what a confined process must not be able to do, and write as JSON what worked.

    Its arguments are a file that it must not touch, and the number of a process that it must not see.
    """
    path, number = sys.argv[1], int(sys.argv[2])
    found = {
        "reads": _works(lambda: os.open(path, os.O_RDONLY)),
        "writes": _works(lambda: os.open(path, os.O_WRONLY)),
        "network": any(name != "lo" for _, name in socket.if_nameindex()),
        "signals": _works(lambda: os.kill(number, 0)),
        "forks": _forks(),
    }
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()


def _works(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except OSError:
        return False
    return True


def _forks() -> bool:
    """Whether a limit on processes holds nothing back."""
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True
