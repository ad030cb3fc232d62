"""A `--bench-json` file read back: a baseline to compare with, a shard to merge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Result, from_plain
from pytest_benchmodels.core.text import quote

from .bench_json import SCHEMA_VERSION

__all__ = ["BenchDocument", "read_bench_json"]


class _Document(msgspec.Struct, frozen=True):
    schema_version: int
    run: dict[str, Any]
    results: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class BenchDocument:
    """The file's `run` object as it stands there, and its results, each decoded when it is asked for."""

    path: Path
    run: dict[str, Any]
    _results: list[msgspec.Raw]

    def __len__(self) -> int:
        return len(self._results)

    def text(self, name: str) -> str:
        """A text of the `run` object; empty where there is none."""
        value = self.run.get(name)
        return value if isinstance(value, str) else ""

    @property
    def not_started(self) -> list[str]:
        """The node ids of the runs that never began, as far as the file names them."""
        listed = self.run.get("not_started")
        return [nodeid for nodeid in listed if isinstance(nodeid, str)] if isinstance(listed, list) else []

    def results(self) -> Iterator[Result]:
        """One after another. Raises `ConfigError` for one that is none."""
        for number, raw in enumerate(self._results, 1):
            try:
                plain: dict[str, Any] = msgspec.json.decode(raw)
                started_at = datetime.fromisoformat(plain["started_at"]).timestamp()
                latency_s = plain.get("latency_s") or 0.0  # null where nothing was answered
                yield from_plain({**plain, "started_at": started_at, "latency_s": latency_s})
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
                raise ConfigError(f"{_named(self.path)}: its result {number} is none: {error}") from None


def read_bench_json(path: Path) -> BenchDocument:
    """Read a file that `--bench-json` wrote. Raises `ConfigError` for any other."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise ConfigError(f"{_named(path)} cannot be read: {error.strerror or error}") from None
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{_named(path)} is no file that --bench-json wrote: {error}") from None
    if document.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"{_named(path)} has schema_version {document.schema_version}; this version reads {SCHEMA_VERSION}"
        )
    return BenchDocument(path, document.run, document.results)


def _named(path: Path) -> str:
    return f"file {quote(str(path), 300)}"
