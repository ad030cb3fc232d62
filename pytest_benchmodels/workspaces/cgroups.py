"""A control group (cgroup v2) for the processes of one command, where this user may make one."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

__all__ = ["ControlGroup", "open_control_group"]

_NUMBERS = count(1)


class ControlGroup:
    """One that is there. `folder` is its place; its `cgroup.kill` ends all in it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def limit(self, memory_mb: int, processes: int) -> None:
        """Set what the system lets us set of it; the group has these files where somebody delegated them."""
        limits = {"memory.max": memory_mb * 1_000_000, "memory.swap.max": 0, "pids.max": processes}
        for name, most in limits.items():
            with suppress(OSError):
                (self.folder / name).write_text(str(most), "ascii")

    def throttled_s(self) -> float:
        """For how long, in seconds, its processes were held back by a limit on processor time."""
        return self._cpu().get("throttled_usec", 0) / 1e6

    def cpu_s(self) -> float | None:
        """The processor time of all that ever ran in it, in seconds; None where the system does not tell."""
        used = self._cpu().get("usage_usec")
        return None if used is None else used / 1e6

    def _cpu(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            lines = (self.folder / "cpu.stat").read_text("ascii").splitlines()
            return {name: int(value) for name, value in (line.split() for line in lines)}
        return {}

    def kill(self) -> None:
        """End all in it."""
        with suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1", "ascii")

    def close(self) -> None:
        """Remove it; nothing runs in it any more."""
        with suppress(OSError):
            self.folder.rmdir()


def open_control_group(memory_mb: int, processes: int) -> ControlGroup | None:
    """One more, with these limits as far as they hold; None where this user may make none."""
    above = _own()
    if above is None:
        return None
    made = ControlGroup(above / f"benchmodels-{os.getpid()}-{next(_NUMBERS)}")
    try:
        made.folder.mkdir()
    except OSError:
        return None
    made.limit(memory_mb, processes)
    return made


@cache
def _own() -> Path | None:
    """The group of this process, if groups can be made below it, filled and ended at once (Linux 5.14)."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
        root = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines() if line[:3] == "0::")
        folder = root / own.strip().lstrip("/")
        probe = folder / f"benchmodels-{os.getpid()}-probe"
        probe.mkdir()
    except (OSError, StopIteration, IndexError):
        return None
    _remove_left(folder)
    try:
        is_good = (probe / "cgroup.kill").exists() and os.access(probe / "cgroup.procs", os.W_OK)
        # Whoever moves a process has to be allowed to write here, too.
        return folder if is_good and os.access(folder / "cgroup.procs", os.W_OK) else None
    finally:
        probe.rmdir()


def _remove_left(folder: Path) -> None:
    """Remove the groups of killed sessions: only one without processes can be removed."""
    for left in folder.glob("benchmodels-*-*"):
        with suppress(OSError, ValueError):
            if not Path("/proc", str(int(left.name.split("-")[1]))).exists():
                left.rmdir()
