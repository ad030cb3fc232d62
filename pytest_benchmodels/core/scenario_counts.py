"""How often each scenario passed, failed, timed out and erred: what tells how much its trials resemble each other."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .intervals import Interval, design_effect, wilson
from .result import Status

__all__ = ["Effects", "ScenarioCounts"]

_UNIT = 1 << 40  # a score is kept as a whole number of these parts: such sums are the same in any order


@dataclass(frozen=True, slots=True)
class Effects:
    """How many runs tell as much as one independent run, of each rate; 1 with one trial of each scenario."""

    passed: float = 1.0
    errors: float = 1.0
    timeouts: float = 1.0
    truncated: float = 1.0


class ScenarioCounts:
    """Counts of one model, or of all, by the scenario's number; 36 bytes a scenario."""

    __slots__ = ("_answered", "_errors", "_graded", "_passed", "_score_sums", "_scored", "_timeouts", "_truncated")

    def __init__(self) -> None:
        self._passed, self._graded, self._errors, self._timeouts, self._scored = (array("I") for _ in range(5))
        self._answered, self._truncated = array("I"), array("I")
        self._score_sums = array("q")

    def add(self, scenario: int, status: Status, score: float | None) -> None:
        """Count one run; a skipped one says nothing."""
        if scenario >= len(self._graded):
            self._reach(scenario + 1)
        self._passed[scenario] += status == "passed"
        self._graded[scenario] += status in {"passed", "failed", "timeout"}
        self._errors[scenario] += status == "error"
        self._timeouts[scenario] += status == "timeout"
        # Only a damaged file can hold another score.
        if score is not None and 0 <= score <= 1:
            self._scored[scenario] += 1
            self._score_sums[scenario] += round(score * _UNIT)

    def add_answer(self, scenario: int, *, truncated: bool) -> None:
        """Count one run's answer, which was cut off or not."""
        if scenario >= len(self._graded):
            self._reach(scenario + 1)
        self._answered[scenario] += 1
        self._truncated[scenario] += truncated

    def merge(self, other: ScenarioCounts) -> None:
        """Add another model's runs: those of one scenario are alike whoever answers."""
        self._reach(len(other._graded))
        for name in self.__slots__:
            own = getattr(self, name)
            for scenario, count in enumerate(getattr(other, name)):
                own[scenario] += count

    def effects(self) -> Effects:
        """The design effects of the rates."""
        made = [graded + errors for graded, errors in zip(self._graded, self._errors, strict=True)]
        if max(made, default=0) <= 1:
            return Effects()
        return Effects(
            passed=_effect(self._passed, self._graded),
            errors=_effect(self._errors, made),
            timeouts=_effect(self._timeouts, made),
            truncated=_effect(self._truncated, self._answered),
        )

    def score_interval(self) -> Interval | None:
        """The mean score's: a score varies less than a share of as many runs that pass or not."""
        sums = [total / _UNIT for total in self._score_sums]
        effect = design_effect(zip(sums, self._scored, strict=True), shares=False)
        return wilson(math.fsum(sums), sum(self._scored), effect)

    def answered_observations(self) -> float:
        """How many independent observations the runs with a graded answer are if all trials of a scenario agree."""
        trials = [graded - timeouts for graded, timeouts in zip(self._graded, self._timeouts, strict=True)]
        squares = sum(count * count for count in trials)
        return sum(trials) ** 2 / squares if squares else 0.0

    def _reach(self, length: int) -> None:
        missing = length - len(self._graded)
        if missing > 0:
            for name in self.__slots__:
                getattr(self, name).extend([0] * missing)


def _effect(counts: Iterable[int], totals: Iterable[int]) -> float:
    pairs: Iterator[tuple[int, int]] = zip(counts, totals, strict=True)
    return design_effect(pairs)
