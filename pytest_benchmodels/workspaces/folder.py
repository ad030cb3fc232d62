"""A run's own folder: made, worked in, compared with what it was, kept or removed."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal, TypeVar

from msgspec.structs import replace

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import clip, plain, well_formed
from pytest_benchmodels.core.workspace import Command, CommandResult, FileChange, RanCommand, Work, WorkspaceSpec
from pytest_benchmodels.workspaces.changes import (
    MOST_TEXT,
    Snapshot,
    apply_changes,
    find_changes,
    take_snapshot,
)
from pytest_benchmodels.workspaces.command_confinement import Way, command_confinement
from pytest_benchmodels.workspaces.command_starts import CommandStarts
from pytest_benchmodels.workspaces.commands import Running, confined
from pytest_benchmodels.workspaces.confinement import any_user
from pytest_benchmodels.workspaces.copying import copy_folder, remove_folder
from pytest_benchmodels.workspaces.mounts import Place
from pytest_benchmodels.workspaces.session_folder import SessionFolder
from pytest_benchmodels.workspaces.tree import Entry, Tree
from pytest_benchmodels.workspaces.visible_programs import program_path, visible_programs

__all__ = ["Folder", "FolderWorkspaces", "Hide", "Keep"]

Keep = Literal["none", "failed", "all"]
Hide = Callable[[Model, str], str]
"""Takes the keys of a model, and of the session, out of a text."""

_T = TypeVar("_T")
_SHOWN = 4_000
_MOST_SAVED = 50_000_000
"""In bytes: of what setup made so much is saved, to tell later what the run changed of it."""

_TAKEN_OVER = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "NO_COLOR")


def _as_it_is(_: Model, text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Making:
    """What all workspaces of a session have in common; `way`: see `command_confinement`."""

    session: SessionFolder
    starts: CommandStarts
    keep: Keep
    way: Way


class FolderWorkspaces:
    """Makes the workspaces of a process below one folder. `keep` says which are left there, `hide` hides keys."""

    def __init__(self, folder: Path, keep: Keep, hide: Hide = _as_it_is, way: Way = "best") -> None:
        """`way`: see `command_confinement`."""
        self._making = Making(SessionFolder(folder), CommandStarts(), keep, way)
        self._hide = hide
        self._numbers = count(1)

    def open(self, run: Run, spec: WorkspaceSpec) -> Folder:
        """See `Workspaces`."""
        name = f"{_safe(run.scenario.id)}-{_safe(run.model.id)}-{run.trial}-{next(self._numbers)}"
        return Folder(self._making, name, spec, partial(self._hide, run.model), run.timeout_s)

    def close(self) -> None:
        """The end of the session."""
        self._making.starts.close()
        self._making.session.close()


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:40] or "x"


class Folder:
    """Implements `OpenWorkspace`.

    Beside the workspace itself, `work`, lie a home and a folder for temporary files of its commands, and `before`: what
    setup made of files, as far as that is needed to tell what the run changes.
    """

    def __init__(
        self, making: Making, name: str, spec: WorkspaceSpec, hide: Callable[[str], str], limit_s: float | None = None
    ) -> None:
        """`limit_s`: so many seconds may all commands of setup take together; None for no limit."""
        self._limit_s = limit_s
        self._session, self._starts, self._keep, self._way = making.session, making.starts, making.keep, making.way
        self._name, self._spec, self._hide = name, spec, hide
        self._commands: list[RanCommand] = []
        self._notes: list[str] = []
        self._confined = ""
        self._saved: dict[str, Path] = {}
        self._snapshot = Snapshot({}, {}, {}, 0)
        self._stopped = threading.Event()
        self._untold = self._is_closed = False
        self._at_work: dict[Running, asyncio.Future[None]] = {}
        self._user = 0
        try:
            self._place = self._session.path / name
        except OSError as error:
            raise _not_made(error) from None
        self._path = self._place / "work"
        self._tree = Tree(self._path)

    @property
    def path(self) -> Path:
        return self._path

    async def prepare(self, changes: Sequence[FileChange] | None = None) -> None:
        """See `OpenWorkspace`."""
        try:
            copied = await self._in_thread(self._copy)
            left_s = self._limit_s
            for command in self._spec.setup:
                took_s = await self._set_up(command, left_s)
                left_s = None if left_s is None else max(left_s - took_s, 0.01)
            self._snapshot = await self._in_thread(partial(self._looked_at, copied))
            self._untold = True
            if changes is not None:
                await self._in_thread(partial(apply_changes, self._tree, changes))
        except OSError as error:
            raise _not_made(error) from None

    async def _set_up(self, command: str, left_s: float | None) -> float:
        """Run it; how many seconds it took."""
        ended = await self.run(Command(command, timeout_s=left_s), "setup")
        if ended.status != 0:
            how = f"failed with status {ended.status}"
            if ended.status is None:
                how = f"did not end within the run's limit of {self._limit_s:g} s"
            said = clip(plain((ended.errors or ended.output).strip()), 300) or "it wrote nothing"
            raise WorkspaceError(f"setup {how}: {clip(plain(command), 200)}: {said}")
        return ended.duration_s

    async def renew(self) -> None:
        """See `OpenWorkspace`."""
        await self._end_commands()
        self._saved = {}
        if not await self._in_thread(partial(remove_folder, self._place)):
            raise WorkspaceError(f"the workspace cannot be made anew: not all of it could be removed ({self._place})")
        await self.prepare()

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        """Wait for work in a thread; cancelled, wait until it has stopped: nobody else is to be in the folder then."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._stopped.set()
            while not task.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait((task,))
            with suppress(BaseException):
                task.result()
            raise

    def _copy(self) -> dict[str, Entry]:
        """Make it; what it then holds."""
        if os.geteuid() == 0 and command_confinement(self._way).bubblewrap is not None:
            self._user = self._user or any_user()  # made anew, it stays that of files in folders of `writable`
            self._tree = Tree(self._path, self._user)
        self._place.mkdir(0o700)
        for name in ("work", "home", "tmp"):
            folder = self._place / name
            folder.mkdir(0o700)
            if self._user:
                os.chown(folder, self._user, self._user)
        (self._place / "tmp").chmod(0o1777)  # as /tmp is: root gets through it before it becomes that user
        if self._spec.folder is not None:
            copy_folder(self._spec.folder, self._path, self._spec.left_out, self._user, self._stopped)
        for name, text in self._spec.files.items():
            self._tree.write(name, text.encode())
        return {entry.path: entry for entry in self._tree.entries()}

    def _looked_at(self, copied: Mapping[str, Entry]) -> Snapshot:
        """Look at all of it before the model does, and save what setup made: no other place has it."""
        origin = Tree(self._spec.folder) if self._spec.folder is not None else None

        def is_original(entry: Entry) -> bool:
            return origin is not None and entry.path not in self._spec.files and copied.get(entry.path) == entry

        snapshot = take_snapshot(self._tree, time.time_ns(), origin, is_original)
        if self._spec.setup:
            (self._place / "before").mkdir(0o700)
            left = _MOST_SAVED
            for path, entry in snapshot.entries.items():
                if copied.get(path) != entry and not entry.is_link and entry.size <= min(left, MOST_TEXT):
                    left -= entry.size
                    self._saved[path] = saved = self._place / "before" / str(len(self._saved))
                    with suppress(OSError):
                        saved.write_bytes(self._tree.read(path, MOST_TEXT))
        return snapshot

    def _before(self, path: str) -> bytes | None:
        """What a file held when the model began."""
        with suppress(OSError):
            if path in self._saved:
                return self._saved[path].read_bytes()
            if path in self._spec.files:
                return self._spec.files[path].encode()
            if self._spec.folder is not None:
                return Tree(self._spec.folder).read(path, MOST_TEXT + 1)
        return None

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        """See `Workspace`."""
        if self._is_closed:
            raise WorkspaceError("the run is over, and so is its workspace: no command can run there any more")
        try:
            running = await asyncio.to_thread(self._ready, command)
        except OSError as error:  # a full disk
            raise WorkspaceError(f"a command cannot be started: {error.strerror or error}") from None
        start = time.perf_counter()
        status: int | None = None
        over = self._at_work[running] = asyncio.get_running_loop().create_future()
        try:
            ended = await running.run()
            status = ended.status
        finally:
            took = time.perf_counter() - start
            told = command.words if isinstance(command.words, str) else shlex.join(command.words)
            written = self._hide(running.written())[-_SHOWN:]
            self._commands.append(
                RanCommand(self._hide(clip(well_formed(told), _SHOWN)), purpose, status, took, written)
            )
            self._note(running)
            del self._at_work[running]
            over.set_result(None)
        output, errors = self._hide(ended.output), self._hide(ended.errors)
        return replace(ended, output=output, errors=errors)

    def _ready(self, command: Command) -> Running:
        """All that has to be found out before it can start."""
        way = command_confinement(self._way)
        self._confined = way.told()
        steps = confined(way, command, self._placed(command))
        is_bubble = way.bubblewrap is not None
        environment = {**_surroundings(), **self._own_environment(is_bubble), **command.environment}
        return Running(self._starts, steps, command, environment, way.python, is_bubble or way.namespaces, self._user)

    def _placed(self, command: Command) -> Place:
        """Where a command works. Those who were no users of the system yet get a name: programs ask for it."""
        home = self._place / "home"
        replaced: tuple[tuple[str, str], ...] = ()
        if self._user:
            known = (("passwd", f"{self._user}:{self._user}::{home}:/bin/sh"), ("group", f"{self._user}:"))
            root = {"passwd": "root:x:0:0::/:/bin/sh", "group": "root:x:0:"}
            for name, rest in known:
                (self._place / name).write_text(f"{root[name]}\nagent:x:{rest}\n", "utf-8")
                (self._place / name).chmod(0o644)
            replaced = tuple((f"/etc/{name}", str(self._place / name)) for name, _ in known)
        return Place(
            str(self._path),
            str(home),
            str(self._place / "tmp"),
            (*visible_programs(), *command.readable),
            command.writable,
            command.network,
            self._user,
            replaced,
            self._session.settings(),
        )

    def _own_environment(self, is_wrapped: bool) -> dict[str, str]:  # noqa: FBT001 - one caller
        temporary = "/tmp" if is_wrapped else str(self._place / "tmp")  # noqa: S108 - its own
        home = str(self._place / "home")
        return {"HOME": home, "TMPDIR": temporary, "PWD": str(self._path), "USER": "agent", "LOGNAME": "agent"}

    def _note(self, running: Running) -> None:
        if running.throttled_s >= 1.0:
            self._notes.append(
                f"a command was held back by its limit on processor time for {running.throttled_s:.0f} s"
            )
        if running.left:
            self._notes.append(f"{running.left} processes of a command could not be ended: they wait for a device")

    def names(self, pattern: str = "**") -> Sequence[str]:
        """See `Workspace`."""
        return self._tree.names(pattern)

    def read(self, path: str, most: int = 2_000_000) -> bytes:
        """See `Workspace`."""
        return self._tree.read(path, most)

    def hidden(self, text: str) -> str:
        """See `OpenWorkspace`."""
        return self._hide(text)

    def write(self, path: str, content: bytes) -> None:
        """See `Workspace`."""
        self._tree.write(path, content)

    def changes(self) -> tuple[FileChange, ...]:
        """See `Workspace`."""
        self._untold = False
        changes, notes = find_changes(self._tree, self._snapshot, self._before, self._hide)
        self._notes += [note for note in notes if note not in self._notes]
        return changes

    async def close(self, *, passed: bool) -> Work:
        """See `OpenWorkspace`."""
        self._is_closed = True
        await self._end_commands()
        kept, changes = "", tuple[FileChange, ...]()
        is_kept = self._keep == "all" or (self._keep == "failed" and not passed)
        try:
            # A run that came to no end has no answer to keep them with.
            changes = await self._in_thread(self.changes) if self._untold else ()
            kept = await self._in_thread(partial(self._leave, is_kept=is_kept))
        except OSError as error:
            self._notes.append(f"the workspace could not be kept: {error.strerror}")
        return Work(self._confined, kept, tuple(self._commands), changes, tuple(self._notes))

    async def _end_commands(self) -> None:
        """Whoever started them may be code of the user's that nobody waits for any more."""
        for running in self._at_work:
            running.stop()
        if self._at_work:
            await asyncio.wait(tuple(self._at_work.values()))

    def _leave(self, *, is_kept: bool) -> str:
        kept = ""
        try:
            if is_kept and self._path.is_dir():
                kept = str(self._session.keep(self._path, self._name))
        finally:
            if not remove_folder(self._place) and self._place.exists():
                self._notes.append(f"not all of its workspace could be removed: {self._place}")
        return kept


def _surroundings() -> dict[str, str]:
    """What of the session's environment commands have: nothing that may hold a key."""
    taken = {name: os.environ[name] for name in _TAKEN_OVER if name in os.environ}
    return {"LANG": "C.UTF-8", **taken, "PATH": program_path()}


def _not_made(error: OSError) -> WorkspaceError:
    where = f" ({plain(str(error.filename))})" if error.filename else ""
    return WorkspaceError(f"the workspace cannot be made: {error.strerror or error}{where}")
