"""Files with people's labels -> labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.label import Label, LabelKey, Labels, unmasked_weight
from pytest_benchmodels.core.text import nearest, quote

__all__ = ["FORMULA_MARKS", "NEEDED_COLUMNS", "SAMPLE_COLUMN", "read_labels"]

NEEDED_COLUMNS = ("scenario", "check", "digest", "label")
"""What a row has to have; `labeller` is the file's name where it is missing, and `sample` may be there too."""

SAMPLE_COLUMN = "sample"
"""Has the weight of each label, so that its reader cannot read it; without one it is not known."""

FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
"""A text in a CSV that begins with one of these has an apostrophe before it: a spreadsheet would run it."""

_VERDICTS = {
    **dict.fromkeys(("pass", "passed", "yes", "true", "1", "right"), True),
    **dict.fromkeys(("fail", "failed", "no", "false", "0", "wrong"), False),
}
_MOST_BYTES = 200_000_000
_MOST_PROBLEMS = 20


class _Row(NamedTuple):
    line: int
    fields: dict[str, object]


def read_labels(paths: Iterable[Path]) -> Labels:
    """Read CSV and JSON lines; raise `ConfigError` with all that is wrong, each with file, line, value and remedy.

    Rows without a label are left out: nobody has said anything yet.
    """
    known: dict[tuple[LabelKey, str], tuple[Label, str]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            rows = list(_rows(path))
        except ConfigError as error:
            problems.append(str(error))
            continue
        for row in rows:
            place = f"{path.name}:{row.line}"
            try:
                label = _label(row, path.stem)
            except ConfigError as error:
                problems.append(f"{place}: {error}")
                continue
            if label is None:
                continue
            other, first = known.setdefault((label.key, label.labeller), (label, place))
            if other.passed != label.passed:
                problems.append(f"{place}: {_contradiction(label, first)}")
    if problems:
        more = [f"and {len(problems) - _MOST_PROBLEMS} more"] if len(problems) > _MOST_PROBLEMS else []
        raise ConfigError("\n".join((*problems[:_MOST_PROBLEMS], *more)))
    return Labels(label for label, _ in known.values())


def _contradiction(label: Label, first: str) -> str:
    said = "pass" if label.passed else "fail"
    about = f"{quote(label.key.check)} of {quote(label.key.scenario)}"
    return (
        f"label = {said!r}, and {quote(label.labeller)} said the opposite of the same answer, {about}, in {first}: "
        "keep one of the two, or name another labeller"
    )


def _rows(path: Path) -> Iterator[_Row]:
    """The rows of a file, by its name's ending."""
    readers = {".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix.lower() not in readers:
        raise ConfigError(f"labels {quote(str(path), 300)}: {quote(path.suffix)} is neither .csv nor .jsonl")
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"{path.name}: larger than {_MOST_BYTES // 1_000_000} MB, which no file of labels is")
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"labels {quote(str(path), 300)}: there is no such file; `benchmodels label RUN -o FILE` makes one"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: is no UTF-8 ({error}); save it as CSV UTF-8") from None
    except OSError as error:
        raise ConfigError(f"labels {quote(str(path), 300)} cannot be read: {error.strerror or error}") from None
    return readers[path.suffix.lower()](path.name, text)


def _csv_rows(name: str, text: str) -> Iterator[_Row]:
    header = text.partition("\n")[0]
    # Spreadsheets of many countries write semicolons.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    titles = [title.strip().lower() for title in next(reader, [])]
    if missing := [column for column in NEEDED_COLUMNS if column not in titles]:
        hint = nearest(missing[0], titles)
        raise ConfigError(f"{name}:1: no column {quote(missing[0])}{hint}; keep the columns of `benchmodels label`")
    try:
        start = reader.line_num + 1
        for cells in reader:
            if any(cells):
                shown = (cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA_MARKS else cell for cell in cells)
                yield _Row(start, dict(zip(titles, shown, strict=False)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(f"{name}:{reader.line_num}: {error}; cells end where they began, with a quote") from None


def _json_rows(name: str, text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise ConfigError(f"{name}:{number}: no JSON: {error}; write one object on each line") from None
        if not isinstance(fields, dict):
            raise ConfigError(f"{name}:{number}: {quote(fields)} is no object; write one on each line")
        yield _Row(number, fields)


def _label(row: _Row, otherwise: str) -> Label | None:
    """The label of a row, None where there is none yet. Raises `ConfigError` for what is wrong, without its place."""
    said = row.fields.get("label")
    if said is None or (isinstance(said, str) and not said.strip()):
        return None
    passed = _VERDICTS.get(str(said).strip().lower())
    if passed is None:
        raise ConfigError(f"label = {quote(said)}: write pass or fail, or leave it empty")
    texts = {}
    for column in NEEDED_COLUMNS[:3]:
        text = row.fields.get(column)
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(f"{column} = {quote(text)}: keep what `benchmodels label` wrote there, by which it fits")
        texts[column] = text
    labeller = row.fields.get("labeller")
    by = labeller.strip() if isinstance(labeller, str) and labeller.strip() else otherwise
    key, sample = LabelKey(**texts), row.fields.get(SAMPLE_COLUMN)
    if sample is None or sample == "":
        return Label(key, passed, by)
    weight = unmasked_weight(sample, key) if isinstance(sample, str) else None
    if weight is None:
        raise ConfigError(f"{SAMPLE_COLUMN} = {quote(sample)}: keep what `benchmodels label` wrote there, or nothing")
    return Label(key, passed, by, weight)
