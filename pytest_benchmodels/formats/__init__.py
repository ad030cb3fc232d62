"""File -> Scenarios. A file is parsed once, here; nothing further on sees what an author wrote."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.text import harmless
from pytest_benchmodels.formats.authored import schema
from pytest_benchmodels.formats.document import Document, FileFormat, Format, LoadOptions, Problems
from pytest_benchmodels.formats.fixtures import fixture_folders
from pytest_benchmodels.formats.native import NATIVE
from pytest_benchmodels.formats.own_format import BUILTIN, file_format, own_formats
from pytest_benchmodels.formats.reading import has_own_keys, lies_inside
from pytest_benchmodels.formats.ze_benchmarks import ZE

__all__ = [
    "BUILTIN",
    "Document",
    "FileFormat",
    "Format",
    "LoadOptions",
    "fixture_folders",
    "load",
    "own_formats",
    "schema",
]

_LINK = (
    "is a link that leads out of its folder, and is not looked at: name it itself on the command line, or allow the "
    "folder that it leads to by allow_paths in bench.toml"
)


def load(path: Path, shown: str, options: LoadOptions, *, named: bool = False) -> tuple[Scenario, ...] | None:
    """All scenarios of a file; None for one that nobody `named` and that is no scenario file.

    Of JSON and JSONL files that is what no format recognises, of YAML files what has none of the keys of one.
    `shown` is how messages write the path. Raises `ScenarioFileError` with all problems of the file, and for a link
    that leads out of its folder, of which nothing is told.
    """
    known = file_format(path, options.own)
    if known.name == "own":
        return _load_own(known, path, shown, options, named=named)
    quick = known.preview(path, shown)
    if quick is not None and _format_of(quick, options) is None:
        _refuse_if(named, quick)
        return None
    document = known.read(path, shown)
    if document is None:
        return None
    recognised = _format_of(document, options)
    if recognised is None and not (named or _is_meant(document)):
        return None
    if not named and not lies_inside(path, options):
        raise ScenarioFileError([Problem(harmless(shown), 1, _LINK)])
    if recognised is None and document.kind != "yaml":
        _refuse_if(named, document)
        return None
    if document.broken:
        Problems(document).raise_any()
    return tuple((recognised or NATIVE).scenarios(document, options))


def _load_own(
    known: FileFormat, path: Path, shown: str, options: LoadOptions, *, named: bool
) -> tuple[Scenario, ...] | None:
    """The same of a file that a reader of the user's reads: it is theirs by its name, unless the reader says no."""
    if not named and not lies_inside(path, options):
        raise ScenarioFileError([Problem(harmless(shown), 1, _LINK)])
    document = known.read(path, shown)
    if document is None and named:
        told = "its reader returned None: it does not take this file for a scenario file"
        raise ScenarioFileError([Problem(harmless(shown), 1, told)])
    return None if document is None else tuple(NATIVE.scenarios(document, options))


def _format_of(document: Document, options: LoadOptions) -> Format | None:
    return next((known for known in (*options.formats, ZE, NATIVE) if known.recognises(document)), None)


def _is_meant(document: Document) -> bool:
    """Whether a file that no format recognises was meant for one: its problems are told then."""
    if document.kind != "yaml":
        return False
    return document.mentions or has_own_keys(document.value)


def _refuse_if(named: bool, document: Document) -> None:  # noqa: FBT001 - it reads as a sentence where it is called
    """Say what is wrong with a file that the user named, though no format recognises it."""
    if not named:
        return
    problems = Problems(document)
    if not document.broken:
        problems.add((), "no format recognises this file: a scenario file has 'scenarios', or an id and a prompt")
    problems.raise_any()
