"""How much of what was to be run has a verdict: what figures stand on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .outcome import Outcome
from .result import Result
from .run import parse_run_name

__all__ = ["NOT_PLANNED", "Coverage", "CoverageTally", "not_started"]

NOT_PLANNED = "skip"
"""The kind of a skipped run's failure that its author, or a mark, left out on purpose: it was never to be run."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many runs were to be made: of each model, and of all together.

    What `-k` and the like deselected is not among them, nor what its author skips. What the budget, `-x`, Ctrl-C, a
    crash, an error or an answer that is not stored kept from a verdict is. `total` may be more than `models` add up to:
    of runs that never began, an older store knows no more than how many they are.
    """

    models: Mapping[str, int] = field(default_factory=dict)
    total: int = 0

    def of(self, model: str | None) -> int:
        """How many runs of a model were to be made; of all models for None."""
        return self.total if model is None else self.models.get(model, 0)

    def at_least(self, models: Mapping[str, int]) -> Coverage:
        """With no fewer of a model than are given here."""
        most = {
            model: max(self.of(model), models.get(model, 0)) for model in sorted(self.models.keys() | models.keys())
        }
        return Coverage(most, self.total - sum(self.models.values()) + sum(most.values()))


def not_started(nodeids: Iterable[str], outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Those of the runs that were collected that have no result."""
    done = {(outcome.scenario, outcome.model, outcome.trial) for outcome in outcomes}
    return tuple(nodeid for nodeid in nodeids if (name := parse_run_name(nodeid)) and tuple(name) not in done)


class CoverageTally:
    """Adds up results one by one, and forgets them."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count one run's end."""
        self._seen[result.model] += 1
        if result.status == "skipped" and (result.error is None or result.error.kind == NOT_PLANNED):
            self._left_out[result.model] += 1

    def coverage(self, nodeids: Iterable[str] = (), unnamed: int = 0) -> Coverage:
        """What was to be run: `nodeids`, as far as they are known, and `unnamed` more; at least what has a result."""
        asked = Counter(name.model for nodeid in nodeids if (name := parse_run_name(nodeid)))
        models = {
            model: max(asked.get(model, 0), self._seen[model]) - self._left_out[model]
            for model in sorted(asked.keys() | self._seen.keys())
        }
        return Coverage(models, sum(models.values()) + unnamed)
