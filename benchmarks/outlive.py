"""Agents that try to outlive their limit: `python -m benchmarks.outlive WAY COUNT FOLDER MARK` runs them, 20 at once.

It prints as JSON what it saw. WAY is one of `best`, `limits` (what is there without bubblewrap and the kernel's help),
or `killpg`: what most harnesses have, a subprocess in a session of its own whose group is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.workspace import Command, WorkspaceSpec
from pytest_benchmodels.workspaces.folder import FolderWorkspaces

__all__ = ["LIMIT_S", "living", "main"]

LIMIT_S = 1.0
_AT_ONCE = 20
_BEAT_S = 0.01

# Each has its mark in the command lines and the environment of what is to survive.
_SLEEP = "sh -c 'trap \"\" TERM HUP INT; sleep 300; : {mark}'"
_AGENTS = (
    "trap '' TERM; while :; do {sleep}; done",
    "for n in 1 2 3 4 5 6; do {sleep} & done; wait",
    "(setsid {sleep} &) ; {sleep}",
    "(setsid sh -c '(setsid sleep 300; : {mark}) & sleep 300; : {mark}' &) ; exit 0",
    "{sleep} & kill -STOP $$",
    "exec 0<&- 1>&- 2>&-; setsid {sleep}",
    "(setsid {sleep} &) ; (setsid {sleep} &) ; while :; do echo busy; sleep 0.05; done",
    "f() {{ (f &) ; sleep 0.3; : {mark}; exit 0; }}; (f &) ; {sleep}",
)


def _agent(number: int, mark: str) -> str:
    script = _AGENTS[number % len(_AGENTS)].format(sleep=_SLEEP.format(mark=mark), mark=mark)
    return f"export MARK={mark}; {script}"


def living(mark: str) -> list[int]:
    """The processes that have the mark in their command line or their environment, this program's apart."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = Path(entry.path, "cmdline").read_bytes()
                around = Path(entry.path, "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in words + around and b"benchmarks.outlive" not in words:
                found.append(int(entry.name))
    return found


async def _killpg(script: str) -> float:
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    reading = asyncio.ensure_future(process.communicate())
    await asyncio.wait((reading,), timeout=LIMIT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # Where somebody else holds its pipes, their end never comes.
    await asyncio.wait((reading,), timeout=2)
    reading.cancel()
    return time.perf_counter() - start


def _in_workspaces(made: FolderWorkspaces) -> Callable[[str], Awaitable[float]]:
    model = Model("sim/steady", "sim", "steady", "")
    run = Run("a", Scenario("a", "a:1", ()), model, 1)

    async def agent(script: str) -> float:
        workspace = made.open(run, WorkspaceSpec())
        await workspace.prepare()
        try:
            ended = await workspace.run(Command(script, timeout_s=LIMIT_S, processes=200), "agent")
            return ended.duration_s
        finally:
            await workspace.close(passed=True)

    return agent


class _Watch:
    """How long the event loop was away, and how much memory this process has."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last = time.perf_counter()

    async def look(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            now = time.perf_counter()
            self.longest_s = max(self.longest_s, now - self._last - _BEAT_S)
            self._last = now


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _all(agent: Callable[[str], Awaitable[float]], count: int, mark: str) -> dict[str, object]:
    lanes, watch = asyncio.Semaphore(_AT_ONCE), _Watch()
    took: list[float] = []
    memory: list[float] = []
    beats = asyncio.ensure_future(watch.look())

    async def one(number: int) -> None:
        async with lanes:
            took.append(await agent(_agent(number, mark)) - LIMIT_S)
            memory.append(_memory_mb())

    start = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    whole_s = time.perf_counter() - start
    beats.cancel()
    took.sort()
    first = min(len(memory), 4 * _AT_ONCE) - 1
    return {
        "survivors": len(living(mark)),
        "late_s": took[-1],
        "late_p50_s": took[len(took) // 2],
        "away_s": watch.longest_s,
        "grown_mb": memory[-1] - memory[first],
        "whole_s": whole_s,
    }


def main(way: str, count: int, folder: str, mark: str) -> None:
    """Run so many and print what came of it."""
    if way == "killpg":
        print(json.dumps(asyncio.run(_all(_killpg, count, mark))))
        return
    made = FolderWorkspaces(Path(folder), "none", way=way)
    print(json.dumps(asyncio.run(_all(_in_workspaces(made), count, mark))))
    made.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
