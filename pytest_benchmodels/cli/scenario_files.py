"""Which files under some paths may hold scenarios."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote

__all__ = ["ends_as_ours", "scenario_files"]

_SUFFIXES = (".yaml", ".yml", ".json", ".jsonl")
_SKIPPED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", "__pycache__")
"""Folders that pytest does not look into either, unless they were named."""


def ends_as_ours(path: Path) -> bool:
    """Whether a file's name is one of those that our formats have."""
    return path.name.endswith(_SUFFIXES)


def scenario_files(paths: Iterable[str], is_one: Callable[[Path], bool] = ends_as_ours) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether it was named itself; in folders those that `is_one` takes.

    Raises `ConfigError` for a path with nothing to check.
    """
    seen: set[Path] = set()
    for text in paths:
        path = Path(text)
        if not path.exists():
            raise ConfigError(
                f"{quote(text, 300)}: there is no such file or folder; name scenario files or folders of them"
            )
        found = list(filter(is_one, _below(path))) if path.is_dir() else [path]
        if not found:
            raise ConfigError(f"{quote(text, 300)}: no file in it ends in {', '.join(_SUFFIXES)}; name another folder")
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file, file == path


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not any(fnmatch(name, pattern) for pattern in _SKIPPED))
        yield from (Path(parent, name) for name in sorted(files))
