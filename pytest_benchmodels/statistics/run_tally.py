"""All that a run's figures, ranking, gates and comparison are made of: the same for a session and for commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.statistics.metrics import Tally
from pytest_benchmodels.statistics.outcomes import (
    Coverage,
    CoverageTally,
    Outcome,
    graded_scenarios,
    is_ranked,
    not_started,
)
from pytest_benchmodels.statistics.ze_scores import ZeTally

if TYPE_CHECKING:
    from pytest_benchmodels.statistics.changes import Conditions
    from pytest_benchmodels.statistics.comparison import Comparison
    from pytest_benchmodels.statistics.gates import Gate
    from pytest_benchmodels.statistics.ranking import Ranking
    from pytest_benchmodels.statistics.verdict import GateVerdict, Measured

__all__ = ["RunTally"]


class RunTally:
    """Adds up a run's results one by one, and forgets them.

    `conditions` are the run's own, still empty; they are needed to compare it with another run. `labels` are people's,
    of answers that it may have, None where there are none. Modules for gates, ranking and comparison are imported only
    when these are asked for: most sessions ask for none.
    """

    def __init__(
        self, results: Iterable[Result] = (), conditions: Conditions | None = None, labels: Labels | None = None
    ) -> None:
        self.tally = Tally(labels)
        self.conditions = conditions
        self.outcomes: list[Outcome] = [] if conditions is None else conditions.outcomes
        self.ze = ZeTally()
        self._coverage = CoverageTally()
        for result in results:
            self.add(result)

    def add(self, result: Result) -> None:
        """Count one run's end. To add the same run twice counts it twice."""
        self.tally.add(result)
        self.ze.add(result)
        self._coverage.add(result)
        if self.conditions is None:
            self.outcomes.append(Outcome.of(result))
        else:
            self.conditions.add(result)

    def coverage(self, nodeids: Iterable[str] = (), unnamed: int = 0) -> Coverage:
        """How many runs there were to be: `nodeids`, as far as they are known, and `unnamed` more."""
        return self._coverage.coverage(nodeids, unnamed)

    def not_started(self, nodeids: Iterable[str]) -> tuple[str, ...]:
        """Those of the runs that were to be that have no result."""
        return not_started(nodeids, self.outcomes)

    def measured(self, coverage: Coverage | None = None) -> Measured:
        """What gates are held against. Without `coverage`, only the runs that are there were to be made."""
        from pytest_benchmodels.statistics.verdict import Measured  # noqa: PLC0415 - only where there are gates

        known = self.coverage() if coverage is None else coverage
        figures = self.tally.figures(1)
        scenarios = graded_scenarios(self.outcomes)
        return Measured(self.tally.overall(), figures.models, known, scenarios, figures.checks.judging)

    def judged(
        self, gates: Sequence[Gate], coverage: Coverage | None = None, before: RunTally | None = None
    ) -> tuple[GateVerdict, ...]:
        """The verdicts of gates, one for each model where a gate asks for each, and of the gates that these imply."""
        if not gates:
            return ()
        from pytest_benchmodels.statistics.verdict import judge_all  # noqa: PLC0415 - only where there are gates

        return judge_all(gates, self.measured(coverage), before.measured() if before is not None else None)

    def ranking(self) -> Ranking | None:
        """The models' order; None where there is nothing to rank."""
        if not is_ranked(self.outcomes):
            return None
        from pytest_benchmodels.statistics.ranking import rank  # noqa: PLC0415 - only where there is a rank

        return rank(self.outcomes)

    def compared_with(self, before: RunTally) -> Comparison | None:
        """The comparison with the run before; None where one of the two has no conditions."""
        if self.conditions is None or before.conditions is None:
            return None
        from pytest_benchmodels.statistics.comparison import compare_runs  # noqa: PLC0415 - only where there is a baseline

        return compare_runs(before.conditions, self.conditions)
