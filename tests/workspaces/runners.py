"""Runners of code, with bubblewrap and without."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytest_benchmodels.workspaces import CodeRunner, Confinement, UnconfinedError, find_confinement

__all__ = ["WAYS", "adopt_orphans", "best_runner", "confinement", "living_children", "runner"]

WAYS = ("bubblewrap", "kernel")
_SYSTEM_PYTHON = "/usr/bin/python3"
_PR_SET_CHILD_SUBREAPER = 36


def confinement(way: str, scratch: Path) -> Confinement:
    """The confinement of this kind, where this machine has it; the test is skipped where it has not."""
    if way == "bubblewrap":
        if shutil.which("bwrap") is None:
            assert not os.environ.get("BENCHMODELS_BUBBLEWRAP_REQUIRED"), "CI has to have bubblewrap"
            pytest.skip("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
        return find_confinement(str(scratch))
    try:
        return find_confinement(str(scratch), _python(), bubblewrap=False)
    except UnconfinedError as error:
        pytest.skip(str(error))


def _python() -> str | None:
    """As root, a Python that others may read, too: the session's may lie in root's home."""
    return _SYSTEM_PYTHON if os.geteuid() == 0 and Path(_SYSTEM_PYTHON).exists() else None


def runner(way: str, scratch: Path, shared: Path | None = None) -> CodeRunner:
    """A runner that confines in this way. Whoever takes it closes it."""
    confinement(way, scratch)
    return CodeRunner(shared) if way == "bubblewrap" else CodeRunner(shared, _python(), bubblewrap=False)


@contextmanager
def best_runner() -> Iterator[CodeRunner]:
    """A runner that confines as well as this machine can."""
    made = CodeRunner(python=None if shutil.which("bwrap") else _python())
    yield made
    made.close()


def adopt_orphans() -> None:
    """Let what loses its parent become a child of this process: whatever is left behind is found below it."""
    assert ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def living_children() -> list[str]:
    """The processes below this one that run, as number and command."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # What has ended, or is about to, has no memory any more, and so no command.
                commands[entry.name] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
                parents[entry.name] = (entry / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[1]
    return sorted(f"{pid} {commands[pid]}" for pid in parents if commands[pid] and _is_below(pid, parents))


def _is_below(pid: str, parents: dict[str, str]) -> bool:
    while (pid := parents.get(pid, "")) != "":
        if pid == str(os.getpid()):
            return True
    return False
