"""The two seams for further file formats, and what all of them are told.

A `FileFormat` says how the text of some files is read (YAML, JSON, a user's CSV); a `Format` what its content means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from ..core.grading import Grader
from ..core.scenario import Scenario
from .document import Document, Kind

__all__ = ["FileFormat", "Format", "LoadOptions"]


class Format(Protocol):
    """Another way to write scenarios."""

    def recognises(self, document: Document) -> bool:
        """Tell whether a file is of this format. Of a JSONL file there may be the first record only."""

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        """All scenarios of a file. Raises `ScenarioFileError` with all of its problems, if it has any."""


Read = Callable[[Path, str], Document | None]
"""Takes where a file lies and how messages write that."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How files of some names are read.

    `patterns` are those of their names, as in pytest's `bench_files`. `read` reads a file as far as it can be read; it
    returns None for one that is none of the format. `preview` is a quick look that tells whether to read it at all,
    None where only that tells.
    """

    name: Kind
    patterns: tuple[str, ...]
    read: Read
    preview: Read = lambda _path, _shown: None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of patterns such as `*.yaml`: `.yaml`."""
        return tuple(pattern.removeprefix("*") for pattern in self.patterns)

    def has(self, path: PurePath) -> bool:
        """Whether a file of this name is one."""
        return any(map(path.match, self.patterns))


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a session knows when it loads files.

    `graders` are those of all checks by name. `allowed` are folders, besides the scenario file's own, from which
    files may come, `roots` those in which scenario files are looked for; none for any. `formats` are asked in order,
    before the native one. `own` are the file formats of the user's. `unknown_check_note` ends what is said of a check
    that is none of these.
    """

    graders: Mapping[str, type[Grader]]
    allowed: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    formats: tuple[Format, ...] = ()
    unknown_check_note: str = ""
    own: tuple[FileFormat, ...] = ()
