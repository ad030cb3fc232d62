"""Which files a worker found scenarios in: its controller collects nothing, and tells runs from tests by node ids.

A file that the ini `bench_files` names it knows by itself. One that a format of the user's brought it may not: the
conftest.py beside such a file is loaded where the file is collected.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pytest_benchmodels.plugin.workers.messages import Handover

__all__ = ["tell_files", "told_files"]

_SUFFIX = ".files"


def tell_files(handover: Handover, patterns: Sequence[str], nodeids: Iterable[str]) -> None:
    """Leave word of the files of these runs that no pattern names. A worker on another machine cannot."""
    files = {nodeid.partition("::")[0] for nodeid in nodeids}
    files = {file for file in files if not any(map(PurePosixPath(file).match, patterns))}
    if files:
        with suppress(OSError):
            Path(handover.marks_path).with_suffix(_SUFFIX).write_text(json.dumps(sorted(files)), encoding="utf-8")


def told_files(marks_path: Path) -> set[str]:
    """What the worker with these marks left word of."""
    path = marks_path.with_suffix(_SUFFIX)
    return set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()
