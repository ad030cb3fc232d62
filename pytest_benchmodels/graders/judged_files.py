"""Files of a run's workspace as a judge is shown them: those that a check names, cut where they are long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.workspace import Workspace
from pytest_benchmodels.graders.globs import Globs, Patterns, path_fault
from pytest_benchmodels.graders.workspace_files import UnreadableError, content_of, listed_content, text_of

__all__ = ["JudgedFiles", "file_fault", "judged_files"]

_MOST_CHARS = 100_000
"""Of all files of a check together: what a judge reads well, and pays for with each vote."""

_MOST_FILES = 20
_TOLD = 3


@dataclass(frozen=True, slots=True)
class JudgedFiles:
    """What is shown: texts by the names of their blocks, each beginning with its path; `notes` say what is left out.

    `fault` says why there is nothing to judge; empty where there is something.
    """

    parts: dict[str, str]
    notes: tuple[str, ...] = ()
    fault: str = ""


def file_fault(file: str, files: Patterns, *, is_pair: bool) -> str | None:
    """What is wrong with the two options of a check that name files; None if nothing is."""
    if is_pair and (file or files):
        return "`against` compares two answers: it goes with no `file` and no `files`"
    if file and files:
        return "name one file by `file`, or several by patterns in `files`, not both"
    if not file:
        _ = Globs(files)
        return None
    if (fault := path_fault(file)) is not None:
        return fault
    if file.endswith("/") or "*" in file:
        return f"{quote(file)}: `file` is about one file; for all that fit write `files: {file}`"
    return None


def judged_files(workspace: Workspace, file: str, files: Patterns) -> JudgedFiles:
    """Read what a check names. It may block. Raises nothing: a file that is not there is a verdict."""
    if file:
        try:
            found = [(file, text_of(content_of(workspace, file)))]
        except UnreadableError as reason:
            fault = f"expected {quote(file)}, and it is not there" if str(reason) == "is nothing" else ""
            return JudgedFiles({}, fault=fault or f"{quote(file)} cannot be judged: it {reason}")
        return _shown(found, [])
    globs = Globs(files)
    found, unread = [], []
    for path in globs.of(workspace.names()):
        try:
            found.append((path, text_of(listed_content(workspace, path))))
        except UnreadableError as reason:
            unread.append(f"{quote(path)} {reason}")
        if len(found) > _MOST_FILES:
            break
    if not found:
        but = f": {', '.join(unread[:_TOLD])}" if unread else ""
        return JudgedFiles({}, fault=f"no file that a judge can read fits {globs.told()}{but}")
    return _shown(found, unread)


def _shown(found: Sequence[tuple[str, str]], unread: Sequence[str]) -> JudgedFiles:
    parts: dict[str, str] = {}
    notes = list(_left_out(found, unread))
    left = _MOST_CHARS
    for number, (path, text) in enumerate(found[:_MOST_FILES], 1):
        name = "file" if len(found) == 1 else f"file_{number}"
        told = quote(path, 1000)
        if len(text) > left:
            notes.append(f"of {quote(path)} the judge saw the first {left:,} of {len(text):,} characters")
            told = f"{told}, the first {left:,} of its {len(text):,} characters"
        parts[name] = f"{told}:\n{text[:left]}"
        left -= min(len(text), left)
    return JudgedFiles(parts, tuple(notes))


def _left_out(found: Sequence[tuple[str, str]], unread: Sequence[str]) -> Iterator[str]:
    if len(found) > _MOST_FILES:
        yield f"more than {_MOST_FILES} files fit, and the judge saw the first {_MOST_FILES}"
    if unread:
        more = f" and {len(unread) - _TOLD} more" if len(unread) > _TOLD else ""
        yield f"not shown: {', '.join(unread[:_TOLD])}{more}"
