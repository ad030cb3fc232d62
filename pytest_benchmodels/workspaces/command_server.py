"""A program that forks a process to watch over each command: to start Python for it would take ten times as long.

It runs by `python -I -S`, outside of any confinement, and serves one process of ours at the other end of a socket. A
request is its length, five descriptors and JSON: what is to be run, as `command_process` has it. The answer is the
number of the process that watches, or below zero that of the error (`errno`) why there is none. That number is nobody
else's until its owner takes leave of it by a request that is the number itself. When the socket is closed, which our
death does too, the program ends.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import socket
import struct
import sys
import traceback
from contextlib import suppress

from pytest_benchmodels.workspaces.command_process import supervise

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_benchmodels.workspaces.command_process import Task

__all__ = ["NUMBER", "serve"]

NUMBER = struct.Struct("!q")
"""How lengths and processes are written, on both ends of the socket."""

_DESCRIPTORS = 5
"""Standard input, output and errors of the command; what tells the process that watches to end it; what it tells us."""


def serve(number: int) -> None:
    """Serve the socket that is this descriptor, until its other end is closed."""
    if sys.platform == "linux":
        import ctypes  # noqa: F401, PLC0415 - for those that are forked
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # the collector would write to what all of them share
    connection = socket.socket(fileno=number)
    while (asked := _receive(connection)) is not None:
        task, descriptors = asked
        if isinstance(task, int):
            with suppress(ChildProcessError):
                os.waitpid(task, 0)
            continue
        process = _fork(connection, task, descriptors)
        for each in descriptors:
            os.close(each)
        connection.sendall(NUMBER.pack(process))


def _receive(connection: socket.socket) -> tuple[Any, list[int]] | None:
    """The next request and its descriptors; None where none follows."""
    head, descriptors, _, _ = socket.recv_fds(connection, NUMBER.size, _DESCRIPTORS)
    body = bytearray()
    left = NUMBER.unpack(head)[0] if len(head) == NUMBER.size else 0
    while left and (part := connection.recv(left)):
        body += part
        left -= len(part)
    return None if left or not body else (json.loads(body), descriptors)


def _fork(connection: socket.socket, task: Task, descriptors: list[int]) -> int:
    if len(descriptors) < _DESCRIPTORS:  # the system leaves out those that are beyond our limit
        return -errno.EMFILE
    try:
        process = os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)
    if process:
        return process
    try:
        connection.close()
        os.setsid()
        for standard in range(3):
            os.dup2(descriptors[standard], standard)
            os.close(descriptors[standard])
        supervise(task, *descriptors[3:])
    except BaseException:  # noqa: BLE001 - no other process than this one may go on with the loop
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)
