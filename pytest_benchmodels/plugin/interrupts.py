"""Ctrl-C and SIGTERM: the first lets what is done be reported, the second ends at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["gentle_interrupts", "ignored_interrupts"]

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
