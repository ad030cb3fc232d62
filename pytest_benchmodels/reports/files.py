"""A report file that is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pytest_benchmodels.core.errors import ConfigError

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path, option: str) -> Iterator[BinaryIO]:
    """Write `path`: a reader sees the old file until the new one is complete. Missing folders are made.

    Raises `ConfigError`, which names the `option` that asked for the file, if it cannot be written.
    """
    try:
        with _opened(path) as stream:
            yield stream
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"{option} {str(path)!r} cannot be written: {reason}; name a file in a folder where you may write"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file() and not path.is_dir():
        # A pipe or a device (/dev/stdout) is written to; replacing it would put a plain file in its place.
        with path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
