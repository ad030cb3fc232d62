"""What a grader may look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from pytest_benchmodels.core.call import Transcript
from pytest_benchmodels.core.errors import CallError
from pytest_benchmodels.core.exchange import Message, Response
from pytest_benchmodels.core.scenario import Scenario

__all__ = ["Ask", "GradingContext", "nobody"]

Ask = Callable[[str, tuple[Message, ...], Mapping[str, object]], Awaitable[Response]]
"""Asks a model, by the name that a user gives it, and returns its answer."""


async def nobody(model: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:  # noqa: ARG001 - an Ask
    """Whom those ask who belong to no session."""
    raise CallError(f"{model} cannot be asked: this context belongs to no session")


class GradingContext(Struct, frozen=True):
    """One answer and all that belongs to it.

    `response` is the answer to judge: that of the turn whose check it is, else the last one. `transcript` holds the
    calls of the whole run, `scenario` what was asked for.
    """

    response: Response
    transcript: Transcript
    scenario: Scenario
    asking: Ask = nobody

    async def ask(
        self, model: str, prompt: str | Sequence[Message], params: Mapping[str, object] | None = None
    ) -> Response:
        """Ask another model, as a part of this run: a judge. Only what the check's `asked_models` name may be asked.

        The call has lanes, limits, retries and costs of its own: while it waits, the run holds up nobody. `params` are
        added to the model's own. Raises `CallError` where it is not answered, which becomes the run's error unless it
        is caught; the run's time limit may end it.
        """
        messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
        # A check is the user's code, and need not have been looked at by a type checker.
        kinds = {type(message) for message in messages} - {Message}
        if kinds:
            raise TypeError(f"ask() takes a text or a list of Message, not one of {kinds.pop().__name__}")
        return await self.asking(model, messages, params or {})

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
