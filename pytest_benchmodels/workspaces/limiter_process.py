"""Takes rights away from the process that it runs in, which then becomes the command that it was given.

It is a program of its own by `python -I -S`, and imports nothing of ours. What the kernel does not offer is left out
here without a word: `confinement` looks from within at what came of it.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Spec(TypedDict):
        """What is to be taken away.

        `user` is the user to become, 0 for none; `powers`: whether root keeps its rights over others. `namespaces`: no
        other processes, no network unless `network`, and `scratch`, if there is any, as a folder in memory of
        `scratch_bytes` bytes; only where that worked may it be written to. `readable` are the only files and folders
        that may be read, None for no such rule, and `writable` those that may be changed. `start` is the folder that
        the command starts in, empty for the scratch folder. `limits` are resource limits by their names in `resource`.
        """

        user: int
        powers: bool
        namespaces: bool
        network: bool
        scratch: str
        scratch_bytes: int
        readable: list[str] | None
        writable: list[str]
        start: str
        limits: dict[str, int]


__all__ = ["become", "limit_and_run"]

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_KILL = 9

# The numbers of these calls are the same on every architecture of Linux.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ, _READ_OF_A_FILE, _WRITE_OF_A_FILE = 0b1101, 0b101, 0b10
_FILE_WRITES = 0b111 | 1 << 14 | 1 << 15
"""Those of all rights that a file knows: to execute, write, read, cut it, and to control a device."""

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights about files each version of Landlock knows; the lowest bits stand for them."""


def limit_and_run(spec: Spec) -> None:
    """Apply what the spec says, and become the command that the arguments are."""
    where = {"PWD": spec["start"]} if spec["start"] else {}
    sys.exit(become(spec, sys.argv[1:], {**os.environ, **where}))


def become(spec: Spec, command: list[str], environment: Mapping[str, str]) -> int:
    """Apply what the spec says, and become the command. Where that cannot be, say why; the status that shells have."""
    _apply(spec)
    try:
        if spec["start"]:
            # Commands before may have taken the right to do so from all that follow.
            os.chdir(spec["start"])
    except OSError as error:
        return _refused(f"the workspace cannot be entered: {error.strerror}", 126)
    for name, most in spec["limits"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (allowed, allowed))
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - that is what it is for
    except (OSError, ValueError) as error:
        why = f"{command[0]} cannot be started: {getattr(error, 'strerror', error)}"
        return _refused(why, 126 if isinstance(error, PermissionError) else 127)


def _refused(why: str, status: int) -> int:
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    return status


def _apply(spec: Spec) -> None:
    """Take away rights. Where there is a scratch folder to itself, start there."""
    libc: Any = None
    may_write = False
    if spec["namespaces"] or spec["readable"] is not None or not spec["powers"]:
        import ctypes  # noqa: PLC0415 - takes as long as Python itself to start

        libc = ctypes.CDLL(None, use_errno=True)
    if spec["namespaces"] and _leave_namespaces(libc, network=spec["network"]):
        may_write = bool(spec["scratch"]) and _mount_scratch(libc, spec)
        _go_on_as_child(libc, reaps=not spec["scratch"])
    if spec["user"]:
        os.setgroups([])
        os.setresgid(spec["user"], spec["user"], spec["user"])
        os.setresuid(spec["user"], spec["user"], spec["user"])
    if libc is not None:
        # A change of the user has taken this back.
        libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if not spec["powers"]:
        _drop_powers(libc)
    if spec["readable"] is not None:
        _restrict_files(libc, spec["readable"], [*spec["writable"], *([spec["scratch"]] if may_write else [])])
    if may_write:
        os.chdir(spec["scratch"])


def _leave_namespaces(libc: Any, *, network: bool) -> bool:
    """Have processes, mounts and maybe a network of our own. False where the system does not let us."""
    user, group = os.geteuid(), os.getegid()
    own = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | (0 if network else _NEWNET)
    if libc.unshare(own if user == 0 else own | _NEWUSER) != 0:
        return False
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib takes time to import
                file.write(text)
    return True


def _mount_scratch(libc: Any, spec: Spec) -> bool:
    """Make the scratch folder one in memory, which only this process and its children see."""
    options = f"size={spec['scratch_bytes']},mode=1777".encode()
    is_private = libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
    flags = _MS_NOSUID | _MS_NODEV
    return is_private and bool(libc.mount(b"tmpfs", os.fsencode(spec["scratch"]), b"tmpfs", flags, options) == 0)


def _go_on_as_child(libc: Any, *, reaps: bool) -> None:
    """Go on as the first process of the new namespace; with it, all in there end.

    `reaps`: as a child of that first one, which takes leave of processes that nobody else waits for.
    """
    libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
    _leave_to_child()
    if reaps:
        libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
        # Programs look there for their own processes. Where it may not be mounted they see the numbers of outside.
        # Without the first, root would mount it for the whole machine.
        if libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0:
            libc.mount(b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV, None)
        _leave_to_child()


def _leave_to_child() -> None:
    """Have a child go on; wait for it, and for whoever else is left to us, and end as it did."""
    child = os.fork()
    if child == 0:
        return
    for standard in range(3):
        with suppress(OSError):
            os.close(standard)
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _drop_powers(libc: Any) -> None:
    """Let root be a user like others: what it then becomes has none of its rights over files and processes."""
    for power in range(64):
        libc.prctl(_PR_CAPBSET_DROP, power, 0, 0, 0)


def _restrict_files(libc: Any, readable: Sequence[str], writable: Sequence[str]) -> None:
    """Let nothing be read but these, and nothing be written but below others (Landlock)."""
    import ctypes  # noqa: PLC0415 - see above

    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    files = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    # Later versions also know of TCP, of signals and of abstract sockets.
    fields = (files, 0b11, 0b11)[: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return
    for path in readable:
        _allow(libc, ruleset, path, _READ if os.path.isdir(path) else _READ_OF_A_FILE)  # noqa: PTH112 - see above
    _allow(libc, ruleset, "/dev/null", _READ_OF_A_FILE | _WRITE_OF_A_FILE)
    for path in writable:
        _allow(libc, ruleset, path, files if os.path.isdir(path) else files & _FILE_WRITES)  # noqa: PTH112 - see above
    libc.syscall(_RESTRICT_SELF, ctypes.c_long(ruleset), 0)
    os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
