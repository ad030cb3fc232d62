"""Whether a run may start at all: no more of a model that fails again and again, and none beyond the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec.structs import replace

from pytest_benchmodels.core.errors import BenchError
from pytest_benchmodels.core.result import Failure, Result, Status
from pytest_benchmodels.core.text import exact_dollars

__all__ = ["BREAKING", "CircuitBreaker", "RefusedError"]

BREAKING = frozenset({"auth", "not-found", "connection", "quota"})
"""Kinds of errors that no further run of the same model is likely to escape."""

_IN_A_ROW = 5
_ROUNDING = 1e-9
"""Three runs of $0.001 and $0.009 each have spent $0.03, though the sum of such floats is a little less."""


class RefusedError(BenchError):
    """The run does not start: it ends with this status, for this cause."""

    def __init__(self, status: Status, cause: Failure) -> None:
        super().__init__(cause.message)
        self.status = status
        self.cause = cause


class CircuitBreaker:
    """A circuit breaker for each model, and a budget for all.

    A model whose last five runs in a row ended in an error that no further attempt can mend (a wrong key, an unknown
    model, no money, a server that is not there even after all attempts) is tripped: its other runs end at once, without
    a call, with that cause. A model that checks ask is judged by these calls. Once `budget_usd` is spent nothing starts
    any more; what is in flight may still spend. Of a cost that is known in part only, that part counts.
    """

    def __init__(self, budget_usd: float | None = None, in_a_row: int = _IN_A_ROW) -> None:
        self._budget_usd = budget_usd
        self._in_a_row = in_a_row
        self._failures: dict[str, Counter[str]] = {}
        self._tripped: dict[str, Failure] = {}
        self._spent_usd = 0.0

    @property
    def tripped(self) -> Mapping[str, Failure]:
        """The models that are tripped, and why."""
        return self._tripped

    @property
    def is_spent(self) -> bool:
        """Whether the budget allows no further run."""
        return self._budget_usd is not None and self._spent_usd >= self._budget_usd * (1 - _ROUNDING)

    def admit(self, model: str) -> None:
        """Return if a run of this model may start; raise `RefusedError` if not."""
        if model in self._tripped:
            raise RefusedError("error", self._tripped[model])
        if self.is_spent:
            budget = exact_dollars(self._budget_usd or 0.0)
            raise RefusedError("skipped", Failure("budget", f"the budget of {budget} is spent"))

    def count(self, result: Result, counted: Result | None = None) -> None:
        """Learn from a run's end. What was taken over cost nothing now, and tells nothing of a server.

        A run that is made again has the bill of all, and first the calls of those before, which were `counted`.
        """
        if result.cached and not result.regraded:
            return
        known = () if counted is None else counted.other_calls
        others = [call for call in result.other_calls[len(known) :] if not call.cached]
        spent_usd = sum([call.known_cost_usd for call in others])
        if not result.cached:
            stored = [call.known_cost_usd for call in result.calls if call.purpose == "answer" and call.cached]
            before_usd = sum(stored) if counted is None else counted.spent.known_cost_usd
            spent_usd += max(result.spent.known_cost_usd - before_usd, 0.0)
            self._learn(result.model, result.error)
        self._spent_usd += spent_usd
        for call in others:
            if call.attempts:
                self._learn(call.model, call.error)

    def _learn(self, model: str, error: Failure | None) -> None:
        """A call of this model came to its end."""
        if error is None or error.kind not in BREAKING:
            self._failures.pop(model, None)
            return
        kinds = self._failures.setdefault(model, Counter())
        kinds[error.kind] += 1
        if kinds.total() == self._in_a_row:
            self.trip(model, replace(error, message=f"not started: {_in_words(kinds)}: {error.message}"))

    def trip(self, model: str, cause: Failure) -> None:
        """Let no further run of a model start."""
        self._tripped[model] = cause

    def spend_all(self) -> None:
        """Let nothing start any more: somebody else counts the money too, and the budget is spent."""
        self._spent_usd = max(self._spent_usd, self._budget_usd or 0.0)


def _in_words(kinds: Counter[str]) -> str:
    runs = f"{kinds.total()} runs in a row ended with"
    if len(kinds) == 1:
        return f"{runs} the same kind of error"
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{runs} an error that no further attempt mends ({told}), the last with"
