"""How commands in workspaces are confined on this machine: found once a process, by trying."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from pytest_benchmodels.workspaces.confinement import (
    Confinement,
    UnconfinedError,
    any_user,
    by_bubblewrap,
    compile_programs,
    left_open,
    probed,
)
from pytest_benchmodels.workspaces.mounts import Place

__all__ = ["Way", "command_confinement", "share_confinement"]

Way = str
"""`best`, or one of `bubblewrap`, `kernel`, `limits`."""

_FINDING = threading.Lock()
_SHARED: list[Path] = []
_PLAIN = "resource limits and process groups alone"


def command_confinement(way: Way = "best") -> Confinement:
    """The best way that works here, or a given one. There always is one: what it leaves open is told.

    The first to ask waits until it was tried; so do others who ask meanwhile.
    """
    with _FINDING:
        return _found(way)


def share_confinement(folder: Path) -> None:
    """Have found out once what all processes need that call this with the same folder; nobody else may write there."""
    with _FINDING:
        _SHARED[:] = [folder]


@cache
def _found(way: Way) -> Confinement:
    if not _SHARED:
        return _tried(way)
    with (_SHARED[0] / f"confined-{way}.json").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        try:
            known = json.loads(file.read())
            return Confinement(**{**known, "open": tuple(known["open"])})
        except ValueError:  # nobody was here, or was ended here
            found = _tried(way)
            with suppress(OSError):  # the disk is full: each finds out for itself
                os.ftruncate(file.fileno(), 0)
                os.write(file.fileno(), json.dumps(asdict(found)).encode())
            return found


def _tried(way: Way) -> Confinement:
    compile_programs()
    for confinement in _ways(way):
        try:
            found = _probed(confinement)
        except UnconfinedError:
            continue
        # Where processes of ours are seen, the kernel gave it no namespaces.
        namespaces = confinement.namespaces and not found["signals"]
        return replace(confinement, open=left_open(found), namespaces=namespaces)
    return replace(_plain(), open=("nothing could be tried",))


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _plain() -> Confinement:
    return Confinement(_PLAIN, _python(), "", namespaces=False, files=False)


def _ways(way: Way) -> Iterator[Confinement]:
    program = shutil.which("bwrap")
    if way in ("best", "bubblewrap") and program is not None:
        yield from by_bubblewrap(_python(), "", program)
    if way in ("best", "kernel"):
        yield Confinement("resource limits, and namespaces and Landlock of the kernel", _python(), "")
        yield Confinement("resource limits, and Landlock of the kernel", _python(), "", namespaces=False)
    if way != "bubblewrap":
        yield _plain()


def _probed(confinement: Confinement) -> dict[str, bool]:
    user = any_user() if os.geteuid() == 0 and confinement.bubblewrap else 0
    with tempfile.TemporaryDirectory(prefix="benchmodels-probe-") as name:
        folders = [Path(name, each) for each in ("work", "home", "tmp")]
        for folder in folders:
            folder.mkdir(0o700)
            if user:
                os.chown(folder, user, user)
        folders[-1].chmod(0o1777)
        work, home, temporary = map(str, folders)
        return probed(confinement, Place(work, home, temporary, user=user))
