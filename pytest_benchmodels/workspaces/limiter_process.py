"""A program that takes rights away from itself, and then becomes the command that it was given.

It runs by `python -I -S` and imports nothing of ours. What the kernel does not offer is left out here without a word:
`confinement` looks from within at what came of it.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Spec(TypedDict):
        """What is to be taken away.

        `user` is the user to become, 0 for none. `namespaces`: no network, no other processes, and `scratch` as a
        folder in memory of `scratch_bytes` bytes; only where that worked may it be written to. `readable` are the only
        files and folders that may be read, None for no such rule. `limits` are resource limits by their names in
        `resource`.
        """

        user: int
        namespaces: bool
        scratch: str
        scratch_bytes: int
        readable: list[str] | None
        limits: dict[str, int]


__all__ = ["limit_and_run"]

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_KILL = 9

# The numbers of these calls are the same on every architecture of Linux.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ, _READ_OF_A_FILE, _WRITE_OF_A_FILE = 0b1101, 0b101, 0b10
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights about files each version of Landlock knows; the lowest bits stand for them."""


def limit_and_run(spec: Spec) -> None:
    """Apply what the spec says, and become the command that the arguments are."""
    command = sys.argv[1:]
    libc: Any = None
    may_write = False
    if spec["namespaces"] or spec["readable"] is not None:
        import ctypes  # noqa: PLC0415 - takes as long as Python itself to start

        libc = ctypes.CDLL(None, use_errno=True)
    if spec["namespaces"] and _leave_namespaces(libc):
        may_write = _mount_scratch(libc, spec)
        _go_on_as_child(libc)
    if spec["user"]:
        os.setgroups([])
        os.setresgid(spec["user"], spec["user"], spec["user"])
        os.setresuid(spec["user"], spec["user"], spec["user"])
    if libc is not None:
        # A change of the user has taken this back.
        libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if spec["readable"] is not None:
        _restrict_files(libc, spec["readable"], spec["scratch"] if may_write else None)
    if may_write:
        os.chdir(spec["scratch"])
    for name, most in spec["limits"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (allowed, allowed))
    try:
        os.execv(command[0], command)  # noqa: S606 - that is what it is for
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")


def _leave_namespaces(libc: Any) -> bool:
    """Have a network, processes and mounts of our own. False where the system does not let us."""
    user, group = os.geteuid(), os.getegid()
    own = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
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


def _go_on_as_child(libc: Any) -> None:
    """Go on as the first process of the new namespace; with it, all in there end."""
    libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _restrict_files(libc: Any, readable: Sequence[str], writable: str | None) -> None:
    """Let nothing be read but these, and nothing be written but below one folder (Landlock)."""
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
    if writable is not None:
        _allow(libc, ruleset, writable, files)
    libc.syscall(_RESTRICT_SELF, ctypes.c_long(ruleset), 0)
    os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
