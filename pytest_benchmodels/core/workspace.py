"""A folder that a run is worked on in, the commands that run there, and what a run changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

__all__ = ["Command", "CommandResult", "FileChange", "RanCommand", "Work", "Workspace", "WorkspaceSpec"]


def _no_digest() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class WorkspaceSpec:
    """What a scenario's workspace is made of, afresh for each run.

    `folder` is copied, without the entries of its top that `left_out` names; None for an empty workspace. `files` are
    written over it: texts by their paths, relative to the workspace. The commands of `setup` run in it, one after
    another, by a shell, before the model is asked. `digest` tells the content of the folder: it reads all of it.
    """

    folder: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    digest: Callable[[], str] = field(default=_no_digest, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run in a workspace: `words`, the program first; or one text, which a shell reads.

    `stdin` is its input. `timeout_s` is in seconds of real time, None for the run's own limit alone; of a check's
    command that is what is left of that, 600 at most. `environment` is
    added to the little that what is confined sees; no key is in there unless it is put there. `network`: whether it may
    reach the network. `readable` and `writable` are files and folders outside of the workspace that it may use.
    `memory_mb`, `processes` (threads counted) and `file_mb` are limits of all its processes together as far as the
    machine can hold them to that. Of its output the last `output_bytes` of each stream are kept.
    """

    words: tuple[str, ...] | str
    stdin: str = ""
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    memory_mb: int = 4_000
    processes: int = 512
    file_mb: int = 1_000
    output_bytes: int = 2_000_000


class CommandResult(Struct, frozen=True):
    """How a command ended.

    `status` is its exit status, as shells have it: 127 for a program that is not there, 128 and a signal's number where
    that ended it; None where its time, `limit_s`, was over. `output` and `errors` are what it wrote, hostile text, with
    no half characters. `is_cut`: the beginning of one of them was too long to be kept. `duration_s` and `cpu_s` are in
    seconds, `cpu_s` None where nobody could tell.
    """

    status: int | None
    output: str = ""
    errors: str = ""
    duration_s: float = 0.0
    cpu_s: float | None = None
    is_cut: bool = False
    limit_s: float | None = None


class FileChange(Struct, frozen=True, omit_defaults=True):
    """One file that a run changed.

    `path` is relative to the workspace, with slashes; with one at its end it stands for the many changed files below
    that folder. `diff` is a unified diff, empty for what is no text or too long. `size` in bytes and `digest` (SHA-256
    in hex) are those of the file as it is now, 0 and empty for one that was deleted. `is_link`: it is a symbolic link,
    whose target stands in the diff. `mode` holds the permission bits, where they changed.
    """

    path: str
    kind: Literal["added", "modified", "deleted"]
    diff: str = ""
    size: int = 0
    digest: str = ""
    is_link: bool = False
    mode: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the file can be made again from what it was, and this."""
        is_file = not self.path.endswith("/")
        return is_file and (self.kind == "deleted" or bool(self.diff) or self.size == 0 or self.mode is not None)


class RanCommand(Struct, frozen=True, omit_defaults=True):
    """One command that ran in a workspace, for a reader: `purpose` is `setup`, `agent`, `tool` or `check`.

    `output` is the end of what it wrote.
    """

    command: str
    purpose: str = ""
    status: int | None = None
    duration_s: float = 0.0
    output: str = ""


class Work(Struct, frozen=True, omit_defaults=True):
    """What became of a run's workspace.

    `confined` says how its commands were confined (`by bubblewrap`), `kept` is the folder where it was left to be
    looked at, empty where it is gone. `changes` are there where no answer holds them. `notes` tell of what else bore
    upon the run: the machine's load, throttling. `cpu_share` is how many processors the agent's commands kept busy, on
    average; None where nobody could tell.
    """

    confined: str = ""
    kept: str = ""
    commands: tuple[RanCommand, ...] = ()
    changes: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()
    cpu_share: float | None = None


class Workspace(Protocol):
    """A run's own folder. Whoever works in it is hostile: links in it lead anywhere, names hold anything."""

    @property
    def path(self) -> Path:
        """Where it lies, outside of any confinement."""

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        """Run a command, confined, in the workspace; return when all of its processes are gone.

        Cancelling it ends all of them first. Raises `WorkspaceError` where it cannot be run here.
        """

    def names(self, pattern: str = "**") -> Sequence[str]:
        """The files that fit a glob pattern, relative and sorted; nothing that a link leads to. It may block.

        `**` stands for any folders, `*` for anything but a slash; hidden files count.
        """

    def read(self, path: str, most: int = 2_000_000) -> bytes:
        """A file's first bytes. It may block.

        Raises `OSError` where there is none (`FileNotFoundError`), and for a path that leads out of the workspace.
        """

    def write(self, path: str, content: bytes) -> None:
        """Write a file, with the folders above it. It may block. Raises `OSError` as `read` does."""

    def changes(self) -> tuple[FileChange, ...]:
        """What differs from what the model was given, by path. It may block."""
