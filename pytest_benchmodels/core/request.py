"""What is asked of a model, and the seam to whoever answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

from pytest_benchmodels.core.exchange import Message, Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.scenario import Check

__all__ = ["Provider", "Request"]


class Request(Struct, frozen=True):
    """One request for one answer.

    `params` are merged: the model's, overridden by the scenario's. `attempt` counts from 1. `checks` and `target` say
    what a right answer looks like: only a simulated provider may look at them, and they are never sent elsewhere.
    """

    model: Model
    messages: tuple[Message, ...]
    params: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 1
    trial: int = 1
    checks: tuple[Check, ...] = ()
    target: str | None = None


class Provider(Protocol):
    """The seam to a model API: one method that answers one request."""

    async def complete(self, request: Request) -> Response:
        """Return the answer, or raise `ProviderError`. Cancelling it closes its connection."""
