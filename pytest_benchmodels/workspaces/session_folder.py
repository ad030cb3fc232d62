"""Where the workspaces of one process lie, and what becomes of those that a killed one left."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from pytest_benchmodels.workspaces.copying import remove_folder
from pytest_benchmodels.workspaces.mounts import copy_settings

__all__ = ["SessionFolder"]

_OWNER = ".owner"
_LEFT_S = 24 * 3600.0
"""So old are the workspaces of a killed session when the next one removes them."""


class SessionFolder:
    """One for each process. It is private, made when it is needed, and holds a lock as long as the process lives."""

    def __init__(self, above: Path) -> None:
        self._above = above
        self._turn = threading.Lock()
        self._settings: Path | None = None
        self._kept = above / "kept" / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}")

    @cached_property
    def path(self) -> Path:
        """Raises `OSError`."""
        made = self._above / f"{os.getpid()}-{time.time_ns():x}"
        _made_below(self._above, made)
        (self._above / ".gitignore").write_text("*\n", "ascii")
        self._remove_left()
        self._lock = os.open(made / _OWNER, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return made

    def settings(self) -> str:
        """A folder in it with a copy of the system's settings. Raises `OSError`."""
        with self._turn:
            if self._settings is None:
                folder = self.path / ".settings"
                remove_folder(folder)  # half of a copy, where the disk was full
                copy_settings(folder)
                self._settings = folder
            return str(self._settings)

    def keep(self, folder: Path, name: str) -> Path:
        """Put a workspace where it stays until the user removes it. Raises `OSError`."""
        _made_below(self._above / "kept", self._kept)
        target = self._kept / name
        folder.rename(target)
        return target

    def close(self) -> None:
        """The end of the process: what is empty goes."""
        if "path" in self.__dict__:
            remove_folder(self.path)
            os.close(self._lock)
            for folder in (self._above / "kept", self._above):
                with suppress(OSError):  # not empty
                    if folder == self._above and {entry.name for entry in folder.iterdir()} == {".gitignore"}:
                        (folder / ".gitignore").unlink()
                    folder.rmdir()

    def _remove_left(self) -> None:
        """Remove the folders of processes that are gone, if they are a day old: somebody may look at them still."""
        for folder in self._above.iterdir():
            owner = folder / _OWNER
            with suppress(OSError):
                if folder.is_symlink() or time.time() - owner.stat().st_mtime < _LEFT_S:
                    continue
                lock = os.open(owner, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_folder(folder)
                finally:
                    os.close(lock)


def _made_below(above: Path, folder: Path) -> None:
    """Make both. Another process that ends at this moment may remove the outer one, as long as it is empty."""
    for left in reversed(range(10)):
        above.mkdir(0o700, parents=True, exist_ok=True)
        try:
            folder.mkdir(0o700, exist_ok=True)
        except FileNotFoundError:
            if not left:
                raise
        else:
            return
