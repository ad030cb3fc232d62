"""Copies the folder that a workspace is made from: by reference where the file system can, else byte by byte."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.text import quote

__all__ = ["CopyStoppedError", "copy_folder", "remove_folder"]

_CLONE = 0x40049409
"""FICLONE of Linux: both files share what they hold until one of them is changed (btrfs, XFS, bcachefs)."""


class CopyStoppedError(Exception):
    """Nobody wants the copy any more."""


def copy_folder(source: Path, target: Path, left_out: Sequence[str], user: int, stopped: threading.Event) -> None:
    """Copy what a folder holds into one that is there: files with modes and times, links that stay inside.

    Sockets, pipes and devices are left out, and of the top the entries `left_out`. `user` is to own it all, 0 for us.
    Raises `OSError`, and `WorkspaceError` for a link that leads out.
    """
    source = whole = source.resolve()
    waiting = [(source, target)]
    folders = []
    while waiting:
        place, copy = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                if stopped.is_set():
                    raise CopyStoppedError
                if place == source and entry.name in left_out:
                    continue
                made = copy / entry.name
                kind = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(kind):
                    made.mkdir()
                    waiting.append((Path(entry.path), made))
                    folders.append((Path(entry.path), made))
                elif stat.S_ISLNK(kind):
                    _copy_link(Path(entry.path), made, whole)
                elif stat.S_ISREG(kind):
                    _copy_file(entry.path, made)
                else:
                    continue
                if user:
                    os.chown(made, user, user, follow_symlinks=False)
    for place, made in reversed(folders):  # the times and modes of folders last: copying into them changes these
        shutil.copystat(place, made)


def _copy_link(link: Path, made: Path, whole: Path) -> None:
    target = os.readlink(link)  # noqa: PTH115 - as it is written
    if target.startswith("/") or not (link.parent / target).resolve().is_relative_to(whole):
        where = f"the link {quote(link.relative_to(whole).as_posix())} leads out of it, to {quote(target)}"
        raise WorkspaceError(f"the folder {whole.name}: {where}: put what it leads to in its place")
    made.symlink_to(target)


def _copy_file(source: str, made: Path) -> None:
    with open(source, "rb") as file, made.open("xb") as copy:  # noqa: PTH123 - a path that is no Path: there are many
        try:
            fcntl.ioctl(copy.fileno(), _CLONE, file.fileno())
        except OSError:
            _copy_range(file.fileno(), copy.fileno())
        about = os.fstat(file.fileno())
        os.fchmod(copy.fileno(), stat.S_IMODE(about.st_mode) & 0o777)
        os.utime(copy.fileno(), ns=(about.st_atime_ns, about.st_mtime_ns))


def _copy_range(source: int, copy: int) -> None:
    """Have the kernel copy it; within one file system some share what is copied."""
    place = 0
    while True:
        try:
            count = os.copy_file_range(source, copy, 1 << 30, place, place)
        except OSError:  # not between these two
            _copy_rest(source, copy, place)
            return
        if count == 0:
            _copy_rest(source, copy, place)  # of a file in /proc, say, the kernel copies nothing
            return
        place += count


def _copy_rest(source: int, copy: int, place: int) -> None:
    while piece := os.pread(source, 1 << 20, place):
        place += os.pwrite(copy, piece, place)


def remove_folder(folder: Path) -> bool:
    """Remove a folder, whatever somebody made of it. Whether it is gone."""
    if _remove(shutil.rmtree, folder):
        return True
    # Folders in folders, a thousand deep, are too many for Python; and `rm` does not care about lengths of paths.
    with suppress(OSError):
        words = ["/bin/rm", "-rf", "--", str(folder)]
        subprocess.run(words, check=False, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603 - our own command
    return not folder.exists()


def _remove(remove: Callable[..., None], folder: Path) -> bool:
    def open_up(_: object, path: str, __: object) -> None:
        """Somebody took the rights to a folder away: it is ours all the same."""
        for each in (os.path.dirname(path), path):  # noqa: PTH120 - of thousands
            with suppress(OSError):
                if not os.path.islink(each):  # noqa: PTH114 - the same
                    os.chmod(each, 0o700)  # noqa: PTH101 - the same
        with suppress(OSError):
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)  # noqa: PTH106, PTH108, PTH112, PTH114 - the same

    for _ in range(3):  # what could not be entered is looked through once more
        with suppress(OSError, RecursionError):
            remove(folder, onerror=open_up)
        if not folder.exists():
            return True
    return False
