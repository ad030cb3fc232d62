"""What of the user's own programs a command sees: the folders of the PATH, and what the programs there are made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

__all__ = ["program_path", "visible_programs"]

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
_STANDARD = "/usr/local/bin:/usr/bin:/bin"

_PARTS = ("lib", "lib64", "libexec", "pyvenv.cfg")
"""Beside a folder `bin`: what its programs load. Nothing that only belongs to a user is kept there."""

_PRIVATE = (".ssh", ".aws", ".config", ".gnupg", ".kube", ".docker", ".netrc", ".azure", ".password-store", ".mozilla")
"""In a home: never shown, not even where the PATH leads there."""

_MOST_ENTRIES = 5_000


def program_path(visible: tuple[str, ...] | None = None) -> str:
    """The PATH of commands: the absolute folders of the session's own that they can see."""
    return _path_within(os.environ.get("PATH", ""), visible_programs() if visible is None else visible)


@lru_cache(maxsize=8)
def _path_within(_: str, visible: tuple[str, ...]) -> str:
    """See `program_path`, for a PATH: commands start by the thousand."""
    seen = (*_SYSTEM, *visible)
    kept = [folder for folder in _folders() if any(Path(folder).is_relative_to(each) for each in seen)]
    return ":".join(dict.fromkeys((*kept, *_STANDARD.split(":"))))


@cache
def visible_programs() -> tuple[str, ...]:
    """Files and folders outside of the system's own that have to be readable for the programs of the PATH to run."""
    found: dict[str, None] = {}
    for folder in (*_folders(), str(Path(sys.executable).parent)):
        _add(Path(folder), found)
    return tuple(found)


def _folders() -> list[str]:
    return [each for each in os.environ.get("PATH", "").split(":") if each.startswith("/") and Path(each).is_dir()]


def _add(folder: Path, found: dict[str, None]) -> None:
    """A folder with programs, with what belongs to it and where its links lead."""
    if str(folder) in found or not _is_showable(folder):
        return
    found[str(folder)] = None
    if folder.is_symlink():
        _add(folder.resolve(), found)
        return
    if folder.name in ("bin", "Scripts", "sbin"):
        for part in _PARTS:
            if (beside := folder.parent / part).exists() and _is_showable(beside):
                found[str(beside)] = None
        _add_base(folder.parent / "pyvenv.cfg", found)
    for target in set(_targets(folder)):
        if not target.is_relative_to(folder):
            _add(target.parent, found)


def _add_base(settings: Path, found: dict[str, None]) -> None:
    """A virtual environment's Python lies elsewhere."""
    with suppress(OSError):
        for line in settings.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home" and value.strip().startswith("/"):
                _add(Path(value.strip()), found)


def _targets(folder: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number > _MOST_ENTRIES:
                return
            if entry.is_symlink():
                with suppress(OSError, RuntimeError):
                    yield Path(entry.path).resolve(strict=True)


def _is_showable(path: Path) -> bool:
    """Whether it is neither the system's own, which is seen anyway, nor a home, what holds one, or a secret place."""
    if any(path.is_relative_to(each) for each in _SYSTEM):
        return False
    home = Path("~").expanduser()
    homes = {home, home.resolve()}
    if any(each.is_relative_to(path) for each in homes) or len(path.parts) < 3:
        return False
    return not any(path.is_relative_to(each / private) for each in homes for private in _PRIVATE)
