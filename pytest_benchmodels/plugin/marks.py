"""Which items a worker was judging or reporting when it died.

Checks, hooks and fixtures are user code: they may end the process. A byte for each item in a file of the worker's own
tells the controller, which outlives it, who did; 2 us a mark.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

__all__ = ["Marks"]


_LAST_WORDS_LIMIT = 2000


class Marks:
    """A set of item indices that survives its writer. One process marks, another reads."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new, empty file; whoever creates it removes it."""
        return cls(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), str(path))

    @classmethod
    def open(cls, path: str) -> Self:
        """The file that another process created, or one that nobody reads: a worker may be on another machine."""
        try:
            return cls(os.open(path, os.O_RDWR), path)
        except OSError:
            descriptor, own = tempfile.mkstemp(prefix="benchmodels-")
            Path(own).unlink()
            return cls(descriptor, own)

    @contextmanager
    def marked(self, index: int, suspicion: int = 1) -> Iterator[None]:
        """Hold a mark, from 1 to 255 the more suspect; it stays if the process ends inside."""
        os.pwrite(self._descriptor, bytes((suspicion,)), index)
        try:
            yield
        finally:
            os.pwrite(self._descriptor, b"\x00", index)

    def read(self) -> dict[int, int]:
        """The suspicion of each index that is marked now."""
        content = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        return {index: byte for index, byte in enumerate(content) if byte}

    def accuse(self, index: int) -> None:
        """Say in place of the process, which is about to be killed, who is to blame."""
        os.pwrite(self._descriptor, b"\xff", index)

    def leave_word(self, text: str) -> None:
        """Tell why the process is about to end, to whoever reads the marks."""
        with suppress(OSError):
            Path(f"{self.path}.words").write_text(text[:_LAST_WORDS_LIMIT], "utf-8", "backslashreplace")

    def last_words(self) -> str:
        """What the process left when it ended; empty if nothing."""
        with suppress(OSError):
            return Path(f"{self.path}.words").read_text("utf-8", "replace")
        return ""

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
