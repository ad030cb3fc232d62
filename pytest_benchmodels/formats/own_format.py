"""Formats of scenario files: ours, and those of `pytest_bench_formats`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from functools import partial
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from pytest_benchmodels.core.errors import ConfigError, FormatError, Problem, ScenarioFileError
from pytest_benchmodels.core.text import MESSAGE_LIMIT, clip, harmless, quote, told, well_formed
from pytest_benchmodels.core.user_code import raised
from pytest_benchmodels.formats.builder import MAX_DEPTH, MAX_VALUES
from pytest_benchmodels.formats.document import Document, FileFormat, Flaw, Lines, MalformedError
from pytest_benchmodels.formats.reading import JSON, JSONL, YAML, content_of, decoded

__all__ = ["BUILTIN", "file_format", "own_format", "own_formats", "reader_name"]

Reader = Callable[[Path, str | bytes], object]

_LINE = "line"
_MOST_BITS = 3_300  # of a whole number: about a thousand digits, as in files of ours
_MOST_RECORDS = 200_001  # one more than a file may have, so that this is told where it is told of other files


def own_format(pattern: str, reader: Any) -> FileFormat:
    """The format of files with such names. Raises `ConfigError` for what is no reader."""
    takes_bytes = _takes_bytes(pattern, reader)
    return FileFormat("own", (pattern,), partial(_read, reader, takes_bytes))


def reader_name(reader: object) -> str:
    """`conftest.read_csv`, for messages."""
    name = getattr(reader, "__qualname__", None) or type(reader).__qualname__
    return f"{getattr(reader, '__module__', None) or '?'}.{name}"


def _takes_bytes(pattern: str, reader: object) -> bool:
    """Whether the reader's second parameter says that it wants bytes."""
    rule = "a reader is a function (path, text) that returns records; with `text: bytes` it gets the file undecoded"
    what = f"pytest_bench_formats: the reader of {quote(pattern)}"
    if not callable(reader) or inspect.isclass(reader):
        raise ConfigError(f"{what} is {quote(reader)}: {rule}")
    if inspect.iscoroutinefunction(reader) or inspect.isasyncgenfunction(reader):
        raise ConfigError(f"{what}, {reader_name(reader)}, is asynchronous: {rule}")
    try:
        signature = inspect.signature(reader)
        bound = signature.bind(Path(), "")
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what}, {reader_name(reader)}, cannot be called so ({error}): {rule}") from None
    names = list(bound.arguments)
    return len(names) > 1 and signature.parameters[names[1]].annotation in (bytes, "bytes")


def _read(reader: Reader, takes_bytes: bool, path: Path, shown: str) -> Document | None:  # noqa: FBT001 - bound above
    """Read one file; None where the reader says that it is none of its own. Raises `ScenarioFileError`."""
    try:
        content = content_of(path)
        given = content if takes_bytes else _text(content, path, reader)
        return _adopted(reader, path, shown, given)
    except MalformedError as error:
        line, message = error.flaw
        raise ScenarioFileError([Problem(harmless(shown), line, harmless(clip(message, MESSAGE_LIMIT)))]) from None


def _text(content: bytes, path: Path, reader: Reader) -> str:
    try:
        return decoded(content)
    except MalformedError as error:
        remedy = f"or let {reader_name(reader)} take bytes, by `text: bytes`, if {path.suffix or 'it'} is no text"
        raise MalformedError(error.flaw.line, f"{error.flaw.message}, {remedy}") from None


def _adopted(reader: Reader, path: Path, shown: str, given: str | bytes) -> Document | None:
    """What the reader returns, as a document; `MalformedError` if it raises anything.

    Its code may go on after it returned: in a generator, or in a mapping of its own.
    """
    try:
        value = reader(path, given)
        if inspect.iscoroutine(value):
            value.close()  # or Python warns that nobody waited for it
        return None if value is None else _Adoption(path, shown, reader).document(value)
    except (MalformedError, ScenarioFileError):
        raise
    except FormatError as error:
        raise MalformedError(max(error.line or 1, 1), told(error)) from error
    except (Exception, SystemExit) as error:
        raise MalformedError(1, f"its reader {reader_name(reader)} crashed: {raised(error)}") from error


class _UnfitError(ValueError):
    """A value that no scenario file could hold; its text says which, where and why."""


class _Adoption:
    """Takes what a reader returned: only plain data goes on, within the limits of our own files."""

    def __init__(self, path: Path, shown: str, reader: Reader) -> None:
        self._path = path
        self._shown = shown
        self._name = reader_name(reader)
        self._used = 0
        self._flaws: list[Flaw] = []

    def document(self, value: object) -> Document:
        """Raises `MalformedError` for what is neither records nor a mapping."""
        if isinstance(value, Mapping):
            return self._whole(value)
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            rule = "return a list of records, each a mapping with id, prompt, checks, ..."
            raise MalformedError(1, f"its reader {self._name} returned {quote(value)}: {rule}")
        records, lines = self._records(list(islice(value, _MOST_RECORDS)))
        if not records and not self._flaws:
            rule = "a reader returns None for a file that is none of its own"
            raise MalformedError(1, f"its reader {self._name} found no records in it: {rule}")
        return self._document(records, {id(records): lines})

    def _whole(self, value: Mapping[object, object]) -> Document:
        """A mapping as a whole YAML file has it: one scenario, or `scenarios` and `defaults`."""
        entries = value.get("scenarios")
        rest = {key: part for key, part in value.items() if key != "scenarios"}
        lines: Lines = {}
        is_list = isinstance(entries, list | tuple)
        try:
            whole = self._mapping(rest if is_list else value, "", 0)
        except _UnfitError as error:
            raise MalformedError(1, str(error)) from None
        if isinstance(entries, list | tuple):
            records, told = self._records(list(entries))
            whole["scenarios"], lines[id(records)] = records, told
        # All keys at the top stand in line 1, as far as anybody knows: the way to the entries leads over them.
        lines[id(whole)] = dict.fromkeys(whole, 1)
        return self._document(whole, lines)

    def _document(self, value: object, lines: Lines) -> Document:
        return Document(self._path, self._shown, "own", value, lines, tuple(self._flaws))

    def _records(self, found: list[object]) -> tuple[list[object], list[int]]:
        """Entries and their lines, 0 for one that is not known; what is unfit is noted, and left out."""
        records: list[object] = []
        lines: list[int] = []
        for number, record in enumerate(found, 1):
            line = 0
            try:
                record, line = self._line(record)  # noqa: PLW2901 - the same without its line
                records.append(self._plain(record, "", 0))
                lines.append(line)
            except _UnfitError as error:
                place = "" if line else f"record {number}: "
                self._flaws.append(Flaw(line or 1, f"{place}{error}"))
        return records, lines

    def _line(self, record: object) -> tuple[object, int]:
        """The record without `line`, which is ours to know, and that line."""
        if not isinstance(record, Mapping) or _LINE not in record:
            return record, 0
        line = record[_LINE]
        if type(line) is not int or line < 1:
            raise _UnfitError(f"line has to be a whole number from 1, got {quote(line)}")
        return {key: value for key, value in record.items() if key != _LINE}, line

    def _plain(self, value: object, where: str, depth: int) -> object:
        self._spend(value)
        if depth > MAX_DEPTH:
            raise _UnfitError(f"{clip(where, 80)} is nested more than {MAX_DEPTH} levels deep: write it flatter")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Mapping):
            return self._mapping(value, where, depth)
        if isinstance(value, list | tuple):
            return [self._plain(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(value)]
        return _scalar(value, where or "it")

    def _mapping(self, value: Mapping[object, object], where: str, depth: int) -> dict[str, object]:
        plain: dict[str, object] = {}
        for key, part in value.items():
            if not isinstance(key, str):
                raise _UnfitError(f"{where or 'it'} has the key {quote(key)}, which is no text: leave it out")
            name = str.__str__(key)
            plain[name] = self._plain(part, f"{where}.{name}" if where else name, depth + 1)
        return plain

    def _spend(self, value: object) -> None:
        self._used += 1 + (len(value) // 64 if isinstance(value, str) else 0)
        if self._used > MAX_VALUES:
            raise MalformedError(1, f"too large: its reader returned more than {MAX_VALUES:,} values. Split the file")


def _scalar(value: object, where: str) -> object:
    """Text or a number of Python's own type; numpy's and enums become one, dates their ISO text."""
    if isinstance(value, str):
        text = str.__str__(value)
        if well_formed(text) != text:
            raise _UnfitError(f"{where} holds half of a surrogate pair, which is no character: leave it out")
        return text
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Integral):
        whole = int(value)
        if whole.bit_length() > _MOST_BITS:
            raise _UnfitError(f"{where} is a number of more than a thousand digits: write it as text")
        return whole
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise _UnfitError(f"{where} is {number}, which no file could hold: leave the key out, or write it as text")
        return number
    rule = "give text, numbers, booleans, None, lists or mappings"
    raise _UnfitError(f"{where} is {quote(value)}, of type {type(value).__name__}: {rule}")


BUILTIN = (YAML, JSON, JSONL)
"""Those that come with the package."""

_HOOK = "pytest_bench_formats"


def file_format(path: Path, own: Iterable[FileFormat]) -> FileFormat:
    """The format of a file: the first of a user's `own` that has its name, else ours. All else is read as YAML."""
    return next((known for known in own if known.has(path)), None) or next(
        (known for known in BUILTIN if path.suffix.lower() in known.suffixes), YAML
    )


def own_formats(found: Iterable[object]) -> tuple[FileFormat, ...]:
    """What hooks returned as formats, those with the longest patterns, which say most, first.

    Raises `ConfigError` for what cannot be one, and for a pattern that two of them have.
    """
    returns = list(found)
    if not returns:
        return ()

    readers: dict[str, object] = {}
    for returned in returns:
        if not isinstance(returned, Mapping):
            rule = "give a mapping of names to readers, such as {'*.csv': read_csv}"
            raise ConfigError(f"{_HOOK} returned {quote(returned)}: {rule}")
        for names, reader in returned.items():
            for pattern in map(_pattern, names if isinstance(names, tuple) else (names,)):
                if pattern in readers:
                    both = f"{reader_name(readers[pattern])} and {reader_name(reader)}"
                    raise ConfigError(f"{_HOOK}: {quote(pattern)} has two readers, {both}: keep one of them")
                readers[pattern] = reader
    return tuple(own_format(pattern, readers[pattern]) for pattern in sorted(readers, key=len, reverse=True))


def _pattern(name: object) -> str:
    """A suffix or a pattern, as a pattern; `ConfigError` for one that names no files, or all of one of our formats."""
    if not isinstance(name, str) or not name.strip("."):
        rule = "name files by a suffix ('.csv') or a pattern ('*.prompt.md')"
        raise ConfigError(f"{_HOOK}: {quote(name)} is no name of files: {rule}")
    pattern = f"*{name}" if name.startswith(".") and "*" not in name and "/" not in name else name
    for known in BUILTIN:
        for suffix in known.suffixes:
            if all(Path(f"scenarios/{stem}{suffix}").match(pattern) for stem in ("a", "Z 1")):
                rule = f"every file that ends in {suffix} would be its own: narrow it, for example to '*.mine{suffix}'"
                raise ConfigError(f"{_HOOK}: {quote(name)} takes over a format that is there already: {rule}")
    return pattern
