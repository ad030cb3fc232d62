"""A scenario for each record of a dataset, its texts rendered with the record's columns."""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from pytest_benchmodels.core.text import clip, nearest, plain, quote
from pytest_benchmodels.formats.authored import Dataset, or_else
from pytest_benchmodels.formats.builder import Builder
from pytest_benchmodels.formats.document import MalformedError
from pytest_benchmodels.formats.json_reader import read_json
from pytest_benchmodels.formats.reading import open_regular

__all__ = [
    "READERS",
    "Budget",
    "DatasetError",
    "RawRecord",
    "Reading",
    "TemplateError",
    "as_text",
    "at_line",
    "chosen",
    "decoded",
    "inside",
    "line_in_json",
    "locate",
    "place",
    "render",
    "render_text",
]

_PLACEHOLDER = re.compile(r"\{\{(?:(.*?)\}\})?", re.DOTALL)
_NAME = re.compile(r"[^\W\d](?:[\w-]| (?=[\w-]))*(?:\.(?:[\w-]| (?=[\w-]))+)*")


_MOST_HINTS = 100


class TemplateError(ValueError):
    """A placeholder that cannot be filled in; its text is for the author."""


class Budget:
    """How much text templates may still make, over all scenarios of a file, and how many hints have been given."""

    def __init__(self, characters: int = 500_000_000) -> None:
        self._most = self._left = characters
        self._hints_left = _MOST_HINTS

    def spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TemplateError(f"templates make more than {self._most:,} characters of text: split the file")

    def hint(self, name: str, names: Mapping[str, object]) -> str:
        """Which name was meant, and which there are; nothing from the hundredth time on, which nobody reads."""
        self._hints_left -= 1
        if self._hints_left < 0:
            return ""
        return f"{nearest(name, names)} (known: {clip(', '.join(sorted(names)), 300) or 'none'})"


def render(value: object, names: Mapping[str, object], budget: Budget) -> object:
    """Fill in the placeholders of all texts in a value; keys stay as they are.

    A text that is one placeholder and nothing else becomes the value itself, with its type. What the values hold is
    never rendered again. Raises `TemplateError`. The value's depth bounds the recursion, and the reader bounds that.
    """
    if isinstance(value, str):
        return _render(value, names, budget)
    if isinstance(value, dict):
        return {key: render(part, names, budget) for key, part in value.items()}
    if isinstance(value, list):
        return [render(part, names, budget) for part in value]
    return value


def render_text(text: str, names: Mapping[str, object], budget: Budget) -> str:
    """Fill in the placeholders of a text that stays one."""
    return as_text(_render(text, names, budget))


def as_text(value: object) -> str:
    """A value as it stands in a text: text as it is, everything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _render(text: str, names: Mapping[str, object], budget: Budget) -> object:
    whole = _PLACEHOLDER.fullmatch(text) if text.startswith("{{") else None
    if whole and whole[1] is not None and "{{" not in whole[1] and "}}" not in whole[1]:
        return _look_up(whole[1], names, budget)
    if "{{" not in text:
        return text
    parts: list[str] = []
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        if match[1] is None:
            raise TemplateError(f"{quote(text[match.start() :], 40)} has no '}}}}' after its '{{{{'")
        filled = as_text(_look_up(match[1], names, budget))
        budget.spend(len(filled) + match.end() - position)
        parts += text[position : match.start()], filled
        position = match.end()
    return "".join([*parts, text[position:]])


def _look_up(inner: str, names: Mapping[str, object], budget: Budget) -> object:
    name = inner.strip(" \t\r\n")
    if name in names:
        return names[name]
    if not _NAME.fullmatch(name):
        remedy = "write {{ name }} or {{ name.part }}; braces that are meant as such can come from a variable"
        raise TemplateError(f"{quote('{{' + inner + '}}')} is no name: {remedy}")
    first, *parts = name.split(".")
    if first not in names:
        raise TemplateError(f"undefined name {quote(first)}{budget.hint(first, names)}")
    value = names[first]
    for part in parts:
        value = _part(value, part, name)
    return value


def _part(value: object, part: str, name: str) -> object:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
        return value[int(part)]
    known = nearest(part, value) if isinstance(value, dict) else ""
    raise TemplateError(f"undefined name {quote(name)}: there is no {quote(part)} in {quote(value)}{known}")


_MB: Final = 1_000_000
_MOST_STREAMED: Final = 500 * _MB
_MOST_AT_ONCE: Final = 100 * _MB  # a JSON file is held in memory, several times its size
_MOST_IN_LINE: Final = 20 * _MB
_ONE_A_LINE: Final = " (a line holds one whole object; a list over several lines is a .json file)"
_OTHER_DELIMITERS: Final = (";", "\t", "|")
_BOM: Final = b"\xef\xbb\xbf"
_DECODER: Final = msgspec.json.Decoder()


class DatasetError(ValueError):
    """A dataset, or a record of it, that cannot be used; its text is for the author.

    `line` is that of the dataset file, from 1, where there is one to tell.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class Reading(NamedTuple):
    """How a file is read: `key` names a JSON file's list of records, `delimiter` parts a CSV file's columns."""

    key: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it was found; `number` counts records from 1, `line` (None in JSON files) lines.

    JSONL's `content` is still bytes, so that records that nobody draws cost little.
    """

    number: int
    line: int | None
    content: object


def decoded(raw: RawRecord) -> dict[str, object]:
    """The fields of a record. Raises `DatasetError` if it has none."""
    content = raw.content
    if isinstance(content, bytes):
        content = _json_value(content, raw.line)
    if not isinstance(content, dict):
        raise DatasetError(f"a record has to be an object, got {quote(content)}", raw.line)
    return content


def line_in_json(path: Path, key: str | None, number: int) -> int:
    """The line of a record in a JSON file, looked up by reading it once more; 1 where that cannot be told."""
    builder = Builder()
    try:
        read_json(path.read_text("utf-8-sig"), builder)
    except (MalformedError, OSError, UnicodeDecodeError):
        return 1
    listed = _listed(builder.root, key)
    return builder.lines[id(listed)][number - 1]  # type: ignore[index]  # a list's lines are a list


def _jsonl(path: Path, _how: Reading) -> Iterator[RawRecord]:
    number = 0
    with _opened(path, _MOST_STREAMED) as file:
        for line in count(1):
            content = file.readline(_MOST_IN_LINE + 1)
            if not content:
                return
            if len(content) > _MOST_IN_LINE:
                raise DatasetError(f"the line has more than {_MOST_IN_LINE // _MB} MB", line)
            content = content.removeprefix(_BOM) if line == 1 else content
            if not content.isspace():
                number += 1
                yield RawRecord(number, line, content)


def _csv(path: Path, how: Reading) -> Iterator[RawRecord]:
    with _opened(path, _MOST_STREAMED) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        rows = csv.reader(_lines(text), strict=True, delimiter=how.delimiter or ",")
        try:
            yield from _rows(rows, how.delimiter)
        except UnicodeDecodeError as error:
            raise DatasetError("the file is no UTF-8: save it as UTF-8", rows.line_num + 1) from error
        except csv.Error as error:
            raise DatasetError(f"not readable as CSV: {error}", rows.line_num or 1) from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """A file's lines, of which one that does not end is not read to its end."""
    for number in count(1):
        line = text.readline(_MOST_IN_LINE + 1)
        if not line:
            return
        if len(line) > _MOST_IN_LINE:
            raise DatasetError(f"the line has more than {_MOST_IN_LINE // _MB} million characters", number)
        yield line


def _next_row(rows: Any) -> list[str] | None:
    """The next row, with cells as long as a line may be; the module's own limit holds for all of its readers."""
    before = csv.field_size_limit(_MOST_IN_LINE)
    try:
        row: list[str] | None = next(rows, None)
    finally:
        csv.field_size_limit(before)
    return row


def _rows(rows: Any, delimiter: str | None) -> Iterator[RawRecord]:
    header = _next_row(rows) or []
    _check_header(header, delimiter)
    line = rows.line_num + 1
    number = 0
    while (row := _next_row(rows)) is not None:
        if row:
            number += 1
            yield RawRecord(number, line, _fields(header, row, line, delimiter))
        line = rows.line_num + 1


def _check_header(header: list[str], delimiter: str | None) -> None:
    twice = [name for name, times in Counter(header).items() if times > 1]
    if not header or twice:
        fault = f"names a column twice: {quote(min(twice))}" if twice else "is empty"
        raise DatasetError(f"the header row {fault}", 1)
    other = next((mark for mark in _OTHER_DELIMITERS if mark in header[0]), None)
    if delimiter is None and len(header) == 1 and other is not None:
        remedy = f"write `delimiter: {quote(other)}` in the dataset, or `delimiter: ','` if it is one column indeed"
        raise DatasetError(f"the header row has no comma, and seems to be parted by {quote(other)}: {remedy}", 1)


def _fields(header: list[str], row: list[str], line: int, delimiter: str | None) -> dict[str, object]:
    if len(row) != len(header):
        separator = "a comma" if delimiter in {None, ","} else repr(delimiter)
        remedy = f"put values that hold {separator} in double quotes"
        raise DatasetError(f"{len(row)} values for {len(header)} columns: {remedy}", line)
    return dict(zip(header, row, strict=True))


def _json(path: Path, how: Reading) -> Iterator[RawRecord]:
    with _opened(path, _MOST_AT_ONCE) as file:
        content = file.read()
    listed = _listed(_json_value(content.removeprefix(_BOM), None), how.key)
    return (RawRecord(number, None, item) for number, item in enumerate(listed, 1))


def _listed(value: object, key: str | None) -> list[object]:
    """The records of a JSON file: itself, or the list under `key`, or its one list of objects."""
    if isinstance(value, list) and key is None:
        return value
    if not isinstance(value, dict):
        raise DatasetError("is neither a list of objects nor an object that holds one")
    lists = {name: part for name, part in value.items() if isinstance(part, list)}
    if key is None:
        lists = {name: part for name, part in lists.items() if part and isinstance(part[0], dict)}
        if len(lists) != 1:
            found = ", ".join(map(quote, lists)) or "none"
            raise DatasetError(f"holds several lists of objects or none ({found}): name it by `records:`")
        return next(iter(lists.values()))
    if key not in lists:
        raise DatasetError(f"has no list {quote(key)}; its lists are {', '.join(map(quote, lists)) or 'none'}")
    return lists[key]


def _json_value(content: bytes, line: int | None) -> object:
    try:
        return _DECODER.decode(content)
    except RecursionError as error:
        raise DatasetError("not readable as JSON: nested too deep", line) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        whole = (
            " (a line holds one whole object; a list over several lines is a .json file)" if line is not None else ""
        )
        raise DatasetError(f"not readable as JSON: {error}{whole}", line) from error


def _opened(path: Path, most: int) -> io.BufferedReader:
    try:
        file = os.fdopen(open_regular(path), "rb")
    except MalformedError as error:
        raise DatasetError(str(error)) from error
    size = os.fstat(file.fileno()).st_size
    if size > most:
        file.close()
        raise DatasetError(f"has {size // _MB:,} MB, more than {most // _MB}: split it, or convert it to JSONL")
    return file


READERS: Final[dict[str, Callable[[Path, Reading], Iterator[RawRecord]]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".json": _json,
}


def locate(file: str, folder: Path, allowed: Iterable[Path]) -> Path:
    """Where a dataset lies. Raises `DatasetError` unless that is in the folder or in one that the user allowed.

    Links are followed before that is decided.
    """
    path = inside(file, folder, allowed)
    if path.suffix.lower() not in READERS:
        raise DatasetError(f"is none of {', '.join(READERS)}: convert it to JSONL")
    if not path.exists():
        raise DatasetError(f"does not exist{nearest(path.name, _names_in(path.parent))}")
    return path


def inside(file: str, folder: Path, allowed: Iterable[Path]) -> Path:
    """Where a file lies, which need not exist. Raises `DatasetError` as `locate` does."""
    try:
        path = (folder / file).resolve()
        roots = [root.resolve() for root in (folder, *allowed)]
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"cannot be found: {clip(plain(str(error)), 200)}") from error
    if not any(path.is_relative_to(root) for root in roots):
        remedy = "move it there, or allow its folder in bench.toml"
        raise DatasetError(f"lies outside the scenario file's folder: {remedy}")
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
    """`questions.jsonl:17`: where a record stands, for messages."""
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
