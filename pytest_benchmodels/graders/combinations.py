"""Checks that are made of checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from pytest_benchmodels.core.scenario import Check, Combination, Grade, Grader
from pytest_benchmodels.core.text import clip

__all__ = ["CHECKS", "AllOf", "AnyOf", "NoneOf"]

_Inside = Annotated[Any, Meta(extra_json_schema={"$ref": "#/$defs/Check"})]
Checks = Annotated[tuple[_Inside, ...], Meta(min_length=1)]
"""Whoever reads a file makes each of them a `Check` first."""

_EXPLAINED = 500
_NEAR = 1e-9


class _OfChecks(Combination, frozen=True):
    """What the three have in common. A check of weight 0 only informs, as it does in a scenario."""

    def __post_init__(self) -> None:
        if not any(check.weight for check in self.checks):
            raise ValueError("each of its checks has weight 0: at least one has to count")

    def _counted(self, grades: Sequence[Grade]) -> list[tuple[Grade, float]]:
        pairs = zip(grades, self.checks, strict=True)
        return [(grade, check.weight) for grade, check in pairs if check.weight]

    def _passing(self, grades: Sequence[Grade]) -> tuple[list[Grade], int, bool]:
        """Those that count, how many of them passed, and whether none did while one is undecided."""
        counted = [grade for grade, _ in self._counted(grades)]
        passed = sum(grade.passed for grade in counted)
        return counted, passed, not passed and any(grade.undecided for grade in counted)


class AllOf(_OfChecks, frozen=True):
    """Each of these checks passes. The score is the mean of theirs, by their weights.

    With `threshold` it passes if the score reaches it, whichever of them passed.
    """

    all_of: Checks
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None

    def combine(self, grades: Sequence[Grade]) -> Grade:
        """The mean. Undecided where nothing but undecided checks keeps it from passing."""
        counted = self._counted(grades)
        score = math.fsum(grade.score * weight for grade, weight in counted) / math.fsum(each for _, each in counted)
        failed = [grade for grade, _ in counted if not grade.passed]
        passed = not failed if self.threshold is None else score >= self.threshold - _NEAR
        undecided = not passed and bool(failed) and all(grade.undecided for grade in failed)
        wanted = "all" if self.threshold is None else f"a score of {self.threshold:g}"
        said = f"{len(counted) - len(failed)} of {len(counted)} passed, {wanted} asked for, score {score:.2f}"
        return Grade(min(score, 1.0), passed, _told(said, self.checks, grades), undecided)


class AnyOf(_OfChecks, frozen=True):
    """At least one of these checks passes. The score is the best of theirs."""

    any_of: Checks

    def combine(self, grades: Sequence[Grade]) -> Grade:
        """The best. Undecided where none passes, and one is."""
        counted, passed, undecided = self._passing(grades)
        said = f"{passed} of {len(counted)} passed, one asked for"
        return Grade(max(each.score for each in counted), passed > 0, _told(said, self.checks, grades), undecided)


class NoneOf(_OfChecks, frozen=True):
    """None of these checks passes. The score is 1 minus the best of theirs."""

    none_of: Checks

    def combine(self, grades: Sequence[Grade]) -> Grade:
        """1 minus the best. Undecided where none passes, and one is: what must not be is there in a way."""
        counted, passed, undecided = self._passing(grades)
        score = 0.0 if undecided else 1 - max(grade.score for grade in counted)
        said = f"{passed} of {len(counted)} passed, none may"
        return Grade(score, not passed and not undecided, _told(said, self.checks, grades), undecided)


def _told(said: str, checks: Sequence[Check], grades: Sequence[Grade]) -> str:
    """The verdict, then that of each check on a line of its own, those that failed first."""
    pairs = sorted(zip(checks, grades, strict=True), key=lambda pair: pair[1].passed)
    return "\n".join((said, *(_line(check, grade) for check, grade in pairs)))


def _line(check: Check, grade: Grade) -> str:
    named = check.summary if check.label == check.kind else f"{check.label}: {check.summary}"
    notes = [] if grade.score in {0.0, 1.0} else [f"score {grade.score:.2f}"]
    notes += [] if check.weight == 1 else [f"weight {check.weight:g}" if check.weight else "weight 0: only informs"]
    noted = f" ({', '.join(notes)})" if notes else ""
    explained = clip(grade.explanation, _EXPLAINED).replace("\n", "\n  ")
    return f"{'passed' if grade.passed else 'failed'}  {named}{noted}" + (f": {explained}" if explained else "")


CHECKS: tuple[type[Grader], ...] = (AllOf, AnyOf, NoneOf)
"""The checks of this family, in the order in which they are told."""
