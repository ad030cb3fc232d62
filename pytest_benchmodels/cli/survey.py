"""A run's figures, from its results."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable

from pytest_benchmodels.core.metrics import Figures, Tally
from pytest_benchmodels.core.outcome import Outcome
from pytest_benchmodels.core.ranking import Ranking, rank
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.verdict import Measured

__all__ = ["Survey", "most_at_once"]

_TOUCH_S = 0.001
"""By so much two runs of one lane may seem to overlap: their start is the clock's, their length is measured."""


class Survey:
    """Reads results once. A few numbers of each are kept: its answer is not.

    How many runs of a model were allowed at once is not stored. `lanes` are as many as were seen at once, which is the
    same wherever there was enough to do.
    """

    def __init__(self, results: Iterable[Result]) -> None:
        self.outcomes: list[Outcome] = []
        self._tally = Tally()
        self._starts: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._ends: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        for result in results:
            self._add(result)
        self._lanes = {model: most_at_once(starts, self._ends[model]) for model, starts in self._starts.items()}

    def _add(self, result: Result) -> None:
        self._tally.add(result)
        self.outcomes.append(Outcome.of(result))
        if result.status != "skipped" and not result.cached:
            self._starts[result.model].append(result.started_at)
            self._ends[result.model].append(result.started_at + result.duration_s)

    @property
    def lanes(self) -> int:
        """The most runs of one model that were in flight at once."""
        return max(self._lanes.values(), default=1)

    @property
    def began_at(self) -> float | None:
        """When the first run began, in seconds since the epoch; None where none was run."""
        return min(map(min, self._starts.values()), default=None)

    @property
    def ended_at(self) -> float | None:
        """When the last run ended, in seconds since the epoch; None where none was run."""
        return max(map(max, self._ends.values()), default=None)

    def figures(self) -> Figures:
        return self._tally.figures(self.lanes, self._lanes)

    def measured(self) -> Measured:
        """What gates are held against."""
        return Measured(self._tally.overall(), self.figures().models)

    def ranking(self) -> Ranking | None:
        """The models' order; None with one model and one trial, where there is nothing to tell."""
        graded = {outcome.model for outcome in self.outcomes if outcome.status not in ("error", "skipped")}
        if len(graded) < 2 and all(outcome.trial == 1 for outcome in self.outcomes):
            return None
        return rank(self.outcomes)


def most_at_once(starts: Iterable[float], ends: Iterable[float]) -> int:
    """How many intervals, in seconds, shared a moment; 1 where there are none."""
    changes: list[tuple[float, int]] = []
    for start, end in zip(starts, ends, strict=True):
        changes += [(start, 1), (max(start, end - _TOUCH_S), -1)]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return max(most, 1)
