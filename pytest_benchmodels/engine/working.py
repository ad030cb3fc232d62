"""The seam to whatever makes the folders that runs are worked on in, and these as the engine and checks have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.workspace import Command, CommandResult, FileChange, Work, Workspace, WorkspaceSpec
from pytest_benchmodels.engine.machine import LoadMeter
from pytest_benchmodels.engine.scope import Scope

__all__ = ["JudgedWorkspace", "NoWorkspaces", "OpenWorkspace", "WatchedWorkspace", "Workspaces"]

Inner = TypeVar("Inner", bound=Workspace)

_CHECK_S = 600.0
"""For so many seconds a check's command may run that says no time of its own, where the run's limit is longer."""


class OpenWorkspace(Workspace, Protocol):
    """A workspace, as whoever made it has it."""

    async def prepare(self, changes: Sequence[FileChange] | None = None) -> None:
        """Copy the folder and run the setup; or, given what an earlier run changed, make it what that run left.

        Raises `WorkspaceError`.
        """

    async def renew(self) -> None:
        """Make all of it anew, as `prepare` did: nothing of what was done since is left. Raises `WorkspaceError`."""

    def hidden(self, text: str) -> str:
        """A text without the keys that its commands may have seen."""

    async def close(self, *, passed: bool) -> Work:
        """The end: it is kept or removed, and nothing that ran in it is left. What became of it."""


class Workspaces(Protocol):
    """Makes workspaces; see `workspaces`."""

    def open(self, run: Run, spec: WorkspaceSpec) -> OpenWorkspace:
        """One for a run; quick: nothing is copied yet. It has to be closed. Raises `WorkspaceError`."""


class NoWorkspaces:
    """The `Workspaces` of a session that allows no commands."""

    def open(self, run: Run, spec: WorkspaceSpec) -> OpenWorkspace:  # noqa: ARG002 - a Workspaces
        raise WorkspaceError("commands are not run here: give --bench-allow-commands")


class _Wrapped(Generic[Inner]):
    """A `Workspace` by another one."""

    def __init__(self, workspace: Inner) -> None:
        self._workspace = workspace

    @property
    def path(self) -> Path:
        return self._workspace.path

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        """See `Workspace`."""
        return await self._workspace.run(command, purpose)

    def names(self, pattern: str = "**") -> Sequence[str]:
        """See `Workspace`."""
        return self._workspace.names(pattern)

    def read(self, path: str, most: int = 2_000_000) -> bytes:
        """See `Workspace`."""
        return self._workspace.read(path, most)

    def write(self, path: str, content: bytes) -> None:
        """See `Workspace`."""
        self._workspace.write(path, content)

    def changes(self) -> tuple[FileChange, ...]:
        """See `Workspace`."""
        return self._workspace.changes()


class WatchedWorkspace(_Wrapped[OpenWorkspace]):
    """An `OpenWorkspace` whose account tells what its commands and the machine were busy with."""

    def __init__(self, workspace: OpenWorkspace) -> None:
        super().__init__(workspace)
        self._meter = LoadMeter()

    async def prepare(self, changes: Sequence[FileChange] | None = None) -> None:
        """See `OpenWorkspace`."""
        await self._workspace.prepare(changes)
        self._meter = LoadMeter()

    async def renew(self) -> None:
        """See `OpenWorkspace`."""
        await self._workspace.renew()

    def hidden(self, text: str) -> str:
        """See `OpenWorkspace`."""
        return self._workspace.hidden(text)

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        """See `Workspace`."""
        ended = await super().run(command, purpose)
        if purpose == "agent":
            self._meter.add(ended.cpu_s, ended.duration_s)
        return ended

    async def close(self, *, passed: bool) -> Work:
        """See `OpenWorkspace`."""
        notes = self._meter.notes()
        work = await self._workspace.close(passed=passed)
        return replace(work, notes=(*work.notes, *notes), cpu_share=self._meter.cpu_share)


class JudgedWorkspace(_Wrapped[Workspace]):
    """A run's workspace as its checks have it: while a command of theirs runs, the time of the run stands still.

    Those that say no time of their own share what is left of the run's: what one took, the next one has no more.
    """

    def __init__(self, workspace: Workspace, scope: Scope) -> None:
        super().__init__(workspace)
        self._scope = scope
        self._took_s = 0.0

    def names(self, pattern: str = "**") -> Sequence[str]:
        """See `Workspace`. One that has a key in it is told without, and so is no file that a check can read."""
        names = super().names(pattern)
        told = "\0".join(names)
        return names if (hidden := self._scope.hide_keys(told)) == told else hidden.split("\0")

    def read(self, path: str, most: int = 2_000_000) -> bytes:
        """See `Workspace`. Keys are hidden: explanations quote files, and judges, who are others, are shown them."""
        content = super().read(path, most)
        # What is no UTF-8 comes out as it went in.
        text = content.decode("utf-8", "surrogateescape")
        if (hidden := self._scope.hide_keys(text)) == text:
            return content
        shown = hidden.encode("utf-8", "surrogateescape")
        # Readers tell by the length whether a file is longer than they want.
        return shown.ljust(most) if len(content) >= most else shown

    async def run(self, command: Command, purpose: str = "check") -> CommandResult:
        """See `Workspace`."""
        if command.timeout_s is not None:
            with self._scope.suspended():
                return await super().run(command, purpose)
        left_s = self._scope.left_s
        limit_s = _CHECK_S if left_s is None else min(_CHECK_S, left_s - self._took_s)
        if limit_s <= 0:
            return CommandResult(None, limit_s=0.0)
        with self._scope.suspended():
            ended = await super().run(changed(command, timeout_s=limit_s), purpose)
        self._took_s += ended.duration_s
        return ended
