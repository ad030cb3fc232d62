"""What a run did in its workspace, for readers: the commands that ran, the files that it changed, where it was kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.workspace import FileChange, RanCommand
from pytest_benchmodels.reports.units import duration, one_line, plural

__all__ = [
    "WorkspaceTally",
    "change_line",
    "changed_line",
    "command_line",
    "steps_lines",
    "work_lines",
    "work_metadata",
]

_LINE_LIMIT = 300
_NAMED = 5


def work_lines(result: Result) -> Iterator[str]:
    """All of it, with diffs and outputs as they came: whoever writes them to a terminal escapes them."""
    if (work := result.work) is not None:
        confined = f": commands were confined {work.confined}" if work.confined else ""
        yield f"workspace{confined}"
        yield from (f"  {line}" for line in steps_lines(result))
        for command in work.commands:
            yield command_line(command)
            yield from (f"    {line}" for line in command.output.splitlines())
        yield from (f"  {one_line(note, _LINE_LIMIT)}" for note in work.notes)
        if work.kept:
            yield f"  kept in {one_line(work.kept, _LINE_LIMIT)}"
    if result.changes:
        yield f"changed {plural(len(result.changes), 'file')}"
    for change in result.changes:
        yield f"  {change_line(change)}"
        if not change.is_link:
            yield from (f"    {line}" for line in change.diff.split("\n")[2:-1])


def steps_lines(result: Result) -> Iterator[str]:
    """`the agent told of 5 steps`, a line for each turn; nothing where it told of none."""
    for answer in result.all_answers:
        if answer.steps is not None:
            yield f"the agent told of {plural(answer.steps, 'step')}"


def work_metadata(result: Result) -> dict[str, Any]:
    """The same as plain data, by the names of `--bench-json`; empty for a run without a workspace."""
    told: dict[str, Any] = {}
    if result.work is not None:
        told["work"] = to_builtins(replace(result.work, changes=()))
    if result.changes:
        told["changes"] = to_builtins(result.changes)
    return told


def command_line(command: RanCommand) -> str:
    """`  setup  status 0, 12ms: make deps`."""
    how = "ended by its limit" if command.status is None else f"status {command.status}"
    return f"  {command.purpose}  {how}, {duration(command.duration_s)}: {one_line(command.command, _LINE_LIMIT)}"


def change_line(change: FileChange) -> str:
    """`modified src/a.py, +3 -1`; what is not known line by line has its size."""
    told = f"{change.kind} {one_line(change.path, _LINE_LIMIT)}"
    if change.is_link:
        return f"{told}, a link {one_line(change.diff, _LINE_LIMIT)}"
    mode = "" if change.mode is None else f", mode {change.mode:o}"
    if change.diff:
        lines = change.diff.split("\n")[2:]
        return f"{told}, +{_count(lines, '+')} -{_count(lines, '-')}{mode}"
    return f"{told}, {change.size:,} bytes{mode}" if change.kind != "deleted" else told


def _count(lines: list[str], mark: str) -> int:
    return sum(line.startswith(mark) for line in lines)


def changed_line(result: Result) -> str:
    """`changed src/a.py, b.txt and 3 more`; empty where nothing was changed."""
    if not result.changes:
        return ""
    named = ", ".join(one_line(change.path, 80) for change in result.changes[:_NAMED])
    more = len(result.changes) - _NAMED
    return f"changed {named}" + (f" and {more} more" if more > 0 else "")


class WorkspaceTally:
    """What became of the workspaces of a session's runs."""

    def __init__(self) -> None:
        self._confined: Counter[str] = Counter()
        self._kept: list[str] = []
        self._notes: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        if (work := result.work) is not None and not result.cached:
            self._confined[work.confined] += bool(work.commands)
            self._kept += [work.kept] if work.kept else []
            self._notes.update(work.notes)

    def notes(self, *, details: bool) -> Iterator[str]:
        """`commands were confined by bubblewrap`, and where workspaces were kept; with `details` each of these."""
        for confined, count in sorted(self._confined.items()):
            if count:
                several = f" (in {plural(count, 'run')})" if len(+self._confined) > 1 else ""
                yield f"commands were confined {confined}{several}"
        if self._kept:
            where = one_line(os.path.commonpath(map(os.path.dirname, self._kept)), _LINE_LIMIT)
            yield f"{plural(len(self._kept), 'workspace')} kept in {where}"
        if details:
            yield from (f"  {one_line(kept, _LINE_LIMIT)}" for kept in sorted(self._kept))
            yield from (
                f"  {plural(count, 'run')}: {one_line(note, _LINE_LIMIT)}" for note, count in self._notes.items()
            )
