"""A run's figures, from its results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_benchmodels.core.coverage import Coverage, CoverageTally
from pytest_benchmodels.core.metrics import Figures, Tally
from pytest_benchmodels.core.outcome import Outcome, graded_scenarios
from pytest_benchmodels.core.ranking import Ranking, rank
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.session import Session
from pytest_benchmodels.core.verdict import Measured

from .worktime import Worktime, makespan_s, shifts, shortest_s

__all__ = ["Survey"]


class Survey:
    """Reads results once. A few numbers of each are kept: its answer is not.

    `sessions` are those that worked on the run, as far as they are known: what nobody knows of counts as one.
    `coverage` counts what was to be run.
    """

    def __init__(self, results: Iterable[Result], sessions: Sequence[Session] = ()) -> None:
        self.outcomes: list[Outcome] = []
        self.coverage = CoverageTally()
        self._tally = Tally()
        self._sessions = sessions
        self._worktimes: dict[int, Worktime] = {}
        for result in results:
            self._add(result)
        self._shifts = list(shifts(self._worktimes.values()))

    def _add(self, result: Result) -> None:
        self._tally.add(result)
        self.coverage.add(result)
        self.outcomes.append(Outcome.of(result))
        if result.was_run:
            self._worktime_of(result.session).add(result)

    def _worktime_of(self, number: int) -> Worktime:
        is_known = 0 < number <= len(self._sessions)
        session = self._sessions[number - 1] if is_known else None
        return self._worktimes.setdefault(number if is_known else 0, Worktime(session))

    @property
    def lanes(self) -> int:
        """How many runs of one model were allowed at once, in the newest session."""
        if self._sessions:
            return self._sessions[-1].concurrency
        return max((worktime.lanes for worktime in self._worktimes.values()), default=1)

    @property
    def began_at(self) -> float | None:
        """When the first run began, in seconds since the epoch; None where none was run."""
        return min((worktime.began_at for worktime in self._worktimes.values()), default=None)

    @property
    def ended_at(self) -> float | None:
        """When the last run ended, in seconds since the epoch; None where none was run."""
        return max((worktime.ended_at for worktime in self._worktimes.values()), default=None)

    @property
    def idle_s(self) -> float:
        """For how long, in seconds, no session was at work between the first run and the last."""
        if self.began_at is None or self.ended_at is None:
            return 0.0
        return max(self.ended_at - self.began_at - makespan_s(self._shifts), 0.0)

    def figures(self) -> Figures:
        """The figures over all results; throughput and makespan over the time in which a session was at work."""
        figures = self._tally.figures(self.lanes)
        return replace(figures, makespan_s=makespan_s(self._shifts), lower_bound_s=shortest_s(self._shifts))

    def measured(self, coverage: Coverage | None = None) -> Measured:
        """What gates are held against; without `coverage`, as if there were to be no run but those that are there."""
        known = self.coverage.coverage() if coverage is None else coverage
        return Measured(self._tally.overall(), self.figures().models, known, graded_scenarios(self.outcomes))

    def ranking(self) -> Ranking | None:
        """The models' order; None with one model and one trial, where there is nothing to tell."""
        graded = {outcome.model for outcome in self.outcomes if outcome.status not in ("error", "skipped")}
        if len(graded) < 2 and all(outcome.trial == 1 for outcome in self.outcomes):
            return None
        return rank(self.outcomes)
