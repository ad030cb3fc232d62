"""Which files under some paths may hold scenarios.

`tests/cli/test_cli_rootdir.py` holds it against pytest's own answer.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote

__all__ = ["ends_as_ours", "find_rootdir", "scenario_files"]

_CONFIGURE_ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
_SECTIONS = {"tox.ini": r"^\[pytest\]", "setup.cfg": r"^\[tool:pytest\]"}
_PYPROJECT = "pyproject.toml"


def find_rootdir(paths: Sequence[Path]) -> Path:
    """The rootdir of a session that is given these paths, which exist, and no option that chooses another.

    It is the nearest folder, from the paths' common one upwards, with a configuration of pytest's, else one with a
    `setup.py`, else the common folder of the paths and the current one.
    """
    folders = [path if path.is_dir() else path.parent for path in (Path(os.path.abspath(path)) for path in paths)]  # noqa: PTH100 - as pytest, which follows no link here
    ancestor = _common(folders)
    for found in (_configured(ancestor), _above_with(ancestor, "setup.py"), *map(_configured, folders)):
        if found is not None:
            return found
    shared = _common([Path.cwd(), ancestor])
    return ancestor if shared == Path(shared.anchor) else shared


def _common(folders: Sequence[Path]) -> Path:
    return Path(os.path.commonpath(folders))


def _configured(folder: Path) -> Path | None:
    """The nearest folder with a configuration; a pyproject.toml without pytest's table is one if there is no other."""
    upwards = (folder, *folder.parents)
    return next(filter(_configures, upwards), None) or _above_with(folder, _PYPROJECT)


def _above_with(folder: Path, name: str) -> Path | None:
    return next((parent for parent in (folder, *folder.parents) if (parent / name).is_file()), None)


def _configures(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _CONFIGURE_ALWAYS):
        return True
    if _has_table(_text(folder / _PYPROJECT)):
        return True
    return any(re.search(section, _text(folder / name), re.MULTILINE) for name, section in _SECTIONS.items())


def _has_table(text: str) -> bool:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(tool, dict) and bool(tool.get("pytest"))


def _text(path: Path) -> str:
    """What pytest cannot read either ends its session: here it configures nothing."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""


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
