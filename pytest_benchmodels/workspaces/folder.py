"""A run's own copy of a folder: made, worked in, compared with what it was, kept or removed."""

from __future__ import annotations

import asyncio
import difflib
import fnmatch
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.core.workspace import Command, CommandResult, FileChange, RanCommand, Work, WorkspaceSpec

__all__ = ["Folder", "FolderWorkspaces", "Keep"]

Keep = Literal["none", "failed", "all"]
_SHOWN = 4_000


class FolderWorkspaces:
    """Makes the workspaces of a session below one folder. `keep` says which are left there."""

    def __init__(self, folder: Path, keep: Keep) -> None:
        self._folder = folder
        self._keep = keep
        self._made = 0

    def open(self, run: Run, spec: WorkspaceSpec) -> Folder:  # noqa: ARG002 - a Workspaces
        """See `Workspaces`."""
        self._made += 1
        return Folder(self._folder / f"{os.getpid()}-{self._made}", spec, self._keep)

    def close(self) -> None:
        """The end of the session."""


class Folder:
    """Implements `Workspace`."""

    def __init__(self, path: Path, spec: WorkspaceSpec, keep: Keep) -> None:
        self._path = path
        self._spec = spec
        self._keep = keep
        self._before: dict[str, bytes] = {}
        self._commands: list[RanCommand] = []

    @property
    def path(self) -> Path:
        return self._path

    async def prepare(self, changes: Sequence[FileChange] | None = None) -> None:  # noqa: ARG002 - not yet
        """See `OpenWorkspace`."""
        await asyncio.to_thread(self._copy)
        for command in self._spec.setup:
            ended = await self.run(Command(command), "setup")
            if ended.status != 0:
                said = clip(plain((ended.errors or ended.output).strip()), 300)
                raise WorkspaceError(f"setup failed with status {ended.status}: {command}: {said}")
        self._before = await asyncio.to_thread(self._contents)

    def _copy(self) -> None:
        self._path.mkdir(parents=True)
        if self._spec.folder is not None:
            for entry in self._spec.folder.iterdir():
                if entry.name not in self._spec.left_out:
                    target = self._path / entry.name
                    shutil.copytree(entry, target, symlinks=True) if entry.is_dir() else shutil.copy2(entry, target)
        for name, text in self._spec.files.items():
            self.write(name, text.encode())

    def _contents(self) -> dict[str, bytes]:
        return {name: (self._path / name).read_bytes() for name in self.names()}

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        """See `Workspace`."""
        words = ["/bin/sh", "-c", command.words] if isinstance(command.words, str) else list(command.words)
        start = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self._path,
            env={"PATH": os.environ.get("PATH", ""), **command.environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(command.stdin.encode()), command.timeout_s)
            status: int | None = process.returncode
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            out, errors, status = b"", b"", None
        except asyncio.CancelledError:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        took = time.perf_counter() - start
        ended = CommandResult(status, out.decode("utf-8", "replace"), errors.decode("utf-8", "replace"), took)
        told = command.words if isinstance(command.words, str) else " ".join(command.words)
        self._commands.append(RanCommand(told, purpose, status, took, ended.output[-_SHOWN:]))
        return ended

    def names(self, pattern: str = "**") -> Sequence[str]:
        """See `Workspace`."""
        return sorted(name for name in self._files() if pattern == "**" or fnmatch.fnmatchcase(name, pattern))

    def _files(self) -> Iterator[str]:
        for folder, _, files in os.walk(self._path):
            for name in files:
                path = Path(folder, name)
                if not path.is_symlink():
                    yield path.relative_to(self._path).as_posix()

    def read(self, path: str, most: int = 2_000_000) -> bytes:
        """See `Workspace`."""
        with self._inside(path).open("rb") as file:
            return file.read(most)

    def write(self, path: str, content: bytes) -> None:
        """See `Workspace`."""
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def _inside(self, path: str) -> Path:
        target = (self._path / path).resolve()
        if not target.is_relative_to(self._path.resolve()):
            raise PermissionError(f"{path} leads out of the workspace")
        return target

    def changes(self) -> tuple[FileChange, ...]:
        """See `Workspace`."""
        now = self._contents()
        found = []
        for path in sorted(self._before.keys() | now.keys()):
            old, new = self._before.get(path), now.get(path)
            if old != new:
                kind: Literal["added", "modified", "deleted"] = (
                    "added" if old is None else "deleted" if new is None else "modified"
                )
                digest = "" if new is None else hashlib.sha256(new).hexdigest()
                found.append(FileChange(path, kind, _diff(path, old or b"", new or b""), len(new or b""), digest))
        return tuple(found)

    async def close(self, *, passed: bool) -> Work:
        """See `OpenWorkspace`."""
        is_kept = self._keep == "all" or (self._keep == "failed" and not passed)
        if not is_kept:
            await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)
        return Work("by nothing", str(self._path) if is_kept else "", tuple(self._commands))


def _diff(path: str, old: bytes, new: bytes) -> str:
    before, after = (each.decode("utf-8", "replace").splitlines(keepends=True) for each in (old, new))
    return "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))
