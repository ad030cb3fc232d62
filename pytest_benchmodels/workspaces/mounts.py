"""What of the machine's files a confined process sees, and the arguments by which bubblewrap has it so."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["DEVICES", "SCRATCH_BYTES", "Place", "bubblewrap_arguments", "copy_settings", "seen_files"]

_HERE = Path(__file__).parent
SCRATCH_BYTES = 64_000_000
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_CONFIGURATION = tuple(
    f"/etc/{name}"
    for name in (
        *("passwd", "group", "nsswitch.conf", "hosts", "host.conf", "resolv.conf", "gai.conf", "services", "protocols"),
        *("ssl", "ca-certificates", "pki", "crypto-policies", "localtime", "timezone", "os-release", "debian_version"),
        *("ld.so.conf", "ld.so.conf.d", "mime.types", "inputrc", "terminfo", "fonts", "java", "python3"),
    )
)
"""Of the system's settings what programs need to know names, times and certificates; no passwords are in there."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_MOST_COPIED = 2_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works, and what it may use beside the system's programs.

    It starts in `folder`. That and `home` it may change, and `temporary`, which bubblewrap shows it as /tmp; so may it
    the files and folders `writable`. It may read those of `readable`. `user` is the user that root starts it as.
    `replaced` are files of the system, each with the one that it sees in its place. `settings` is a folder that
    `copy_settings` filled, empty for none.
    """

    folder: str
    home: str
    temporary: str
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    network: bool = False
    user: int = 0
    replaced: tuple[tuple[str, str], ...] = ()
    settings: str = ""

    @property
    def changeable(self) -> tuple[str, ...]:
        return (self.folder, self.home, self.temporary, *self.writable)


def seen_files(python: str, readable: Sequence[str], place: Place | None = None) -> list[str]:
    """What has to be there for Python to run, with these, as it is named: folders that are links stay links."""
    own = _always_seen(python, has_settings=place is not None)
    wanted = readable if place is None else (*place.readable, *readable)
    return list(dict.fromkeys((*own, *(path for path in wanted if os.path.lexists(path)))))


@lru_cache(maxsize=8)
def _always_seen(python: str, *, has_settings: bool) -> tuple[str, ...]:
    stdlib = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    own = [sys.base_prefix, *stdlib] if Path(python).is_relative_to(sys.base_prefix) else []
    wanted = [*_SYSTEM, *own, python, str(_HERE), *(_CONFIGURATION if has_settings else ())]
    return tuple(path for path in dict.fromkeys(wanted) if os.path.lexists(path))


def copy_settings(folder: Path) -> None:
    """Copy the system's settings into a new folder, which takes the place of /etc: a mount for each takes longer.

    Folders in there stay empty, for mounts. Raises `OSError`.
    """
    folder.mkdir(0o755)
    folder.chmod(0o755)
    for path in (*_CONFIGURATION, *_SYSTEM):
        if path.startswith("/etc/"):
            target = folder / path[len("/etc/") :]
            if Path(path).is_dir():
                target.mkdir(0o755)
            elif (content := _setting(Path(path))) is not None:
                target.write_bytes(content)
                target.chmod(0o644)
    for name in ("passwd", "group"):  # others are put in their place
        (folder / name).touch(0o644)


def _setting(path: Path) -> bytes | None:
    """None for what cannot be read: it is not there then."""
    with suppress(OSError):
        if path.is_file() and path.stat().st_size <= _MOST_COPIED:
            return path.read_bytes()
    return None


@lru_cache(maxsize=8)
def _copied_settings(folder: str) -> frozenset[str]:
    return frozenset(f"/etc/{name}" for name in os.listdir(folder))  # noqa: PTH208 - names only


def bubblewrap_arguments(readable: Sequence[str], place: Place | None) -> Iterator[str]:
    """All of them, the `--` before the command included. What is `readable` has to be there."""
    yield from ("--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-uts")
    yield "--unshare-cgroup-try"
    if place is None or not place.network:
        yield "--unshare-net"
    if os.geteuid() == 0:
        # It becomes a user that nobody is; of root's rights it keeps these two until it has done so.
        yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    else:
        yield "--unshare-user"
    # Before the others: some of them may lie in there.
    if place is None:
        yield from ("--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp")  # noqa: S108 - its own
    else:
        yield from ("--bind", place.temporary, "/tmp")  # noqa: S108 - the same
    yield from _bound(readable, place)
    if place is None:
        yield from ("--dir", "/dev")
        for device in DEVICES:
            yield from ("--dev-bind-try", device, device)
    else:
        yield from ("--dev", "/dev", "--proc", "/proc")
        for path, other in place.replaced:
            yield from ("--ro-bind", other, path)
    yield from ("--remount-ro", "/", "--chdir", "/tmp" if place is None else "/", "--")  # noqa: S108 - the same


class _Facts(NamedTuple):
    """Of a path: the folders above it, the nearest first; which are no links; where it leads, as a link to a folder."""

    folders: tuple[str, ...]
    real_folders: tuple[str, ...]
    target: str


def _facts(path: str) -> _Facts:
    parents = Path(path).parents
    is_link = Path(path).is_symlink() and Path(path).is_dir()
    return _Facts(
        tuple(map(str, parents[:-1])),
        tuple(str(parent) for parent in parents if not parent.is_symlink()),
        os.readlink(path) if is_link else "",  # noqa: PTH115 - as it is
    )


# What may only be read stays as it is, and there is much of it.
_facts_of_readable = lru_cache(maxsize=1_000)(_facts)


def _bound(readable: Sequence[str], place: Place | None) -> Iterator[str]:
    """What of the machine's files is there; the outer before the inner, which may have other rights.

    A link made in what stands for /tmp is there for the next command.
    """
    writable = () if place is None else place.changeable
    temporary = "" if place is None else place.temporary
    made = {"/tmp"}  # noqa: S108 - its own
    paths = {*readable, *writable}
    if place is not None and place.settings and _are_copied(paths, place.settings):
        made.add("/etc")
        yield from ("--ro-bind", place.settings, "/etc")
        paths -= {path for path in paths if path.startswith("/etc/") and not os.path.isdir(place.settings + path[4:])}  # noqa: PTH112 - of many
    for path in sorted(paths, key=len):
        facts = _facts(path) if path in writable else _facts_of_readable(path)
        nearest = next((parent for parent in facts.real_folders if parent in writable or parent in readable), None)
        if nearest is not None and (nearest in writable or path not in writable):
            continue
        for parent in reversed(facts.folders):
            if parent not in made and nearest is None:
                made.add(parent)
                yield from ("--dir", parent)  # made on the way, it would be root's alone
        if path in writable:
            yield from ("--bind", path, path)
            continue
        is_made = bool(temporary) and path.startswith("/tmp/") and os.path.lexists(temporary + path[len("/tmp") :])  # noqa: S108 - its own
        if facts.target and is_made:
            continue
        yield from ("--symlink", facts.target, path) if facts.target else ("--ro-bind", path, path)


def _are_copied(paths: set[str], settings: str) -> bool:
    """Whether all that is to be seen of /etc is in its copy, where nothing more can be mounted."""
    return {path for path in paths if path.startswith("/etc/")} <= _copied_settings(settings)
