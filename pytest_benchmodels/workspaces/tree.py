"""A folder whose content somebody else makes, who may mean harm: read, written and listed without being led out of it.

No path is handed to the system as a whole. Each name is opened in its folder, which is open already; a link is followed
by us, name by name, as long as it stays inside. So nothing that changes meanwhile can lead elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["Entry", "Tree", "shown_name"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_LINKS = 40
_MOST_LEVELS = 200
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or link as the system describes it. `path` may hold what is no UTF-8, as Python has it."""

    path: str
    is_link: bool
    mode: int
    size: int
    stamp: tuple[int, int, int]
    """Its number, and when it and its description were last changed, in nanoseconds."""


class Tree:
    """One such folder. `user` is who owns what is written, 0 for us."""

    def __init__(self, root: Path, user: int = 0) -> None:
        self._root = root
        self._user = user
        self._odd: dict[str, str] = {}

    def names(self, pattern: str = "**") -> list[str]:
        r"""The files that fit a glob pattern, sorted; what is no UTF-8 in a name is written as `\xff`."""
        fits = _pattern(pattern).fullmatch
        found = []
        for entry in self.entries():
            if not entry.is_link:
                name = shown_name(entry.path)
                if name != entry.path:
                    self._odd[name] = entry.path
                if fits(name):
                    found.append(name)
        return sorted(found)

    def entries(self) -> Iterator[Entry]:
        """All files and links, in no order; no folders, sockets or devices. Those 200 levels down are left out."""
        waiting = [""]
        while waiting:
            place = waiting.pop()
            with suppress(OSError), self._folder(_parts(place)) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    path = f"{place}/{entry.name}" if place else entry.name
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        if path.count("/") < _MOST_LEVELS:
                            waiting.append(path)
                    elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
                        stamp = found.st_ino, found.st_mtime_ns, found.st_ctime_ns
                        is_link = stat.S_ISLNK(found.st_mode)
                        yield Entry(path, is_link, stat.S_IMODE(found.st_mode), found.st_size, stamp)

    def read(self, path: str, most: int) -> bytes:
        """A file's first bytes. Raises `OSError`."""
        with self.opened(path) as file:
            return _read(file, most)

    def pieces(self, path: str) -> Iterator[bytes]:
        """The whole of a file, piece by piece. Raises `OSError`."""
        with self.opened(path) as file:
            while piece := os.read(file, _PIECE):
                yield piece

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A file to read. Raises `OSError` for what is none: a pipe would hold us up, a device may do anything."""
        with self._at(self._odd.get(path, path)) as (folder, name):
            # Before it is opened, for a device may do anything then; and once more, for somebody may put one there.
            _refuse_no_file(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode, path)
            file = os.open(name, os.O_RDONLY | _FILE, dir_fd=folder)
            try:
                _refuse_no_file(os.fstat(file).st_mode, path)
                yield file
            finally:
                os.close(file)

    def target(self, path: str) -> str:
        """Where a link leads to. Raises `OSError`."""
        with self._folder(_parts(path)[:-1]) as folder:
            return os.readlink(_parts(path)[-1], dir_fd=folder)

    def write(self, path: str, content: bytes, mode: int | None = None) -> None:
        """Write a file, with the folders above it; one that is there is replaced, and keeps its mode."""
        with self._at(self._odd.get(path, path), make=True) as (folder, name):
            if mode is None:
                mode = 0o644
                with suppress(FileNotFoundError):
                    there = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISDIR(there.st_mode):
                        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
                    mode = stat.S_IMODE(there.st_mode)
            # Beside, and then in its place: the file that is there may be another's too (a hard link), or a pipe.
            beside = f".benchmodels-{secrets.token_hex(8)}"
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=folder)
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(file, left) :]
                self._own(file)
                os.fchmod(file, mode & 0o777)
                os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                os.unlink(beside, dir_fd=folder)
                raise
            finally:
                os.close(file)

    def link(self, path: str, target: str) -> None:
        """Make a link, in place of what is there. It may lead anywhere: nobody here follows it out."""
        self.remove(path)
        with self._at(path, make=True, last=False) as (folder, name):
            os.symlink(target, name, dir_fd=folder)
            if self._user:
                os.chown(name, self._user, self._user, dir_fd=folder, follow_symlinks=False)

    def remove(self, path: str) -> None:
        """Remove a file or link, if it is there, and the folders above it that it leaves empty."""
        parts = _parts(path)
        with suppress(FileNotFoundError):
            with self._folder(parts[:-1]) as folder:
                os.unlink(parts[-1], dir_fd=folder)
            for end in range(len(parts) - 1, 0, -1):
                with self._folder(parts[: end - 1]) as folder:
                    try:
                        os.rmdir(parts[end - 1], dir_fd=folder)
                    except OSError:
                        return

    def is_link(self, path: str) -> bool:
        """Whether a symbolic link stands there, wherever it leads."""
        try:
            with self._at(path, last=False) as (folder, name):
                return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
        except OSError:
            return False

    def set_mode(self, path: str, mode: int) -> None:
        """Set a file's permissions."""
        with self.opened(path) as file:
            os.fchmod(file, mode & 0o777)

    def _own(self, file: int) -> None:
        if self._user:
            os.fchown(file, self._user, self._user)

    @contextmanager
    def _folder(self, parts: list[str]) -> Iterator[int]:
        """A folder below, opened without following a link."""
        folder = os.open(self._root, _FOLDER)
        try:
            for part in parts:
                below = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _at(self, path: str, *, make: bool = False, last: bool = True) -> Iterator[tuple[int, str]]:
        """The open folder and the name of what a path leads to, links followed inside; `last`: also one at its end."""
        waiting = _parts(path)[::-1]
        way = _Way(self._root, path)
        try:
            while waiting:
                part = waiting.pop()
                if part == "..":
                    way.up()
                    continue
                target = _link_target(part, way.here) if waiting or last else None
                if target is not None:
                    waiting += way.followed(target)[::-1]
                    continue
                if not waiting:
                    yield way.here, part
                    return
                way.down(self._entered(part, way.here, make=make))
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        finally:
            way.close()

    def _entered(self, part: str, folder: int, *, make: bool) -> int:
        try:
            return os.open(part, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=folder)
        made = os.open(part, _FOLDER, dir_fd=folder)
        self._own(made)
        return made


class _Way:
    """The way to what a path names: the open folders from the root down to where it stands."""

    def __init__(self, root: Path, path: str) -> None:
        self._root, self._path = root, path
        self._folders = [os.open(root, _FOLDER)]
        self._links = 0

    @property
    def here(self) -> int:
        return self._folders[-1]

    def down(self, folder: int) -> None:
        self._folders.append(folder)

    def up(self) -> None:
        if len(self._folders) == 1:
            raise _leads_out(self._path)
        os.close(self._folders.pop())

    def followed(self, target: str) -> list[str]:
        """The names by which it goes on where a link leads to this."""
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._path)
        if target.startswith("/"):
            if not target.startswith(f"{self._root}/"):
                raise _leads_out(self._path)
            target = target.removeprefix(f"{self._root}/")
            while len(self._folders) > 1:
                self.up()
        return [each for each in target.split("/") if each not in ("", ".")]

    def close(self) -> None:
        for folder in self._folders:
            os.close(folder)


def shown_name(path: str) -> str:
    """A path as text that can be kept anywhere."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _parts(path: str) -> list[str]:
    """The names of a path. Raises `OSError` for one that is absolute, goes up, or is none."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts:
        raise _leads_out(path)
    if "\0" in path or (path and not parts) or not _is_a_name(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path.replace("\0", "?"))
    return parts


def _is_a_name(path: str) -> bool:
    """Whether the system can be asked for it: half of a surrogate pair is no character anywhere."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _leads_out(path: str) -> PermissionError:
    return PermissionError(errno.EACCES, "leads out of the workspace", path)


def _refuse_no_file(mode: int, path: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "no regular file (a pipe, a socket or a device)", path)


def _link_target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:  # no link, or not there
        return None


def _read(file: int, most: int) -> bytes:
    found = bytearray()
    while len(found) < most and (piece := os.read(file, min(_PIECE, most - len(found)))):
        found += piece
    return bytes(found)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    """`**` stands for any folders, `*` for anything but a slash, `?` for one such character, `[a-c]` for a set."""
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", pattern.removeprefix("./"), re.DOTALL)
    known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part) or _class_or_letter(part) for part in parts), re.DOTALL)


def _class_or_letter(part: str) -> str:
    if len(part) < 3:  # `[a]` is the shortest class
        return re.escape(part)
    inner = part[1:-1]
    is_negated = inner[0] in "!^"
    inner = inner[1:] if is_negated else inner
    escaped = inner.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    try:
        re.compile(f"[{escaped}]")
    except re.error:  # such as [z-a]: no class
        return re.escape(part)
    return f"[{'^/' if is_negated else ''}{escaped}]"
