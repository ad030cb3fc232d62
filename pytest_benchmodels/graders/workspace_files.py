"""What checks of a workspace have in common: reading files of somebody hostile."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.core.text import plain, told
from pytest_benchmodels.core.workspace import Workspace

__all__ = [
    "MOST_BYTES",
    "UnreadableError",
    "content_of",
    "kind_of",
    "listed_content",
    "text_of",
    "undecided",
    "workspace_of",
]

MOST_BYTES = 2_000_000
_NO_FILE = "no regular file (a pipe, a socket or a device)"


class UnreadableError(Exception):
    """A file that cannot be judged; the text says why: `is larger than 2 MB`."""


def workspace_of(context: GradingContext) -> Workspace:
    """The run's workspace. Raises `CheckError` where the run has none."""
    if context.workspace is None:
        raise CheckError("this run has no workspace: a scenario has one by `workspace:` or `files:`")
    return context.workspace


def text_of(content: bytes) -> str:
    """The text of a file. Raises `UnreadableError` for what is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnreadableError("is binary, no text in UTF-8")
    return text


def undecided(explanation: str) -> Grade:
    """What cannot be told: neither the check nor its opposite holds."""
    return Grade(0.0, passed=False, explanation=explanation, undecided=True)


def kind_of(workspace: Workspace, path: str) -> str:
    """What is at a path: `file`, `nothing`, `a folder`, `a link out of the workspace`, and so on. It may block.

    Nothing is opened: to open a pipe waits for whoever writes into it.
    """
    root = workspace.path.resolve()
    place = root / path
    try:
        found = place.resolve()
        if not found.is_relative_to(root):
            return "a link out of the workspace"
        mode = found.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "a link to nothing" if _is_link(place) else "nothing"
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name that is too long
        return f"nothing that can be looked at ({plain(told(error))})"
    if stat.S_ISLNK(mode):
        return "a link to itself"
    if stat.S_ISREG(mode):
        return "file"
    return "a folder" if stat.S_ISDIR(mode) else _NO_FILE


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        return False


def content_of(workspace: Workspace, path: str, most: int = MOST_BYTES) -> bytes:
    """A file's content, of `most` bytes at most. It may block. Raises `UnreadableError`."""
    if (kind := kind_of(workspace, path)) != "file":
        raise UnreadableError(f"is {kind}")
    return _read(workspace, path, most)


def listed_content(workspace: Workspace, path: str, most: int = MOST_BYTES) -> bytes:
    """The same of a path among the workspace's `names`, to which no link leads: of 10,000 that takes half the time."""
    try:
        mode = os.lstat(f"{workspace.path}/{path}").st_mode
    except (OSError, ValueError) as error:
        raise UnreadableError(f"cannot be looked at: {plain(told(error))}") from error
    if not stat.S_ISREG(mode):
        raise UnreadableError(f"is {_NO_FILE}")
    return _read(workspace, path, most)


def _read(workspace: Workspace, path: str, most: int) -> bytes:
    try:
        content = workspace.read(path, most + 1)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or plain(told(error))}") from error
    if len(content) > most:
        raise UnreadableError(f"is larger than {most // 1_000_000} MB")
    return content
