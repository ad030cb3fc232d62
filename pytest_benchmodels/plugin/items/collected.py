"""What a worker tells of what it collected: its controller collects nothing, and knows node ids only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Self

import msgspec
import pytest

from pytest_benchmodels.core.run import file_of
from pytest_benchmodels.plugin.items.collection import RunItem

__all__ = ["Collected", "asked_models"]

_SUFFIX = ".collected"


class Collected(msgspec.Struct, frozen=True):
    """What no node id tells.

    `files` hold scenarios though the ini `bench_files` names none of them: the conftest.py of a user's format is loaded
    where its file is collected. `asked` are the models that checks ask, each with the node id of a run that wants it.
    """

    files: tuple[str, ...] = ()
    asked: dict[str, str] = {}

    @classmethod
    def of(cls, items: Iterable[pytest.Item], patterns: Sequence[str]) -> Self:
        """What these items bring; `patterns` are those of the ini `bench_files`."""
        runs = [item for item in items if isinstance(item, RunItem)]
        files = {file_of(run.nodeid) for run in runs}
        unnamed = sorted(file for file in files if not any(map(PurePosixPath(file).match, patterns)))
        return cls(tuple(unnamed), asked_models(runs))

    def __bool__(self) -> bool:
        return bool(self.files or self.asked)

    def as_text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        return msgspec.json.decode(text, type=cls)

    def leave(self, marks_path: str) -> None:
        """Leave it beside the worker's marks, for a controller of this machine that cannot be sent it."""
        with suppress(OSError):
            Path(marks_path).with_suffix(_SUFFIX).write_text(self.as_text(), encoding="utf-8")

    @classmethod
    def left(cls, marks_path: Path) -> Self:
        """What the worker with these marks left."""
        path = marks_path.with_suffix(_SUFFIX)
        return cls.from_text(path.read_text(encoding="utf-8")) if path.exists() else cls()


def asked_models(runs: Iterable[RunItem]) -> dict[str, str]:
    """The models that the checks of runs ask, each with the node id of the first that does."""
    asked: dict[str, str] = {}
    seen: set[int] = set()
    for run in runs:
        if id(run.scenario) not in seen:  # the same for each model and trial
            seen.add(id(run.scenario))
            for name in run.scenario.asked_models:
                asked.setdefault(name, run.nodeid)
    return asked
