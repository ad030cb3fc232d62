"""A scenario's `dataset`: which file, which of its records."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..core.text import clip, nearest, plain, quote
from .authored import Dataset, or_else
from .record_files import READERS, DatasetError, RawRecord, Reading, line_in_json

__all__ = ["at_line", "chosen", "locate", "place"]


def locate(file: str, folder: Path, allowed: Iterable[Path]) -> Path:
    """Where a dataset lies. Raises `DatasetError` unless that is in the folder or in one that the user allowed.

    Links are followed before that is decided.
    """
    try:
        path = (folder / file).resolve()
        roots = [root.resolve() for root in (folder, *allowed)]
        there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"cannot be found: {clip(plain(str(error)), 200)}") from error
    if not any(path.is_relative_to(root) for root in roots):
        remedy = "move it there, or allow its folder in bench.toml"
        raise DatasetError(f"lies outside the scenario file's folder: {remedy}")
    if path.suffix.lower() not in READERS:
        raise DatasetError(f"is none of {', '.join(READERS)}: convert it to JSONL")
    if not there:
        raise DatasetError(f"does not exist{nearest(path.name, _names_in(path.parent))}")
    return path


def chosen(path: Path, options: Dataset) -> Iterator[RawRecord]:
    """A dataset's records in the file's order: of the first `limit` those that `sample` draws.

    Raises `DatasetError` where the file cannot be read any further.
    """
    kind, key = path.suffix.lower(), or_else(options.records, None)
    if key is not None and kind != ".json":
        raise DatasetError("has no keys that `records` could name: that is for JSON files")
    delimiter = or_else(options.delimiter, None)
    if delimiter is not None and kind != ".csv":
        raise DatasetError("has no columns that `delimiter` could part: that is for CSV files")
    found = READERS[kind](path, Reading(key, delimiter))
    limited = islice(found, or_else(options.limit, None))
    sample = or_else(options.sample, None)
    return limited if sample is None else _drawn(limited, sample, options.seed)


def place(path: Path, options: Dataset, raw: RawRecord) -> str:
    """`questions.jsonl:17`: where a record stands, for a message."""
    line = line_in_json(path, or_else(options.records, None), raw.number) if raw.line is None else raw.line
    return at_line(options, line)


def at_line(options: Dataset, line: int) -> str:
    """`questions.jsonl:17`."""
    return f"{quote(options.file)[1:-1]}:{line}"


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _drawn(found: Iterator[RawRecord], count: int, seed: int) -> Iterator[RawRecord]:
    """The same records for the same seed on every machine; a file that grew only adds candidates."""

    def rank(raw: RawRecord) -> bytes:
        return hashlib.sha256(f"{seed}:{raw.number}".encode()).digest()

    return iter(sorted(heapq.nsmallest(count, found, key=rank), key=lambda raw: raw.number))
