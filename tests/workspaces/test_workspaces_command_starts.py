"""The program that starts commands: it serves one session, and what becomes of it costs no command."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, CommandResult, WorkspaceSpec
from pytest_benchmodels.workspaces.command_starts import CommandStarts
from pytest_benchmodels.workspaces.folder import Folder
from tests.workspaces.made import Marked, prepared

# A shell's own parent watches over it, and the parent of that is the program. Nothing confines these.
PROGRAM = "$(cut -d' ' -f4 /proc/$PPID/stat)"


def ran(scratch: Path, *scripts: str) -> list[CommandResult]:
    async def work(workspace: Folder) -> list[CommandResult]:
        return [await workspace.run(Command(script)) for script in scripts]

    return prepared(scratch, WorkspaceSpec(), work, "limits")


def test_commands_have_one_program_and_each_a_process_that_watches(scratch: Path) -> None:
    ended = ran(scratch, *[f"echo {PROGRAM} $PPID"] * 3)

    programs, watchers = zip(*(each.output.split() for each in ended), strict=True)
    assert len(set(programs)) == 1
    assert len({*watchers, *programs}) == 4
    assert not Path("/proc", programs[0]).exists(), "it ended with the session"


@pytest.mark.parametrize("signal", ["KILL", "STOP", "TERM"])
def test_a_command_that_ends_or_stops_the_program_keeps_no_other_from_running(scratch: Path, signal: str) -> None:
    marked = Marked()
    first, second = ran(scratch, f"kill -{signal} {PROGRAM}; {marked.sleeps()} & echo done", "echo after")

    assert (first.status, first.output) == (0, "done\n")
    assert (second.status, second.output) == (0, "after\n")
    assert marked.living() == []


def test_many_start_at_once(scratch: Path) -> None:
    async def work(workspace: Folder) -> list[CommandResult]:
        return await asyncio.gather(*(workspace.run(Command(f"echo {number}")) for number in range(30)))

    ended = prepared(scratch, WorkspaceSpec(), work, "limits")

    assert [each.output for each in ended] == [f"{number}\n" for number in range(30)]


def test_threads_take_turns() -> None:
    starts = CommandStarts()
    null = os.open("/dev/null", os.O_RDWR)
    task = {
        "words": ["true"],
        "spec": {"user": 0, "powers": True, "namespaces": False, "readable": None, "start": "", "limits": {}},
        "environment": {"PATH": "/usr/bin:/bin"},
        "grace_s": 0.0,
        "cgroup": "",
        "is_wrapped": False,
    }
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: starts.start(sys.executable, task, [null] * 5), range(40)))
        for number in numbers:
            starts.leave(number, kill=True)
    starts.close()
    os.close(null)

    assert len(set(numbers)) == 40, "each was ours until we took leave of it"
    assert not any(Path("/proc", str(number)).exists() for number in numbers)


def test_what_cannot_be_an_environment_is_told(scratch: Path) -> None:
    async def work(workspace: Folder) -> CommandResult:
        return await workspace.run(Command("true", environment={"A=B": "c"}))

    with pytest.raises(WorkspaceError, match="cannot be started: a variable of its environment is called 'A=B'"):
        prepared(scratch, WorkspaceSpec(), work, "limits")


def test_what_may_have_been_started_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Slow:
        def ask(self, request: object, _: object) -> None:
            asked.append(request)

        def answer(self) -> int:
            raise TimeoutError("timed out")

        def end(self) -> None:
            pass

    starts = CommandStarts()
    monkeypatch.setattr(starts, "_server", Slow())

    with pytest.raises(TimeoutError):
        starts.start(sys.executable, {}, [])
    assert len(asked) == 1
