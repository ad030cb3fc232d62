"""Unified diffs of texts: written within bounded time whoever wrote the texts, and applied again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

__all__ = ["DiffError", "apply_diff", "unified_diff"]

_MOST_STEPS = 2_000_000
"""Lines of the one times lines of the other: beyond, what differs is replaced as a whole."""

_CONTEXT = 3
_NO_END = "\\ No newline at end of file"
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

_Opcode = tuple[str, int, int, int, int]


class DiffError(ValueError):
    """A diff does not fit the text."""


def unified_diff(path: str, old: str | None, new: str | None) -> str:
    """What makes the one of the other, as `git diff` has it; None stands for no file. Empty for equal texts."""
    before, after = _lines(old or ""), _lines(new or "")
    groups = list(_groups(before, after))
    if not groups:
        return ""
    name = path.translate(dict.fromkeys((*range(32), 127), "?"))
    written = ["--- /dev/null" if old is None else f"--- a/{name}", "+++ /dev/null" if new is None else f"+++ b/{name}"]
    for group in groups:
        first, last = group[0], group[-1]
        written.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@")
        for kind, start, end, other_start, other_end in group:
            if kind == "equal":
                written += _marked(" ", before[start:end])
                continue
            written += _marked("-", before[start:end])
            written += _marked("+", after[other_start:other_end])
    return "\n".join(written) + "\n"


def _lines(text: str) -> list[str]:
    """Its lines with their ends. Only a line feed ends one: a carriage return before it belongs to the text."""
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield mark + line.removesuffix("\n")
        if not line.endswith("\n"):
            yield _NO_END


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1 if length else start},{length}"


def _groups(before: Sequence[str], after: Sequence[str]) -> Iterator[Sequence[_Opcode]]:
    """What is to be done, in groups with some lines around each."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    if start == len(before) == len(after):
        return
    old_end, new_end = len(before) - end, len(after) - end
    if (old_end - start) * (new_end - start) <= _MOST_STEPS:
        yield from difflib.SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT)
        return
    lead, trail = min(start, _CONTEXT), min(end, _CONTEXT)
    yield [
        ("equal", start - lead, start, start - lead, start),
        ("replace", start, old_end, start, new_end),
        ("equal", old_end, old_end + trail, new_end, new_end + trail),
    ]


def apply_diff(old: str, diff: str) -> str:
    """The text that such a diff makes of one. Raises `DiffError` where it does not fit."""
    before, made = _lines(old), []
    place = 0
    lines = diff.split("\n")[2:-1]
    for number, line in enumerate(lines):
        if found := _HUNK.fullmatch(line):
            start = int(found[1]) - (found[2] != "0")
            if start < place or start > len(before):
                raise DiffError
            made += before[place:start]
            place = start
            continue
        mark, text = line[:1], line[1:]
        if mark == "\\":
            continue
        whole = text if lines[number + 1 : number + 2] == [_NO_END] else f"{text}\n"
        if mark in (" ", "-"):
            if before[place : place + 1] != [whole]:
                raise DiffError
            place += 1
        if mark in (" ", "+"):
            made.append(whole)
    return "".join(made) + "".join(before[place:])
