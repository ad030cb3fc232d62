"""What must not end the process, or end it in silence: signals, closed streams, `os._exit` in a check."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TextIO

import pytest

__all__ = ["gentle_interrupts", "ignored_interrupts", "kept_open", "no_silent_exit"]

_ONE_KEYPRESS_S = 0.5


@contextmanager
def gentle_interrupts(on_first: Callable[[str], object]) -> Iterator[None]:
    """Call `on_first` with the signal's name instead of raising; from the second on raise KeyboardInterrupt.

    A second one within half a second is the same: a terminal sends Ctrl-C to a whole group, and wrappers pass it on.
    Python runs handlers in the main thread only; elsewhere this changes nothing.
    """
    first: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        nonlocal first
        if first is None:
            first = time.monotonic()
            on_first(signal.Signals(number).name)
        elif time.monotonic() - first > _ONE_KEYPRESS_S:
            raise KeyboardInterrupt

    with _handling(handle, signal.SIGINT, signal.SIGTERM):
        yield


@contextmanager
def ignored_interrupts() -> Iterator[None]:
    """A worker ends when its controller says so: a terminal sends Ctrl-C to both."""
    with _handling(signal.SIG_IGN, signal.SIGINT):
        yield


@contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers, *signals: signal.Signals
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(number, signal.signal(number, handler)) for number in signals]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)


def _capturing(config: pytest.Config) -> tuple[TextIO, ...]:
    """What stands for stdout and stderr while pytest captures an item's output; a check may run just then."""
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is None or not manager.is_globally_capturing():
        return ()
    before = sys.stdout
    manager.resume_global_capture()
    streams = sys.stdout, sys.stderr
    if streams[0] is not before:
        manager.suspend_global_capture()
    return streams


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


@contextmanager
def kept_open(config: pytest.Config) -> Iterator[None]:
    """Inside, closing one of the process's streams only writes what it holds, and leaves it open."""
    streams: list[Any] = []
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, *_capturing(config)):
        if stream is not None and not any(stream is kept for kept in streams):
            with suppress(AttributeError):  # a stream that takes no attribute
                stream.close = stream.flush  # type: ignore[method-assign] # see above
                streams.append(stream)
    try:
        yield
    finally:
        for stream in streams:
            with suppress(AttributeError):
                del stream.close
