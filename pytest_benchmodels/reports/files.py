"""Report files that appear completely, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pytest_benchmodels.core.errors import ConfigError

__all__ = ["check_writable", "is_special", "naming", "replacing"]

_NAME_PART = 40  # characters of up to 4 bytes: a name may have 255 bytes


def check_writable(path: Path, option: str) -> None:
    """Raise `ConfigError` where `path` could not be written now: whatever a session paid for would be without report.

    Missing folders are made. What is there is left as it is; a pipe or a device is not opened, which could block.
    """
    if is_special(path):
        return
    with naming(path, option):
        _, unfinished = _places(path)
        unfinished.open("wb").close()
        unfinished.unlink()


@contextmanager
def replacing(path: Path, option: str) -> Iterator[BinaryIO]:
    """Write `path`: a reader sees the old file until the new one is complete. Missing folders are made.

    Raises `ConfigError`, which names the `option` that asked for the file, if it cannot be written.
    """
    with naming(path, option), _opened(path) as stream:
        yield stream


def is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, such as /dev/stdout, which is written directly."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def naming(path: Path, option: str) -> Iterator[None]:
    """Let an `OSError` become a `ConfigError` that names the file and the `option` that asked for it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"{option} {str(path)!r} cannot be written: {reason}; name a file in a folder where you may write"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if is_special(path):  # to replace it would put a plain file in its place
        with path.open("wb") as stream:
            yield stream
        return
    target, unfinished = _places(path)
    try:
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _places(path: Path) -> tuple[Path, Path]:
    """Where the report goes, and the file to write until it is complete; their folder exists afterwards."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    target.parent.mkdir(parents=True, exist_ok=True)
    return target, target.with_name(f".{target.name[:_NAME_PART]}.{os.getpid()}")
