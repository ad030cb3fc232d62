"""The seam for further file formats, and what all of them are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..core.grading import Grader
from ..core.scenario import Scenario
from .document import Document

__all__ = ["Format", "LoadOptions"]


class Format(Protocol):
    """Another way to write scenarios."""

    def recognises(self, document: Document) -> bool:
        """Tell whether a file is of this format. Of a JSONL file there may be the first record only."""

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        """All scenarios of a file. Raises `ScenarioFileError` with all of its problems, if it has any."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a session knows when it loads files.

    `graders` are those of all checks by name. `allowed` are folders, besides the scenario file's own, from which
    files may come, `roots` those in which scenario files are looked for; none for any. `formats` are asked in order,
    before the native one. `unknown_check_note` ends what is said of a check that is none of these.
    """

    graders: Mapping[str, type[Grader]]
    allowed: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    formats: tuple[Format, ...] = ()
    unknown_check_note: str = ""
