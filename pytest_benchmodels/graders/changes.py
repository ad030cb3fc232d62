"""The check of which files of its workspace a run changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.workspace import FileChange
from pytest_benchmodels.graders.globs import Globs, Patterns
from pytest_benchmodels.graders.normalization import listed, right, wrong
from pytest_benchmodels.graders.workspace_files import undecided, workspace_of

__all__ = ["CHECKS", "ChangedOnly"]

_TOLD = 5


class ChangedOnly(Grader, frozen=True, dict=True):
    """All files that the run changed fit one of these patterns; added and deleted files are changed ones.

    The score is the share of those that do, times the share of `required` patterns of which a file was changed. Of all
    files at most `max_files` may be changed, and `max_lines` lines be added or removed.
    """

    changed_only: Patterns
    required: Patterns = ()
    max_files: Annotated[int, Meta(ge=0)] | None = None
    max_lines: Annotated[int, Meta(ge=0)] | None = None

    bounded: ClassVar[bool] = False
    needs_workspace: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.changed_only and self.required:
            raise ValueError("nothing may be changed, and `required` asks for it: write what may be changed")
        _ = self._allowed, self._required

    def grade(self, context: GradingContext) -> Grade:
        """Compare the paths. Changes that a check made are not among them."""
        changes = _changes(context)
        if not changes:
            told = "nothing was changed"
            return right(told) if not self.required else wrong(f"{told}; expected a change of {self._missing([])}")
        paths = [change.path for change in changes]
        others = [path for path in paths if not self._allowed.fit(path)]
        missing = [each for each in self._required if not each.of(paths)]
        faults = [f"only {self._allowed.told() or 'nothing'} may be changed, not {_listed(others)}"] if others else []
        faults += [f"expected a change of {self._missing(paths)}"] if missing else []
        score = 1 - len(others) / len(paths)
        score *= 1 - len(missing) / len(self._required) if self._required else 1
        if self.max_files is not None and len(paths) > self.max_files:
            faults.append(f"{len(paths)} files were changed, {self.max_files} may be")
            score = 0.0
        lines, uncounted = _lines(changes)
        if self.max_lines is not None and lines > self.max_lines:
            faults.append(f"{lines} lines were changed, {self.max_lines} may be")
            score = 0.0
        if faults:
            return Grade(score, passed=False, explanation="; ".join(faults))
        if self.max_lines is not None and uncounted:
            return undecided(f"changed lines cannot be counted, being no text or too many, of {_listed(uncounted)}")
        return right(f"changed: {_listed(paths)}")

    def _missing(self, paths: Sequence[str]) -> str:
        return " and of ".join(each.told() for each in self._required if not each.of(paths))

    @cached_property
    def _allowed(self) -> Globs:
        return Globs(self.changed_only, all_folders=True)

    @cached_property
    def _required(self) -> list[Globs]:
        return [Globs(each, all_folders=True) for each in listed(self.required)]


def _changes(context: GradingContext) -> Sequence[FileChange]:
    """What the model changed: it stands with its last answer, as checks before this one may have changed more."""
    for response in (context.answered, *context.transcript.responses[-1:]):
        if response.changes is not None:
            return response.changes
    return workspace_of(context).changes()


def _lines(changes: Sequence[FileChange]) -> tuple[int, list[str]]:
    """How many lines were added and removed, and the files of which nobody knows."""
    hunks = [f"\n{change.diff}".partition("\n@@")[2] for change in changes]
    lines = sum(line[:1] in ("+", "-") for hunk in hunks for line in hunk.split("\n"))
    return lines, [change.path for change in changes if not change.diff and _had_lines(change)]


def _had_lines(change: FileChange) -> bool:
    """Whether there may be changed lines that no diff shows: not where an empty file came, or a mode changed."""
    return change.mode is None and (change.size > 0 or change.kind != "added")


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _TOLD:,} more" if len(paths) > _TOLD else ""
    return ", ".join(map(quote, paths[:_TOLD])) + more


CHECKS: tuple[type[Grader], ...] = (ChangedOnly,)
"""The checks of this family, in the order in which they are told."""
