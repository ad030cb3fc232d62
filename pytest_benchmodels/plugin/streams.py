"""Keeps the process's own streams open while checks run, which are code of somebody else's.

A closed `sys.stdout` would end pytest's terminal, and with it the session.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["kept_open"]


@contextmanager
def kept_open() -> Iterator[None]:
    """Inside, to close one of the process's streams writes what it holds, and leaves it open."""
    streams: list[Any] = []
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
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
