"""Texts put aside one after another: many of them take no memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

__all__ = ["Spool"]

_BUFFERED_BYTES = 1_000_000
_LENGTH_BYTES = 8


class Spool:
    """A megabyte stays in memory, the rest goes to a file without a name: whatever happens, nothing of it is left.

    Where that file cannot be made or written, all of the rest stays in memory.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._is_usable = True
        self._written = 0
        self._buffer = bytearray()

    def append(self, text: str) -> None:
        """Put a text aside; it holds no lone surrogates."""
        data = text.encode()
        self._buffer += len(data).to_bytes(_LENGTH_BYTES)
        self._buffer += data
        if len(self._buffer) > _BUFFERED_BYTES and self._is_usable:
            self._spill()

    def __iter__(self) -> Iterator[str]:
        """All texts in their order. No other may be put aside meanwhile."""
        if self._file is not None:
            self._file.seek(0)
            while self._file.tell() < self._written:
                length = int.from_bytes(self._file.read(_LENGTH_BYTES))
                yield self._file.read(length).decode()
        start = 0
        while start < len(self._buffer):
            first = start + _LENGTH_BYTES
            start = first + int.from_bytes(self._buffer[start:first])
            yield self._buffer[first:start].decode()

    def _spill(self) -> None:
        try:
            if self._file is None:
                # Without a buffer of its own, which would try again and again to write what could not be written.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the spool lives
            self._file.seek(self._written)
            self._is_usable = self._file.write(self._buffer) == len(self._buffer)
        except OSError:
            self._is_usable = False
        if self._is_usable:
            self._written += len(self._buffer)
            self._buffer.clear()

    def close(self) -> None:
        """Let all of it go."""
        self._buffer.clear()
        self._written = 0
        if self._file is not None:
            self._file.close()
            self._file = None
