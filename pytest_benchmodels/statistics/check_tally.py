"""What a run's checks come to, apart from what they say of models: how far to believe them, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.statistics.idle_checks import IdleChecks, IdleTally
from pytest_benchmodels.statistics.variance import Noise, NoiseTally

if TYPE_CHECKING:
    from pytest_benchmodels.statistics.judging import LabelFigures, LabelTally

__all__ = ["CheckFigures", "CheckTally"]


@dataclass(frozen=True, slots=True)
class CheckFigures:
    """What people's labels say of the judges, None without labels; the checks that tell nothing; each model's noise."""

    judging: LabelFigures | None = None
    idle: IdleChecks = field(default_factory=IdleChecks)
    noise: Mapping[str, Noise] = field(default_factory=dict)


class CheckTally:
    """Adds up results one by one, and forgets them."""

    def __init__(self, labels: Labels | None = None) -> None:
        self._judging = None if labels is None else _label_tally(labels)
        self._idle = IdleTally()
        self._noise = NoiseTally()

    def add(self, result: Result, scenario: int) -> None:
        """Count one run's end; `scenario` is its scenario's number in the session."""
        self._idle.add(result)
        self._noise.add(result, scenario)
        if self._judging is not None:
            self._judging.add(result, scenario)

    def figures(self) -> CheckFigures:
        """The figures so far."""
        judging = None if self._judging is None else self._judging.figures()
        return CheckFigures(judging, self._idle.found(), self._noise.found())


def _label_tally(labels: Labels) -> LabelTally:
    from pytest_benchmodels.statistics.judging import LabelTally  # noqa: PLC0415 - only where there are labels

    return LabelTally(labels)
