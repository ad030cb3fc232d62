"""Paths that a user typed: looked at before anything runs, or is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_benchmodels.core.text import quote

__all__ = ["checked_path", "refuse_same_file"]

_SHOWN = 120


def checked_path(option: str, name: str, folder: Path) -> Path:
    """The path that an option names, from `folder` on; there may be nothing there yet.

    Raises `pytest.UsageError` for what no file can be called, and for what cannot even be looked at.
    """
    if not name:
        raise pytest.UsageError(f"{option} names no file: give a path")
    path = folder / name
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError) as error:  # a name that is too long, links in a circle, a folder that lets nobody in
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise pytest.UsageError(f"{option} {quote(name, _SHOWN)}: {reason}; give another path") from None
    return path


def refuse_same_file(paths: Mapping[str, Path | None]) -> None:
    """Raise `pytest.UsageError` where two of these are one file: one would replace the other."""
    seen: dict[Path, str] = {}
    for what, path in paths.items():
        if path is None or (path.exists() and not path.is_file()):  # a terminal may well take several
            continue
        other = seen.setdefault(path.resolve(), what)
        if other != what:
            raise pytest.UsageError(f"{what} and {other} are one file, {quote(str(path), _SHOWN)}: name another one")
