"""How much memory a command and its processes hold together: their resident sizes, added up while they run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Watch"]

_EVERY_S = 0.25
_PAGE_BYTES = 4096
_PROC = Path("/proc")


class Watch:
    """A context manager that looks at a process and its descendants four times a second, as Linux tells of them.

    What processes share, as libraries, counts once for each of them.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, name="memory", daemon=True)
        self.together_mb = 0.0
        """The largest sum so far, in 10**6 bytes; 0 where nothing could be seen."""

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _look_again_and_again(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        pages = sum(map(_resident_pages, _family(self._pid)))
        self.together_mb = max(self.together_mb, pages * _PAGE_BYTES / 1e6)


def _family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        for child in _read(children).split():
            yield from _family(int(child))


def _resident_pages(pid: int) -> int:
    sizes = _read(_PROC / str(pid) / "statm").split()
    return int(sizes[1]) if sizes else 0


def _read(path: Path) -> str:
    """Empty where the process has just ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
