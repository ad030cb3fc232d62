"""Patterns of paths and of names of tests: what fits them, in time that no pattern and no name can blow up."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Annotated, NamedTuple

from msgspec import Meta

from pytest_benchmodels.core.text import quote

__all__ = ["Glob", "Globs", "NameGlobs", "Patterns", "path_fault"]

Glob = Annotated[str, Meta(min_length=1, max_length=500)]
Patterns = Glob | tuple[Glob, ...]
"""One pattern, or several of which one has to fit."""

_ANY_FOLDERS = "**"
_MOST_FORMS = 64
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_LEFT_OUT = ("node_modules", ".git")
"""Folders that nobody means who writes `**`: they hold tens of thousands of files that no run has written."""


def path_fault(path: str) -> str | None:
    """What is wrong with a path, or a pattern of paths, that is to stay in the workspace; None if nothing is."""
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or not parts or "\0" in path or "\\" in path:
        return f"{quote(path)} is no path in the workspace: write it relative to that, with / and without '..'"
    return None


class _Form(NamedTuple):
    """A pattern without braces: an expression for each folder and the file, None for any folders."""

    parts: tuple[re.Pattern[str] | None, ...]
    named: frozenset[str]


class Globs:
    """Patterns of paths, as shells know them: `*`, `?`, `[ab]` within a name, `**` for any folders, `{a,b}`.

    A pattern that ends in a slash stands for all in that folder. Hidden files are files as any. Without `all_folders`,
    files in `node_modules` and `.git` fit only a pattern that names that folder. Raises ValueError for a pattern that
    leads out of the workspace, or has too many forms.
    """

    def __init__(self, patterns: Patterns, *, all_folders: bool = False) -> None:
        self._written = (patterns,) if isinstance(patterns, str) else patterns
        self._left_out = () if all_folders else _LEFT_OUT
        self._forms = [_read(form) for pattern in self._written for form in _forms(pattern)]

    def fit(self, path: str) -> bool:
        """Whether one of them fits a path."""
        parts = path.split("/")
        hidden = [name for name in self._left_out if name in parts[:-1]]
        return any(form.named.issuperset(hidden) and _fits(form.parts, parts) for form in self._forms)

    def of(self, paths: Iterable[str]) -> list[str]:
        """Those that fit."""
        return [path for path in paths if self.fit(path)]

    def told(self) -> str:
        """The patterns, for a reader."""
        return " or ".join(map(quote, self._written))


def _forms(pattern: str) -> list[str]:
    """`*.{js,ts}` is `*.js` and `*.ts`."""
    if fault := path_fault(pattern):
        raise ValueError(fault)
    open_forms, whole = [pattern], []
    while open_forms:
        form = open_forms.pop()
        if (braces := _BRACES.search(form)) is None:
            whole.append(form)
        else:
            open_forms += [form[: braces.start()] + part + form[braces.end() :] for part in braces[1].split(",")]
        if len(open_forms) + len(whole) > _MOST_FORMS:
            raise ValueError(f"{quote(pattern)} stands for more than {_MOST_FORMS} patterns: write fewer braces")
    if fault := next(filter(None, map(path_fault, whole)), None):
        raise ValueError(fault)
    return whole


def _read(form: str) -> _Form:
    parts = [part for part in form.split("/") if part not in ("", ".")]
    if form.endswith("/"):
        parts.append(_ANY_FOLDERS)
    # Python's translation of one name has atomic groups: it never goes back behind a `*`.
    read = [None if part == _ANY_FOLDERS else re.compile(fnmatch.translate(part)) for part in parts]
    return _Form(tuple(read), frozenset(parts))


def _fits(pattern: Sequence[re.Pattern[str] | None], path: Sequence[str]) -> bool:
    """Whether a path fits part by part. `**` at the end stands for what is in a folder: it needs one part at least."""
    if pattern.count(None) > 1:
        return _fits_somehow(pattern, path)
    if None not in pattern:
        return len(pattern) == len(path) and _each_fits(pattern, path)
    place = pattern.index(None)
    before, behind = pattern[:place], pattern[place + 1 :]
    if len(path) < len(before) + max(1, len(behind)):
        return False
    return _each_fits(before, path) and (not behind or _each_fits(behind, path[-len(behind) :]))


def _each_fits(pattern: Sequence[re.Pattern[str] | None], path: Sequence[str]) -> bool:
    return all(part is not None and part.match(name) for part, name in zip(pattern, path, strict=False))


def _fits_somehow(pattern: Sequence[re.Pattern[str] | None], path: Sequence[str]) -> bool:
    """The same with several `**`, in steps that grow with the product of both lengths, and no faster.

    `ends` says behind which parts of the path the pattern so far may end.
    """
    ends = [True] + [False] * len(path)
    for place, part in enumerate(pattern):
        if part is None:
            first = ends.index(True) + (place == len(pattern) - 1)
            ends = [at >= first for at in range(len(ends))]
        else:
            ends = [False, *(before and part.match(name) is not None for before, name in zip(ends, path, strict=False))]
        if True not in ends:
            return False
    return ends[-1]


_PYTEST_FILE = re.compile(r"^([^\[\]:]+)\.py::")


class NameGlobs:
    """Patterns of tests' names: `*` stands for anything, `?` for one character; all else for itself, `[` too.

    A name fits as a whole. Node ids of pytest (`tests/test_a.py::TestB::test_c`) are read as JUnit files spell them.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.written = tuple(patterns)
        # `[` is no class here: parametrized tests have names such as `test_add[2-3]`.
        self._parts = [re.compile(fnmatch.translate(_spelled(each).replace("[", "[[]"))) for each in self.written]

    def fits(self, place: int, names: Iterable[str]) -> bool:
        """Whether one of a test's names fits the pattern at a place."""
        return any(self._parts[place].match(name) for name in names)

    def fit(self, names: Sequence[str]) -> bool:
        """Whether one of its names fits any of the patterns."""
        return any(self.fits(place, names) for place in range(len(self.written)))


def _spelled(pattern: str) -> str:
    """`tests/test_a.py::TestB::test_c[1]` as `tests.test_a.TestB.test_c[1]`."""
    if not _PYTEST_FILE.match(pattern):
        return pattern
    name, bracket, rest = pattern.partition("[")
    return f"{name.replace('.py::', '.', 1).replace('::', '.').replace('/', '.')}{bracket}{rest}"
