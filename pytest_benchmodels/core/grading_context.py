"""What a grader may look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .call import Call, Transcript
from .exchange import Message, Response
from .scenario import Scenario

__all__ = ["Ask", "GradingContext"]

Ask = Callable[[tuple[Message, ...], str, Mapping[str, Any]], Awaitable[Call]]
"""Messages, a model's name and further params -> the call by which that model was asked."""


@dataclass(frozen=True, slots=True)
class GradingContext:
    """One answer and all that belongs to it.

    `response` is the answer to judge: that of the turn whose check it is, else the last one. `transcript` holds the
    calls of the whole run, `scenario` what was asked for.
    """

    response: Response
    transcript: Transcript
    scenario: Scenario
    asking: Ask

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

    async def ask(
        self, prompt: str | Sequence[Message], *, model: str, params: Mapping[str, Any] | None = None
    ) -> Call:
        """Ask a model something about the answer. It has lanes, limits, a price and errors of its own.

        `model` is one that the grader named in `models`; `params` override that model's. A failure of the model's is
        in the Call. Raises `CheckError` for a model that was not named.
        """
        messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
        return await self.asking(messages, model, params or {})
