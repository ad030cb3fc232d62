"""The machine that commands share: what of it is theirs, and what else kept it busy meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LoadMeter", "Machine", "Need", "Shares", "processors", "this_machine"]

_PRESSURE = Path("/proc/pressure/cpu")
_CGROUP = Path("/sys/fs/cgroup/cpu.stat")
_LEAST_TOLD = 0.1
"""A pressure below ten per cent delays nobody by more than that. Told in tens, so that runs have notes in common."""


class LoadMeter:
    """What kept the machine busy while a run was worked on, and how much of it was the run's own commands.

    Source of the pressure: Linux, "PSI - Pressure Stall Information": the microseconds for which some task that was
    ready waited for a processor. Where there is none, the load average stands for it.
    """

    def __init__(self, pressure: Path = _PRESSURE, cgroup: Path = _CGROUP) -> None:
        """Measures from now on; the files are the system's own."""
        self._files = pressure, cgroup
        self._stalled_us = _figure(pressure, "some")
        self._throttled_us = _figure(cgroup, "throttled_usec")
        self._start = time.perf_counter()
        self._cpu_s: float | None = None
        self._worked_s = 0.0

    def add(self, cpu_s: float | None, worked_s: float) -> None:
        """A command of the run ended; `cpu_s` is None where nobody knows what it took."""
        if cpu_s is not None:
            self._cpu_s = (self._cpu_s or 0.0) + cpu_s
            self._worked_s += worked_s

    @property
    def cpu_share(self) -> float | None:
        """How many processors its commands kept busy, on average; None where that is not known."""
        return None if self._cpu_s is None or self._worked_s <= 0 else self._cpu_s / self._worked_s

    def notes(self) -> Iterator[str]:
        """What bore upon the run from outside, a line each."""
        pressure, cgroup = self._files
        passed_s = time.perf_counter() - self._start
        stalled_us, throttled_us = _figure(pressure, "some"), _figure(cgroup, "throttled_usec")
        if stalled_us is not None and self._stalled_us is not None and passed_s > 0:
            share = min((stalled_us - self._stalled_us) / 1e6 / passed_s, 1.0)
            if share >= _LEAST_TOLD:
                yield f"cpu pressure about {10 * round(10 * share)} % during this run"
        elif (load := os.getloadavg()[0]) > (there := processors()):
            yield f"load average {load:.1f} on {there:g} processors during this run"
        if throttled_us is not None and self._throttled_us is not None and throttled_us > self._throttled_us:
            yield f"throttled for {(throttled_us - self._throttled_us) / 1e6:.1f} s by the limit of its cgroup"


def _figure(path: Path, name: str) -> int | None:
    """The last number of the line that begins with this name, in microseconds; None where the system has none."""
    with suppress(OSError, ValueError, IndexError):
        for line in path.read_text().splitlines():
            if line.split(" ", 1)[0] == name:
                return int(line.replace("=", " ").split()[-1])
    return None


def processors() -> float:
    """How many this process may use: those of its affinity, or what the limit of its cgroup leaves of them."""
    count = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            return min(count, max(int(quota) / int(period), 0.1))
    return count


def _free_mb() -> float | None:
    """The memory that is free now, in MB (10**6 bytes), what the system would give up at need included."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


@dataclass(frozen=True, slots=True)
class Machine:
    """`cpus` processors and `memory_mb` of free memory (10**6 bytes; None where nobody knows) for all commands."""

    cpus: float
    memory_mb: float | None


def this_machine() -> Machine:
    """This one, as it is now."""
    return Machine(processors(), _free_mb())


@dataclass(frozen=True, slots=True)
class Need:
    """What one run of a model takes: processors, and memory in MB. None: nobody said."""

    cpus: float | None = None
    memory_mb: float | None = None


_LEAST_SHARE = 0.02
_LEAST_GUESSED = 0.25
"""Other models may wait for an API where this one computes."""
_ROUNDING = 1e-9


class Shares:
    """How many runs of which models may be at work on one machine: their needs together are no more than it has.

    Where nobody said how many processors a model's runs take, the runs that have ended tell: the mean of their shares,
    each weighted by how long it worked. Until one of its own has ended those of other models stand for it, a quarter of
    a processor at least; until any has, a run is taken to need one. Where nobody can tell what a run took, its kind is
    not held back. A run always goes if none is at work. Knows no clock.
    """

    def __init__(self, machine: Machine, needs: Mapping[str, Need]) -> None:
        """`needs` by the group of each model that is a command; other groups take nothing of the machine."""
        self._machine = machine
        self._needs = dict(needs)
        self._cpu_s: dict[str, float] = {}
        self._worked_s: dict[str, float] = {}

    def learn(self, group: str, cpu_share: float | None, worked_s: float) -> None:
        """A run of the group kept so many processors busy for so long, in seconds; None where nobody can tell."""
        if group in self._needs and worked_s > 0:
            self._cpu_s[group] = self._cpu_s.get(group, 0.0) + (cpu_share or 0.0) * worked_s
            self._worked_s[group] = self._worked_s.get(group, 0.0) + worked_s

    def has_room(self, group: str, in_flight: Mapping[str, int]) -> bool:
        """Whether one more run of the group fits beside those that are in flight, by group."""
        if group not in self._needs:
            return True
        at_work = [(each, in_flight.get(each, 0)) for each in self._needs]
        if not any(count for _, count in at_work):
            return True
        cpus = self._cpus_of(group) + sum([count * self._cpus_of(each) for each, count in at_work if count])
        if cpus > self._machine.cpus + _ROUNDING:
            return False
        wanted = self._needs[group].memory_mb
        if wanted is None or self._machine.memory_mb is None:
            return True
        used = sum([count * (self._needs[each].memory_mb or 0.0) for each, count in at_work])
        return wanted + used <= self._machine.memory_mb

    def is_unmeasured(self, group: str) -> bool:
        """Whether the end of a run of the group is waited for, to see what one takes."""
        need = self._needs.get(group)
        return need is not None and need.cpus is None and group not in self._worked_s

    def most_of(self, group: str) -> int | None:
        """How many of the group may be at work where no others are; None where that is still to be seen."""
        need = self._needs.get(group)
        if need is None or (need.cpus is None and need.memory_mb is None):
            return None
        most = [] if need.cpus is None else [self._machine.cpus / need.cpus]
        if need.memory_mb is not None and self._machine.memory_mb is not None:
            most.append(self._machine.memory_mb / need.memory_mb)
        return max(1, int(min(most) + _ROUNDING)) if most else None

    def _cpus_of(self, group: str) -> float:
        stated = self._needs[group].cpus
        if stated is not None:
            return stated
        if group in self._worked_s:
            return max(self._cpu_s[group] / self._worked_s[group], _LEAST_SHARE)
        if not self._worked_s:
            return 1.0
        return max(sum(self._cpu_s.values()) / sum(self._worked_s.values()), _LEAST_GUESSED)
