"""Workspaces for tests, confined in each way that this machine has."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.workspace import Command, CommandResult, WorkspaceSpec
from pytest_benchmodels.workspaces.command_confinement import command_confinement
from pytest_benchmodels.workspaces.folder import Folder, FolderWorkspaces, Keep

__all__ = ["COMMAND_WAYS", "Marked", "need", "opened", "prepared", "run", "run_of"]

COMMAND_WAYS = ("bubblewrap", "kernel", "limits")
_T = TypeVar("_T")


def need(way: str) -> None:
    """Skip the test where this machine does not have the way."""
    if way == "bubblewrap" and shutil.which("bwrap") is None:
        assert not os.environ.get("BENCHMODELS_BUBBLEWRAP_REQUIRED"), "CI has to have bubblewrap"
        pytest.skip("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
    if way == "kernel" and "Landlock" not in command_confinement("kernel").name:
        pytest.skip("this kernel has no Landlock")


def run_of(name: str = "a") -> Run:
    scenario = Scenario(id=name, source="suite.yaml:1", turns=())
    return Run(nodeid=f"suite.yaml::{name}", scenario=scenario, model=Model("sim/steady", "sim", "steady", ""), trial=1)


def opened(
    folder: Path, spec: WorkspaceSpec, way: str = "best", keep: Keep = "none"
) -> tuple[FolderWorkspaces, Folder]:
    made = FolderWorkspaces(folder / "workspaces", keep, way=way)
    return made, made.open(run_of(), spec)


def prepared(
    folder: Path, spec: WorkspaceSpec, work: Callable[[Folder], Awaitable[_T]], way: str = "best", keep: Keep = "none"
) -> _T:
    """Make a workspace, do some work in it and close it."""

    async def whole() -> _T:
        made, workspace = opened(folder, spec, way, keep)
        try:
            await workspace.prepare()
            return await work(workspace)
        finally:
            await workspace.close(passed=False)
            made.close()

    return asyncio.run(whole())


def run(folder: Path, command: Command, way: str = "best", spec: WorkspaceSpec | None = None) -> CommandResult:
    """Run one command in a workspace of its own."""
    return prepared(folder, spec or WorkspaceSpec(), lambda workspace: workspace.run(command), way)


class Marked:
    """A mark for processes of one test: an argument that no other process has, or a variable of its children."""

    def __init__(self) -> None:
        self.mark = f"mark-{os.getpid()}-{secrets.token_hex(6)}"

    def sleeps(self) -> str:
        """A shell's command that sleeps, and can be found."""
        return f"env MARK={self.mark} sh -c 'sleep 600; : {self.mark}'"

    def living(self) -> list[str]:
        """The command lines of processes that have the mark there, or in their environment, and have not ended."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    if self.mark in words or self.mark.encode() in (entry / "environ").read_bytes():
                        found.append(words)
        return found
