"""The seam to whatever makes the folders that runs are worked on in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.workspace import FileChange, Work, Workspace, WorkspaceSpec

__all__ = ["NoWorkspaces", "OpenWorkspace", "Workspaces"]


class OpenWorkspace(Workspace, Protocol):
    """A workspace, as whoever made it has it."""

    async def prepare(self, changes: Sequence[FileChange] | None = None) -> None:
        """Copy the folder and run the setup; or, given what an earlier run changed, make it what that run left.

        Raises `WorkspaceError`.
        """

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
