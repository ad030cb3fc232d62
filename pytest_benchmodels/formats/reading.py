"""From a file's path to its records: which reader it gets, and what its placement among folders says."""

from __future__ import annotations

import difflib
import os
import re
from functools import partial
from pathlib import Path

import msgspec

from pytest_benchmodels.formats.authored import Authored, ScenarioFile
from pytest_benchmodels.formats.builder import Builder
from pytest_benchmodels.formats.document import Document, FileFormat, Flaw, Kind, Lines, LoadOptions, MalformedError
from pytest_benchmodels.formats.json_reader import read_json, read_json_line
from pytest_benchmodels.formats.yaml_reader import read_yaml

__all__ = [
    "JSON",
    "JSONL",
    "MAX_BYTES",
    "YAML",
    "content_of",
    "decoded",
    "has_own_keys",
    "lies_inside",
    "mentions_own_keys",
    "open_regular",
]


def lies_inside(path: Path, options: LoadOptions) -> bool:
    """Whether a scenario file lies in its own folder, and that in one of the session's; links are followed."""
    try:
        real, folder = path.resolve(), path.parent.resolve()
        allowed = [root.resolve() for root in options.allowed]
        roots = [root.resolve() for root in options.roots]
    except (OSError, RuntimeError):  # links in a circle
        return False
    if any(real.is_relative_to(root) for root in allowed):
        return True
    return real.is_relative_to(folder) and (not roots or any(real.is_relative_to(root) for root in roots))


_OWN = frozenset({*Authored.__struct_fields__, *ScenarioFile.__struct_fields__})
_EVERYBODYS = frozenset({"defaults", "id", "metadata", "models", "params", "skip", "tags", "timeout", "vars"})
"""Which of them other tools have as well: Kubernetes, GitHub Actions, OpenAPI, Ansible, dbt."""

_TELLING = tuple(sorted(_OWN - _EVERYBODYS))
_NEAR = 0.8
_LONGEST = 30
_MOST = 100
_MENTIONED = re.compile(rb"^[ \t-]*[\"']?(?:scenarios|prompt|messages|turns|checks)[\"']?[ \t]*:", re.MULTILINE)


def has_own_keys(value: object) -> bool:
    """Tell by the top level's keys, or by those of a list's first entry, where `scenarios:` was forgotten.

    A key that only we have tells, also with a slip of the pen in it; of keys that others have too, half of all do.
    """
    is_list = isinstance(value, list)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict) or not value:
        return False
    if not is_list and len(_OWN & value.keys()) * 2 >= len(value):
        return True
    return any(key in _TELLING or _is_slip(key) for key in list(value)[:_MOST])


def mentions_own_keys(content: bytes) -> bool:
    """Tell by its lines, for a file that cannot be read as YAML."""
    return _MENTIONED.search(content) is not None


def _is_slip(key: str) -> bool:
    return len(key) <= _LONGEST and bool(difflib.get_close_matches(key, _TELLING, n=1, cutoff=_NEAR))


MAX_BYTES = 20_000_000
"""Largest scenario file. Larger amounts belong into a dataset, which is not held in memory."""

_MOST_FLAWS = 100
_ONE_A_LINE = " (JSONL holds one whole object a line; an object over several lines is a .json file)"


def _preview(kind: Kind, path: Path, shown: str) -> Document | None:
    """A quick look at a JSON or JSONL file, without lines; of a JSONL file the first record only.

    None where only a thorough reading can tell: the file is broken or unreadable.
    """
    try:
        content = _first_line(path) if kind == "jsonl" else content_of(path)
        value = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (MalformedError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Document(path, shown, kind, [value] if kind == "jsonl" else value)


def _read(kind: Kind, path: Path, shown: str) -> Document:
    """Read a scenario file as far as it can be read; what is wrong with it is in `flaws`."""
    builder = Builder()
    content = None
    try:
        content = content_of(path)
        text = decoded(content)
        if kind == "jsonl":
            return _records(path, shown, text)
        (read_json if kind == "json" else read_yaml)(text, builder)
    except MalformedError as error:
        flaws = (*builder.flaws, error.flaw)
        # A file that cannot be opened may be a scenario file, so the error is told.
        mentions = content is None or mentions_own_keys(content)
        return Document(path, shown, kind, builder.root, builder.lines, flaws, broken=True, mentions=mentions)
    if builder.empty:
        builder.flaws.append(Flaw(1, "the file is empty: a scenario needs at least a prompt"))
    return Document(path, shown, kind, builder.root, builder.lines, tuple(builder.flaws), broken=builder.empty)


def open_regular(path: Path) -> int:
    """Open a file for reading. Raises `MalformedError` for anything but a plain file: a pipe may never end."""
    try:
        if path.exists() and not path.is_file():
            raise MalformedError(1, "is not a regular file")
        return os.open(path, os.O_RDONLY)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise MalformedError(1, f"cannot be read: {reason}") from error


def content_of(path: Path) -> bytes:
    """All that a scenario file holds; `MalformedError` for one that is too large, or cannot be read."""
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        rule = f"larger than {MAX_BYTES // 1_000_000} MB, the most a scenario file may have"
        raise MalformedError(1, f"{rule}: split it, or put the records into a dataset")
    return content


def _first_line(path: Path) -> bytes:
    with os.fdopen(open_regular(path), "rb") as file:
        while line := file.readline(MAX_BYTES):
            if line.strip():
                return line
    return b""


def decoded(content: bytes) -> str:
    """UTF-8 as text, without a byte order mark; `MalformedError` with the line of what is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MalformedError(line, f"byte 0x{content[error.start]:02x} is no UTF-8: save the file as UTF-8") from error


def _records(path: Path, shown: str, text: str) -> Document:
    """A JSONL file: each line is read on its own, so that one that is broken does not hide the others."""
    records: list[object] = []
    places: list[int] = []
    lines: Lines = {id(records): places}
    flaws: list[Flaw] = []
    used, broken = 0, False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        builder = Builder(used)
        try:
            read_json_line(line, builder, number)
        except MalformedError as error:
            flaws.append(error.flaw if broken else Flaw(error.flaw.line, f"{error.flaw.message}{_ONE_A_LINE}"))
            broken = True
        records.append(builder.root)
        places.append(number)
        lines.update(builder.lines)
        flaws += builder.flaws
        used = builder.used
        if len(flaws) > _MOST_FLAWS:
            break
    return Document(path, shown, "jsonl", records, lines, tuple(flaws), broken)


YAML = FileFormat("yaml", ("*.yaml", "*.yml"), partial(_read, "yaml"))
JSON = FileFormat("json", ("*.json",), partial(_read, "json"), partial(_preview, "json"))
JSONL = FileFormat("jsonl", ("*.jsonl",), partial(_read, "jsonl"), partial(_preview, "jsonl"))
