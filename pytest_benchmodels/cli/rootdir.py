"""Where pytest would find its rootdir: the command imports no pytest.

`tests/cli/test_cli_rootdir.py` holds it against pytest's own answer.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

__all__ = ["find_rootdir"]

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
