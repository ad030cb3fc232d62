"""No room on the disk, no descriptors, no processes: a command's error says so, and the next one runs as ever."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, CommandResult, WorkspaceSpec
from pytest_benchmodels.workspaces.command_starts import CommandStarts
from pytest_benchmodels.workspaces.folder import Folder
from tests.workspaces.made import prepared

# A shell's own parent watches over it, and the parent of that is the program that starts commands.
PROGRAM = "cut -d' ' -f4 /proc/$PPID/stat"


@contextmanager
def limited(kind: int, most: int, process: int = 0) -> Iterator[None]:
    """Have a process of ours get no more of something than that."""
    soft, hard = resource.prlimit(process, kind)
    resource.prlimit(process, kind, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(process, kind, (soft, hard))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def lowest_descriptor() -> int:
    number = os.dup(0)
    os.close(number)
    return number


def test_of_a_command_without_descriptors_none_stays_open(scratch: Path) -> None:
    refused = []

    async def work(workspace: Folder) -> CommandResult:
        await workspace.run(Command("true"))
        before = open_descriptors()
        for left in range(16):
            with limited(resource.RLIMIT_NOFILE, lowest_descriptor() + left):
                try:
                    await workspace.run(Command("true"))
                except WorkspaceError as error:
                    refused.append(str(error))
            assert open_descriptors() == before
        return await workspace.run(Command("echo after"))

    assert prepared(scratch, WorkspaceSpec(), work, "limits").output == "after\n"
    assert len(refused) > 8
    assert set(refused) == {"a command cannot be started: Too many open files"}


@pytest.mark.parametrize(
    ("kind", "most", "why"),
    [
        (resource.RLIMIT_NOFILE, 5, "Too many open files"),
        (resource.RLIMIT_NPROC, 0, "Resource temporarily unavailable"),
    ],
)
def test_the_program_that_starts_commands_outlives_a_shortage(scratch: Path, kind: int, most: int, why: str) -> None:
    if kind == resource.RLIMIT_NPROC and os.geteuid() == 0:
        pytest.skip("nothing limits how many processes root has")

    async def work(workspace: Folder) -> list[CommandResult]:
        first = await workspace.run(Command(PROGRAM))
        with (
            limited(kind, most, int(first.output)),
            pytest.raises(WorkspaceError, match=f"^a command cannot be started: {why}$"),
        ):
            await workspace.run(Command(PROGRAM))
        return [first, await workspace.run(Command(PROGRAM))]

    first, after = prepared(scratch, WorkspaceSpec(), work, "limits")

    assert after.output == first.output


def test_settings_that_a_full_disk_cut_off_are_copied_again(scratch: Path) -> None:
    assert max(path.stat().st_size for path in map(Path, ("/etc/services", "/etc/ld.so.cache"))) > 1_000

    def copied(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    async def work(workspace: Folder) -> dict[str, bytes]:
        with (
            limited(resource.RLIMIT_FSIZE, 1_000),
            pytest.raises(WorkspaceError, match=r"^a command cannot be started: File too large$"),
        ):
            await workspace.run(Command("true"))
        assert (await workspace.run(Command("true"))).status == 0
        return copied(workspace.path.parents[1] / ".settings")

    copies = prepared(scratch, WorkspaceSpec(), work, "limits")
    originals = {name: Path("/etc", name).read_bytes() for name in copies if Path("/etc", name).is_file()}

    assert len(originals) > 3
    assert {name: copies[name] for name in originals} == originals


def test_what_cannot_be_taken_away_from_a_command_is_told() -> None:
    spec = {"user": 0, "powers": True, "namespaces": False, "readable": None, "start": "", "limits": {"RLIMIT_X": 1}}
    task = {"words": ["true"], "spec": spec, "environment": {}, "grace_s": 0.0, "cgroup": "", "is_wrapped": False}
    starts = CommandStarts()
    null = os.open("/dev/null", os.O_RDWR)
    (errors, their_errors), (report, their_report), (control, our_control) = os.pipe(), os.pipe(), os.pipe()
    process = starts.start(sys.executable, task, [null, null, their_errors, control, their_report])
    for end in (null, their_errors, their_report, control):
        os.close(end)
    with os.fdopen(errors, "rb") as told, os.fdopen(report, "rb") as reported:
        assert told.read() == b"the command cannot be confined: module 'resource' has no attribute 'RLIMIT_X'\n"
        assert json.load(reported)["status"] == 127
    os.close(our_control)
    starts.leave(process, kill=False)
    starts.close()
