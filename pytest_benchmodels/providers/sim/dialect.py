"""The chat protocol with an extension: the client tells the simulated model what a right answer would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_benchmodels.providers.openai import OpenAI

if TYPE_CHECKING:
    from pytest_benchmodels.core.request import Request
    from pytest_benchmodels.core.scenario import Check

__all__ = ["Exemplar", "Sim"]

Exemplar = Callable[[tuple["Check", ...], str | None], str | None]
"""Makes an answer that the checks accept, given the target; None where it cannot tell one."""

_REMEMBERED = 1024


class Sim(OpenAI):
    """`params: {sim: {...}}` of a request are the knobs of the simulated model."""

    def __init__(self, exemplar: Exemplar | None = None) -> None:
        self._exemplar = exemplar
        self._answers: dict[tuple[int, str | None], tuple[tuple[Check, ...], str | None]] = {}

    def body(self, request: Request) -> dict[str, object]:
        knobs = request.params.get("sim", {})
        if not isinstance(knobs, Mapping):
            return {**super().body(request), "sim": knobs}  # which the server refuses in its own words
        extension = {**knobs, "trial": request.trial, "attempt": request.attempt}
        answer = self._answer(request)
        if answer is not None:
            extension["answer"] = answer
        return {**super().body(request), "sim": extension}

    def _answer(self, request: Request) -> str | None:
        """Ask for an exemplar once per scenario: its trials, attempts and models share it."""
        if self._exemplar is None:
            return None
        # By identity, for a check may hold what cannot be hashed; the checks are kept, so that no other takes their id.
        key = (id(request.checks), request.target)
        if key not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.pop(next(iter(self._answers)))
            self._answers[key] = (request.checks, self._exemplar(request.checks, request.target))
        return self._answers[key][1]
