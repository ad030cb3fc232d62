"""What a grader may look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pytest_benchmodels.core.call import Transcript
from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.scenario import Scenario

__all__ = ["GradingContext"]


class GradingContext(Struct, frozen=True):
    """One answer and all that belongs to it.

    `response` is the answer to judge: that of the turn whose check it is, else the last one. `transcript` holds the
    calls of the whole run, `scenario` what was asked for.
    """

    response: Response
    transcript: Transcript
    scenario: Scenario

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.response.text

    @property
    def target(self) -> str | None:
        """What the scenario says that is right; None where it says nothing."""
        return self.scenario.target

    @property
    def vars(self) -> Mapping[str, Any]:
        """The scenario's variables, with the columns of the record that it was made of."""
        return self.scenario.vars

    @property
    def metadata(self) -> Mapping[str, object]:
        """Whatever the author noted in the scenario."""
        return self.scenario.metadata
