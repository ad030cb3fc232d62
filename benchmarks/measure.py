"""What a command costs, and how two costs compare."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .memory import Watch

__all__ = ["Cost", "MeasureError", "alternate", "measure", "median_difference", "median_ratio", "slope"]

T = TypeVar("T")
_TAIL = 2000
# What would change how pytest starts, and what would keep Python from keeping compiled modules: no user has that.
_UNUSUAL = (
    "PYTEST_ADDOPTS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    "PYTEST_PLUGINS",
    "PYTEST_TIMEOUT",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
)


class MeasureError(RuntimeError):
    """A command that did not do its work: what it took says nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took, from its start to its end.

    `cpu_s` is user and system time of the command and of every process that it waited for, xdist's workers included.
    `peak_mb` (10**6 bytes) is the largest resident size of one of these processes, `together_mb` that of all of them at
    one time, 0 where it was not watched. `started_at` is in seconds since the epoch.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    started_at: float
    output: str = ""
    together_mb: float = 0.0

    @property
    def ended_at(self) -> float:
        """In seconds since the epoch."""
        return self.started_at + self.wall_s


def measure(
    command: Sequence[str],
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    *,
    status: int = 0,
    watched: bool = False,
) -> Cost:
    """Run a command to its end. Raises `MeasureError` with the end of its output unless it exits with this status.

    `variables` are added to the environment, from which everything unusual about Python and pytest is taken out.
    `watched` has the memory of all its processes looked at meanwhile.
    """
    usual = {name: value for name, value in os.environ.items() if name not in _UNUSUAL}
    env = {**usual, **(variables or {})}
    with tempfile.TemporaryFile() as output:
        started_at, start = time.time(), time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        with Watch(process.pid) if watched else nullcontext() as watch:
            process.returncode, cpu_s, peak_kb = wait(process)
            wall_s = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode != status:
        raise MeasureError(f"{' '.join(command)}: exit status {process.returncode}\n{text[-_TAIL:]}")
    together_mb = watch.together_mb if watch is not None else 0.0
    return Cost(wall_s, cpu_s, peak_kb * 1024 / 1e6, started_at, text, together_mb)


def wait(process: subprocess.Popen[bytes]) -> tuple[int, float, int]:
    """Exit status, CPU seconds and peak in KiB of a process, and of every process that it waited for, at its end."""
    _, waited, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(waited), usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def alternate(one: Callable[[], T], two: Callable[[], T], pairs: int) -> list[tuple[T, T]]:
    """`one` and `two` in turn, `pairs` times: what else the machine does meets both."""
    return [(one(), two()) for _ in range(pairs)]


def median_ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """The median of first / second."""
    return statistics.median(one / two for one, two in pairs)


def median_difference(pairs: Iterable[tuple[float, float]]) -> float:
    """The median of first - second."""
    return statistics.median(one - two for one, two in pairs)


def slope(small: tuple[int, float], large: tuple[int, float]) -> float:
    """What one more unit of work costs, given (amount, cost) of two runs: start-up is in both, and falls out."""
    return (large[1] - small[1]) / (large[0] - small[0])
