"""The folders that scenario files have runs work on, found without loading the files: what lies in them is no test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pytest_benchmodels.formats.document import MalformedError
from pytest_benchmodels.formats.own_format import file_format
from pytest_benchmodels.formats.reading import content_of
from pytest_benchmodels.formats.ze_benchmarks import ZE
from pytest_benchmodels.formats.ze_benchmarks.entries import FIXTURES

__all__ = ["fixture_folders"]


def fixture_folders(path: Path) -> frozenset[str]:
    """The absolute paths of the folders that a file names, links followed; none of one that cannot be read.

    Most files name none. That is seen from their bytes, so that they are parsed once, when they are loaded.
    """
    try:
        if b"workspace" not in (content := content_of(path)) and b"suite" not in content:
            return frozenset()
    except MalformedError:
        return frozenset()
    document = file_format(path, ()).read(path, path.name)
    if document is None:
        return frozenset()
    names = FIXTURES if ZE.recognises(document) else _named(document.value)
    return frozenset(os.path.realpath(path.parent / name) for name in names if "\0" not in name)


def _named(value: object) -> Iterator[str]:
    """What stands as `workspace`: of the file, of its defaults, of its scenarios."""
    parts = [*value] if isinstance(value, list) else [value]
    if isinstance(value, dict):
        listed = value.get("scenarios")
        parts += [value.get("defaults"), *(listed if isinstance(listed, list) else ())]
    for part in parts:
        name = part.get("workspace") if isinstance(part, dict) else None
        if isinstance(name, str) and name:
            yield name
