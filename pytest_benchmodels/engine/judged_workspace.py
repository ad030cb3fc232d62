"""A run's workspace as its checks have it: their commands have limits of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_benchmodels.core.workspace import Command, CommandResult, FileChange, Workspace
from pytest_benchmodels.engine.scope import Scope

__all__ = ["JudgedWorkspace"]


class JudgedWorkspace:
    """Implements `Workspace`. While a command of a check runs, the time of the run stands still."""

    def __init__(self, workspace: Workspace, scope: Scope) -> None:
        self._workspace = workspace
        self._scope = scope

    @property
    def path(self) -> Path:
        return self._workspace.path

    async def run(self, command: Command, purpose: str = "check") -> CommandResult:
        """See `Workspace`."""
        with self._scope.suspended():
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
