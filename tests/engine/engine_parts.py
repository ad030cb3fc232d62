"""Small parts that the engine's tests put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Model, Price
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check, Grade, Grader, Scenario, Turn
from pytest_benchmodels.engine.backoff import Backoff
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.client import ModelClient
from pytest_benchmodels.engine.execution import Executor
from pytest_benchmodels.engine.known import NothingStored, Recall
from pytest_benchmodels.engine.limiter import Limiter, MemoryLimiter, RateLimits, Unlimited
from pytest_benchmodels.solvers.conversation import Conversation

MODEL = Model("fake/one", "fake", "one", "http://fake.invalid", params={"temperature": 0}, price=Price(1.0, 2.0))


class Says(Grader, frozen=True):
    """Accepts one text."""

    says: str
    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        return Grade.of(response.text == self.says, f"got {response.text!r}")


class Calls(Grader, frozen=True):
    """Does what it is told instead of grading."""

    calls: Callable[[Response], Grade]

    def grade(self, response: Response) -> Grade:
        return self.calls(response)


def check(grader: Grader, *, weight: float = 1.0, negate: bool = False, label: str = "") -> Check:
    return Check(grader.kind(), label or grader.kind(), grader.kind(), grader, weight, negate)


def scenario(
    *checks: Check, threshold: float | None = None, turns: Sequence[Turn] = (), system: str | None = None
) -> Scenario:
    asked = tuple(turns) or (Turn((Message("user", "hello"),)),)
    return Scenario("s", "s.yaml:1", asked, checks, system=system, threshold=threshold, params={"seed": 1})


def run(of: Scenario, timeout_s: float | None = 30.0, model: Model = MODEL) -> Run:
    return Run(f"s.yaml::{of.id}[{model.id}]", of, model, 1, timeout_s)


@dataclass
class FakeProvider:
    """Answers with the next of `answers`; an exception among them is raised, None never ends."""

    answers: list[str | Exception | None]
    requests: list[Request] = field(default_factory=list)
    cancelled: int = 0

    async def complete(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return Response(str(answer), "stop", Usage(10, 5))


def executor(
    provider: object,
    retries: int = 4,
    limiter: Limiter | None = None,
    recall: Recall | None = None,
    breaker: CircuitBreaker | None = None,
) -> Executor:
    """An executor whose every model is answered by one fake, without waits between attempts."""
    client = ModelClient(
        lambda _: provider,  # type: ignore[arg-type,return-value] # a fake
        Backoff(retries, base_s=0.0),
        RateLimits(limiter or MemoryLimiter(), Unlimited()),
    )
    return Executor(client, Conversation(), breaker or CircuitBreaker(), recall or NothingStored())


def retryable(kind: str = "overloaded", retry_after_s: float | None = None) -> ProviderError:
    return ProviderError(kind, f"simulated {kind}", status=503, retryable=True, retry_after_s=retry_after_s)
