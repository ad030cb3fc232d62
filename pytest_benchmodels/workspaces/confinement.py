"""How a foreign process is confined: by bubblewrap, else by what the kernel lets us do; and what that leaves open.

What holds is not believed but tried: a probe runs in the confinement and tells what it could do.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pytest_benchmodels.core.errors import BenchError
from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.workspaces.mounts import DEVICES, SCRATCH_BYTES, Place, bubblewrap_arguments, seen_files

if TYPE_CHECKING:
    from pytest_benchmodels.workspaces.limiter_process import Spec

__all__ = [
    "Confinement",
    "Limits",
    "UnconfinedError",
    "any_user",
    "by_bubblewrap",
    "compile_programs",
    "find_confinement",
    "last_line",
    "left_open",
    "probed",
    "started",
    "told_confinement",
]

_HERE = Path(__file__).parent
_PROBE_S = 20
_FIRST_USER, _USERS = 1_900_000_000, 50_000_000
"""Where root starts processes: a range of users that nobody is."""

_WRITABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm")  # noqa: S108 - those of the machine
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_START = """import sys
for name, path in (("pytest_benchmodels", {package!r}), ("pytest_benchmodels.workspaces", {room!r})):
    sys.modules[name] = made = type(sys)(name)
    made.__path__ = [path]
from pytest_benchmodels.workspaces.{module} import {function}
{function}({argument})
"""


class UnconfinedError(BenchError):
    """Foreign code cannot be run here: the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of each confined process. `processes` are those that its user may have, threads counted.

    `cpu_s` is in seconds of processor time, None for no such limit; `memory_mb` in MB of address space, or without
    `counts_reserved` of what can be written to: engines of JavaScript reserve more addresses than any machine has
    memory. `file_mb` is in MB of each file.
    """

    cpu_s: int | None = 60
    memory_mb: int = 2_000
    processes: int = 8
    file_mb: int = 16
    open_files: int = 64
    counts_reserved: bool = True

    def by_name(self, others: int) -> dict[str, int]:
        """As the module `resource` names them, for a user who has so many other processes and threads."""
        return {
            "RLIMIT_CORE": 0,
            **({} if self.cpu_s is None else {"RLIMIT_CPU": self.cpu_s}),
            "RLIMIT_AS" if self.counts_reserved else "RLIMIT_DATA": self.memory_mb * 1_000_000,
            "RLIMIT_FSIZE": self.file_mb * 1_000_000,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_NPROC": others + self.processes,
        }


def _tasks_of(user: int) -> int:
    """How many processes and threads a user has now; 0 where the system does not tell."""
    count = 0
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with suppress(OSError):
                    if entry.stat().st_uid == user:
                        count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208 - names only, of thousands
    return count


@dataclass(frozen=True, slots=True)
class Confinement:
    """A way to confine processes. `open` says what it leaves open, in a reader's words; empty where nothing is.

    Without bubblewrap, `namespaces` and `files` (Landlock) are what the kernel is asked for.
    `python` is the interpreter that runs in it, `scratch` an empty folder on which those without bubblewrap put one of
    their own. `by_python`: within bubblewrap the last steps are taken by a program of ours, not by those of the system,
    which busybox and old systems lack in part.
    """

    name: str
    python: str
    scratch: str
    bubblewrap: str | None = None
    namespaces: bool = True
    files: bool = True
    open: tuple[str, ...] = ()
    by_python: bool = False

    def command(
        self, command: Sequence[str], limits: Limits, readable: Sequence[str] = (), place: Place | None = None
    ) -> list[str]:
        """What to run instead of this command. Of files it sees Python, the system's programs and `readable`.

        It starts in a folder in memory, the only one that it may write to, of 64 MB; or in a `place`.
        """
        spec, words = self.steps(command, limits, readable, place)
        return [*started(self.python, "limiter_process", "limit_and_run", repr(spec)), *words]

    def steps(
        self, command: Sequence[str], limits: Limits, readable: Sequence[str] = (), place: Place | None = None
    ) -> tuple[Spec, list[str]]:
        """The same in two: what a process has to take away from itself, and what it then has to become."""
        seen = seen_files(self.python, readable, place)
        is_wrapped = self.bubblewrap is not None
        user = 0
        if os.geteuid() == 0 and (place is None or is_wrapped):  # others may not reach root's folders unwrapped
            user = place.user if place is not None else any_user()
        devices = DEVICES if place is None else ("/dev", "/proc")
        spec: Spec = {
            "user": 0 if is_wrapped else user,
            "powers": place is None or is_wrapped,
            "namespaces": self.namespaces and not is_wrapped,
            "network": place is not None and place.network,
            "scratch": self.scratch if place is None else "",
            "scratch_bytes": SCRATCH_BYTES,
            "readable": [*seen, *devices] if self.files and not is_wrapped else None,
            "writable": [] if place is None else [*place.changeable, *_WRITABLE_DEVICES],
            "start": "" if place is None or is_wrapped else place.folder,
            "limits": limits.by_name(0 if user else _tasks_of(os.geteuid())),
        }
        if self.bubblewrap is None:
            return spec, [*command]
        start = "/tmp" if place is None else place.folder  # noqa: S108 - its own
        if self.by_python:
            last: Spec = {**spec, "user": user, "start": start, "writable": [], "limits": {}}
            within = started(self.python, "limiter_process", "limit_and_run", repr(last))
        else:
            within = _within(user, start, command[0])
        return spec, [self.bubblewrap, *bubblewrap_arguments(seen, place), *within, *command]

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of what is confined: nothing of ours, so no keys."""
        scratch = self.scratch if self.bubblewrap is None else "/tmp"  # noqa: S108 - its own
        return {**_ENVIRONMENT, "HOME": scratch, "TMPDIR": scratch}

    def told(self) -> str:
        """`by bubblewrap`, with what is left open."""
        return f"by {self.name}" + (f"; NOT confined: {', '.join(self.open)}" if self.open else "")


def _within(user: int, start: str, program: str) -> list[str]:
    """What becomes the command within bubblewrap: as another user where root starts it, in a folder of that user.

    Two small programs of every Linux do so; the program that else would is Python's, which takes longer to start
    than all the rest. Bubblewrap has set PWD to where it was itself, and agents go by it.
    """
    own = (_program("setpriv"), "--reuid", str(user), "--regid", str(user), "--clear-groups")
    # `env` would take such a name for a variable, or for an option of its own, and start the word after it.
    is_odd = "=" in program or program.startswith("-")
    taken_as_it_is = (_program("nice"), "-n", "0", "--") if is_odd else ()
    return [*(own if user else ()), _program("env"), "-C", start, f"PWD={start}", *taken_as_it_is]


def _program(name: str) -> str:
    """Where one of the system's own programs is: the folders of the user's PATH are not asked."""
    return shutil.which(name, path=_ENVIRONMENT["PATH"]) or name


def started(python: str, module: str, function: str, argument: str = "") -> list[str]:
    """The command that runs a function of a module of this folder, without the rest of the package and its imports.

    `argument` is a Python expression.
    """
    places = {"package": str(_HERE.parent), "room": str(_HERE)}
    text = _START.format(**places, module=module, function=function, argument=argument)
    return [python, "-I", "-S", "-c", text]


def any_user() -> int:
    """The number of a user that nobody is."""
    return _FIRST_USER + secrets.randbelow(_USERS)


def find_confinement(scratch: str, python: str | None = None, *, bubblewrap: bool = True) -> Confinement:
    """The best way that works on this machine, for processes that run this Python, else the session's.

    Raises `UnconfinedError` where not even the number of processes can be limited. `bubblewrap=False` looks for what
    there is without it. `scratch` is an empty folder.
    """
    compile_programs()
    python = python or os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    program = shutil.which("bwrap") if bubblewrap else None
    ways = [Confinement("resource limits, and namespaces and Landlock of the kernel", python, scratch)]
    if program is not None:
        ways[:0] = by_bubblewrap(python, scratch, program)
    reasons = []
    for way in ways:
        try:
            left = _confined(probed(way))
        except UnconfinedError as error:
            reasons.append(f"{way.name}: {error}")
            continue
        holds_nothing = len(left) == len(_OPEN) - 1
        return replace(way, name="resource limits alone" if holds_nothing else way.name, open=left)
    remedy = "install bubblewrap (Debian's package bubblewrap)" + (
        ", or do not run as root" if os.geteuid() == 0 else ""
    )
    raise UnconfinedError(f"foreign code cannot be confined on this machine: {remedy} ({'; '.join(reasons)})")


def by_bubblewrap(python: str, scratch: str, program: str) -> list[Confinement]:
    """The quick way, and the one of machines that it does not work on."""
    return [Confinement("bubblewrap", python, scratch, program, by_python=each) for each in (False, True)]


def compile_programs() -> None:
    """Have the programs compiled for the session's Python: what is confined can write nothing beside them."""
    for path in _HERE.glob("*.py"):
        with suppress(OSError):
            SourceFileLoader(path.stem, str(path)).get_code(path.stem)


def told_confinement() -> str:
    """How processes are confined on this machine, for a reader: `by bubblewrap`."""
    with TemporaryDirectory(prefix="benchmodels-code-") as folder:
        try:
            return find_confinement(folder).told()
        except UnconfinedError as error:
            return f"by nothing, and not run: {error}"


_OPEN = {
    "reads": "it can read files of yours",
    "writes": "it can write files of yours",
    "network": "it can reach the network",
    "signals": "it can end processes of yours, and outlive its run",
    "forks": "it can start any number of processes",
}


def left_open(found: Mapping[str, bool]) -> tuple[str, ...]:
    """What a probe could do, in a reader's words."""
    return tuple(words for name, words in _OPEN.items() if found[name])


def _confined(found: Mapping[str, bool]) -> tuple[str, ...]:
    """The same for code of answers: without a limit on processes none is run."""
    if found["forks"]:
        raise UnconfinedError("the number of processes cannot be limited")
    return left_open(found)


def last_line(errors: bytes) -> str:
    """What a program of ours, or bubblewrap, said last: of a traceback that is the error itself."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return plain(lines[-1]) if lines else ""


def probed(way: Confinement, place: Place | None = None) -> dict[str, bool]:
    """What a process can do that is confined in this way. Raises `UnconfinedError` where none begins."""
    with TemporaryDirectory(prefix="benchmodels-probe-") as folder:
        # Anybody may enter: what keeps the probe out has to be the confinement.
        Path(folder).chmod(0o755)
        secret = Path(folder, "secret")
        secret.write_text("secret", "utf-8")
        secret.chmod(0o666)
        task = [*started(way.python, "confinement_probe", "probe"), str(secret), str(os.getpid())]
        try:
            run = subprocess.run(  # noqa: S603 - our own command
                way.command(task, Limits(processes=4), (), place),
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=way.environment,
                timeout=_PROBE_S,
                start_new_session=True,
            )
            found = json.loads(run.stdout)
        except subprocess.TimeoutExpired:
            raise UnconfinedError(f"it did not begin within {_PROBE_S} s") from None
        except (OSError, ValueError) as error:
            said = last_line(run.stderr) if isinstance(error, ValueError) else str(error)
            raise UnconfinedError(clip(said, 200) or "it did not begin") from None
    return {str(name): bool(value) for name, value in found.items()}
