"""File -> Scenarios. A file is parsed once, here; nothing further on sees what an author wrote."""

from __future__ import annotations

from pathlib import Path

from ..core.scenario import Scenario
from .document import Document, Problems
from .format import Format, LoadOptions
from .json_schema import schema
from .native import NATIVE
from .reading import preview, read

__all__ = ["Document", "Format", "LoadOptions", "load", "schema"]


def load(path: Path, shown: str, options: LoadOptions, *, named: bool = False) -> tuple[Scenario, ...] | None:
    """All scenarios of a file; None for a JSON or JSONL file that no format recognises and nobody `named`.

    `shown` is how messages write the path. Raises `ScenarioFileError` with all problems of the file.
    """
    quick = preview(path, shown)
    if quick is not None and _format_of(quick, options) is None:
        _refuse_if(named, quick)
        return None
    document = read(path, shown)
    recognised = _format_of(document, options)
    if recognised is None and document.kind != "yaml":
        _refuse_if(named, document)
        return None
    if document.broken:
        Problems(document).raise_any()
    return tuple((recognised or NATIVE).scenarios(document, options))


def _format_of(document: Document, options: LoadOptions) -> Format | None:
    return next((known for known in (*options.formats, NATIVE) if known.recognises(document)), None)


def _refuse_if(named: bool, document: Document) -> None:  # noqa: FBT001 - it reads as a sentence where it is called
    """Say what is wrong with a file that the user named, though no format recognises it."""
    if not named:
        return
    problems = Problems(document)
    if not document.broken:
        problems.add((), "no format recognises this file: a scenario file has 'scenarios', or an id and a prompt")
    problems.raise_any()
