"""Which runs are not to start any more: their model is out of order, or the money is spent."""

from __future__ import annotations

from pytest_benchmodels.core.result import Failure, Result

__all__ = ["BREAKING", "Admission"]

BREAKING = frozenset({"auth", "not-found", "connection"})
_IN_A_ROW = 5


class Admission:
    """A circuit breaker for each model, and a budget for all.

    A model whose last five runs in a row ended in an error that no further attempt can mend (a wrong key, an unknown
    model, a server that is not there even after all attempts) is closed: its other runs end at once, without a call,
    with that cause. `budget_usd` closes everything once it is spent.
    """

    def __init__(self, budget_usd: float | None = None, in_a_row: int = _IN_A_ROW) -> None:
        self._budget_usd = budget_usd
        self._in_a_row = in_a_row
        self._failures: dict[str, int] = {}
        self._closed: dict[str, Failure] = {}
        self._spent_usd = 0.0

    @property
    def spent_usd(self) -> float:
        """What the runs so far cost, as far as their prices are known, in US dollars."""
        return self._spent_usd

    @property
    def closed(self) -> dict[str, Failure]:
        """The models that are closed, and why."""
        return dict(self._closed)

    @property
    def is_spent(self) -> bool:
        """Whether the budget allows no further run."""
        return self._budget_usd is not None and self._spent_usd >= self._budget_usd

    def count(self, result: Result) -> None:
        """Learn from a run's end."""
        self._spent_usd += result.cost_usd or 0.0
        if result.error is None or result.error.kind not in BREAKING:
            self._failures[result.model] = 0
            return
        failures = self._failures[result.model] = self._failures.get(result.model, 0) + 1
        if failures >= self._in_a_row and result.model not in self._closed:
            self.close(result.model, result.error)

    def close(self, model: str, cause: Failure) -> None:
        """Let no further run of a model start."""
        self._closed[model] = cause
