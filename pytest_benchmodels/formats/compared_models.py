"""Checks that compare with a stored answer: of a model that nobody knows, or of the one that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.formats.checks import LocatedCheck, each_inside
from pytest_benchmodels.formats.document import Problems, Steps

__all__ = ["ComparedModels", "own_answers_fault"]

_REASON_LIMIT = 300

Fault = Callable[[str, Sequence[str]], str | None]


def own_answers_fault(name: str, model: str) -> str:
    """What is said where `model`, which answers, is the one that its answers are compared with, by this `name`."""
    known_as = "" if name == model else f" as {quote(model)}"
    return (
        f"{quote(name)} answers this scenario itself{known_as}: its answers would be compared with its own; name "
        "another model, or leave it out of those that run. It answers first in a scenario without this check"
    )


class ComparedModels:
    """Looks at what the checks of one file's scenarios compare with.

    What does not depend on the record is told once for all scenarios of a dataset.
    """

    def __init__(self, problems: Problems, fault: Fault) -> None:
        self._problems = problems
        self._fault = fault
        self._told: set[tuple[Steps, str]] = set()

    def look_at(self, checks: Iterable[LocatedCheck], models: Sequence[str]) -> None:
        """Note each model whose answers cannot be compared with those of `models`, which the scenario names."""
        for check, steps in (found for pair in checks for found in each_inside(*pair)):
            for option, name in self._compared(check, steps).items():
                said = self._fault(name, models)
                if said and (steps, said) not in self._told:
                    self._told.add((steps, said))
                    self._problems.add((*steps, option), f"check {quote(check.label)}: {option}: {said}")

    def _compared(self, check: Check, steps: Steps) -> Mapping[str, str]:
        try:
            return dict(check.grader.compared_models())
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            said = clip(plain(str(error)), _REASON_LIMIT)
            self._problems.add(steps, f"check {quote(check.kind)}: compared_models(): {type(error).__name__}: {said}")
            return {}
