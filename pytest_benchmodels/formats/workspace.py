"""The workspace of a scenario: a folder beside its file, texts written over it, commands that set it up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path, PurePath, PurePosixPath

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.dataset import DatasetError, inside
from pytest_benchmodels.formats.document import MalformedError
from pytest_benchmodels.formats.reading import open_regular

__all__ = ["digest_of", "file_fault", "text_beside", "workspace_folder"]

_CHUNK = 1 << 20
_MOST_BYTES = 2_000_000


def workspace_folder(written: str, folder: Path, allowed: tuple[Path, ...]) -> Path:
    """The folder that the author names; raises ValueError for one that does not exist, or lies outside of `folder`."""
    try:
        path = inside(written, folder, allowed)
    except DatasetError as error:
        raise ValueError(str(error)) from None
    if not path.is_dir():
        raise ValueError("does not exist, or is no folder: a workspace is a folder beside the scenario file")
    if (link := _leading_out(path)) is not None:
        raise ValueError(f"holds a link that leads out of it, {quote(link)}: put what it leads to in its place")
    return path


@cache
def _leading_out(folder: Path) -> str | None:
    """The first link that leads out of a folder: copies of it would lead out of their workspace."""
    whole = folder.resolve()
    for name in sorted(_entries(folder)):
        link = folder / name
        if link.is_symlink() and (
            link.readlink().is_absolute()
            or not (whole / name).parent.joinpath(link.readlink()).resolve().is_relative_to(whole)
        ):
            return name
    return None


def file_fault(name: str) -> str | None:
    """What is wrong with the path of a file that is to be written into a workspace."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name or name.endswith("/"):
        return f"{quote(name)} is no path in the workspace: write it relative to that, with slashes and without '..'"
    return None


def text_beside(written: str, folder: Path, allowed: tuple[Path, ...]) -> str:
    """The text of a file that a check names; raises ValueError for one outside of `folder`, or that is no text.

    Of what is hidden, such as `.env`, nothing is read: failures tell of the text.
    """
    try:
        path = inside(written, folder, allowed)
        if _is_hidden(PurePosixPath(written)) or all(_leads_to_hidden(path, root) for root in (folder, *allowed)):
            raise ValueError("is hidden, or in a hidden folder: what a check compares with is shown where it differs")
        with os.fdopen(open_regular(path), "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except DatasetError as error:
        raise ValueError(str(error)) from None
    except MalformedError as error:
        raise ValueError(error.flaw.message) from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"is larger than {_MOST_BYTES // 1_000_000} MB, the most that a check compares with")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is no text in UTF-8: a check compares with texts") from None


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts if part not in (".", ".."))


def _leads_to_hidden(path: Path, root: Path) -> bool:
    """Whether a link in the way leads to something hidden, or out; where `root` lies is no matter."""
    real = root.resolve()
    return not path.is_relative_to(real) or _is_hidden(path.relative_to(real))


@cache
def digest_of(folder: Path) -> str:
    """A digest of all that the folder holds: names, contents, links, and which files can be executed.

    It is read once a process: the fixtures of a session do not change.
    """
    whole = hashlib.sha256()
    for name in sorted(_entries(folder)):
        path = folder / name
        if path.is_symlink():
            told = f"link {path.readlink()}"
        elif path.is_dir():
            told = "folder"
        elif not path.is_file():
            continue  # a pipe, a socket, a device: no copy has it, and to open a pipe waits for whoever writes into it
        else:
            told = f"{path.stat().st_mode & 0o111:o} {_digest_of_file(path)}"
        whole.update(f"{name}\0{told}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _entries(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118 - names only, of thousands


def _digest_of_file(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(partial(file.read, _CHUNK), b""):
            whole.update(chunk)
    return whole.hexdigest()
