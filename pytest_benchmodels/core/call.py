"""One question to one model and what came of it; the calls of a run together, and what a grader sees of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from pytest_benchmodels.core.errors import CallError, CheckError
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Bill, Model
from pytest_benchmodels.core.program import Program, ProgramResult, RunProgram, no_programs
from pytest_benchmodels.core.result import Failure, Purpose, Retry
from pytest_benchmodels.core.scenario import Check, Scenario
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.core.workspace import Workspace

__all__ = [
    "Ask",
    "Call",
    "FindAnswer",
    "GradingContext",
    "Provider",
    "Purpose",
    "Request",
    "Transcript",
    "nobody",
    "none_stored",
]


class Request(Struct, frozen=True):
    """One request for one answer.

    `params` are merged: the model's, overridden by the scenario's. `attempt` counts from 1. `checks` and `target` say
    what a right answer looks like, `script` what `sim/agent` is to do (the scenario's `metadata: {sim_agent: ...}`):
    only a simulated provider may look at them, and they are never sent elsewhere.
    The model may call `tools`, as `tool_choice` has it: `auto`, `none`, `required` or a tool's name; None as it likes.
    `embeds`: not an answer is asked for, but the embedding of each message's text (see `GradingContext.embed`).
    `workspace` is the run's, where it has one: a model that is a command works there. `renews_workspace`: that is made
    anew before another attempt, whatever this one left there.
    """

    model: Model
    messages: tuple[Message, ...]
    params: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 1
    trial: int = 1
    checks: tuple[Check, ...] = ()
    target: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    embeds: bool = False
    workspace: Workspace | None = None
    renews_workspace: bool = False
    script: object = None


class Provider(Protocol):
    """The seam to a model API: one method that answers one request."""

    async def complete(self, request: Request) -> Response:
        """Return the answer, or raise `ProviderError`. Cancelling it closes its connection."""


class Call(Struct, frozen=True):
    """What one question took, whatever came of it: `response`, or `failure` where no attempt was answered.

    `request` is what was sent. `attempts` counts requests, of which all but the last are in `retries`. `waits_s` holds
    the seconds that it waited, by reason; `failed_s` is the time in flight of attempts that were not answered. `bill`
    adds up the requests that were billed or may have been; None where there was none. `cached`: the answer came from
    the store, or from another run of this session that asked the same, and no model was asked.
    """

    purpose: Purpose
    request: Request
    response: Response | None = None
    failure: Failure | None = None
    attempts: int = 0
    retries: tuple[Retry, ...] = ()
    waits_s: Mapping[str, float] = field(default_factory=dict)
    failed_s: float = 0.0
    bill: Bill | None = None
    cached: bool = False

    @property
    def model(self) -> str:
        """Who was asked, by the name that the user typed."""
        return self.request.model.id

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation that was sent."""
        return self.request.messages

    @property
    def latency_s(self) -> float | None:
        """Seconds from the request to the last byte of the answer; None without one."""
        return None if self.response is None else self.response.latency_s

    @property
    def usage(self) -> Usage | None:
        """The tokens of all its requests, as the provider counted them; None where none was billed."""
        return None if self.bill is None else self.bill.usage

    @property
    def cost_usd(self) -> float | None:
        """What all its requests cost, in US dollars; 0 where none was billed, None where any part is unknown."""
        return 0.0 if self.bill is None else self.bill.cost_usd


class Transcript(Struct, frozen=True):
    """The calls by which a run's task was worked on, in their order; those that graders make are not among them."""

    calls: tuple[Call, ...] = ()

    @property
    def responses(self) -> tuple[Response, ...]:
        """The model's answers, one a turn."""
        return tuple([call.response for call in self.calls if call.response is not None and call.purpose == "answer"])

    @property
    def failure(self) -> Failure | None:
        """Why the task was not worked on to its end; None where it was."""
        return self.calls[-1].failure if self.calls else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation, from the first message to the last answer."""
        if not self.calls:
            return ()
        last = self.calls[-1]
        said = () if last.response is None else (last.response.message,)
        return (*last.messages, *said)


Ask = Callable[[str, tuple[Message, ...], Mapping[str, object]], Awaitable[Response]]
"""Asks a model, by the name that a user gives it, and returns its answer."""


async def nobody(model: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:  # noqa: ARG001 - an Ask
    """The `Ask` of a context that belongs to no session: it raises."""
    raise CallError(f"{model} cannot be asked: this context belongs to no session")


FindAnswer = Callable[[str], Response | None]
"""Finds the stored answer of another model, by the name that a user gives it, to what this run was asked."""


def none_stored(model: str) -> Response | None:  # noqa: ARG001 - a FindAnswer
    """The `FindAnswer` where nothing is stored."""
    return None


class GradingContext(Struct, frozen=True):
    """One answer and all that belongs to it.

    `response` is the answer to judge: that of the turn whose check it is, else the last one. `transcript` holds the
    calls of the whole run, `scenario` what was asked for. With `thinking: keep` the response's text begins with what
    was thought, between `<think>` tags. Where a check has `extract`, the response's text is what that found.
    `workspace` is the run's, as the model left it; None where the scenario has none.
    """

    response: Response
    transcript: Transcript
    scenario: Scenario
    asking: Ask = nobody
    embedding: Ask = nobody
    finding: FindAnswer = none_stored
    running: RunProgram = no_programs
    whole: Response | None = None
    workspace: Workspace | None = None
    naming: Callable[[str], Model] | None = None

    @property
    def answered(self) -> Response:
        """The answer as it came, where `response` is what a check's `extract` found in it."""
        return self.whole or self.response

    def with_part(self, text: str) -> GradingContext:
        """The same with a part of the answer in its place."""
        return replace(self, response=replace(self.response, text=text), whole=self.answered)

    async def ask(
        self, model: str, prompt: str | Sequence[Message], params: Mapping[str, object] | None = None
    ) -> Response:
        """Ask another model, such as a judge, as a part of this run: only those that the check's `asked_models` names.

        The call has lanes, limits, retries and costs of its own; while it waits, the run holds no lane. `params` are
        added to the model's own. Raises `CallError` where there is no answer. Unless the check catches it, that becomes
        the run's error. The run's time limit may end the call.
        """
        messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
        # A check is the user's code, which no type checker need have seen.
        kinds = {type(message) for message in messages} - {Message}
        if kinds:
            raise TypeError(f"ask() takes a text or a list of Message, not one of {kinds.pop().__name__}")
        return await self.asking(model, messages, params or {})

    def is_own(self, model: str, answer: Response) -> bool:
        """Whether another model's `answer`, asked for by this name, comes from the model whose answer is judged.

        It does where both names lead to one provider, address and name, and where providers say that one model served
        both.
        """
        if not self.transcript.calls:
            return False
        judged = self.transcript.calls[-1].request.model
        if model == judged.id or (self.naming is not None and self.naming(model).asks == judged.asks):
            return True
        return bool(answer.served_model) and answer.served_model == self.answered.served_model

    async def embed(self, model: str, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Ask another model for the embedding of each text, in one call, under the same conditions as `ask`.

        Each is a vector of length 1, so that the cosine of two is the sum of their products, to four decimals. Raises
        `CallError` where there is no answer, or one with another number of vectors, or with vectors that do not fit.
        """
        answer = await self.embedding(model, tuple([Message("user", text) for text in texts]), {})
        try:
            vectors = msgspec.json.decode(answer.text, type=list[tuple[float, ...]])
        except msgspec.DecodeError:
            vectors = []
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) > 1:
            sizes = ", ".join(str(len(vector)) for vector in vectors[:5]) or "none"
            raise CallError(
                f"{model} was asked for {len(texts)} embeddings of one length, it gave some of {sizes}", answer
            )
        return vectors

    def answer_of(self, model: str) -> Response:
        """The last stored answer of another model to what this run was asked. Raises `CheckError` where there is none.

        That model is not asked: it has to have answered in an earlier session, with the same store.
        """
        found = self.finding(model)
        if found is None:
            raise CheckError(
                f"the store has no answer of {quote(model)} to this question; have it answer first, without this "
                f"check, with --bench-models {quote(model)} and the same --bench-store"
            )
        return found

    async def run(self, program: Program) -> ProgramResult:
        """Run code of the answer in a confined process, whose own limits count while the run's time stands still.

        Only a check with `runs_code` may do it. Raises `CheckError` where it cannot be confined.
        """
        return await self.running(program)

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.response.text

    @property
    def target(self) -> str | None:
        """The right answer, as the scenario has it; None where it has none."""
        return self.scenario.target

    @property
    def vars(self) -> Mapping[str, Any]:
        """The scenario's variables, with the columns of its dataset record."""
        return self.scenario.vars

    @property
    def metadata(self) -> Mapping[str, object]:
        """Whatever the author noted in the scenario."""
        return self.scenario.metadata
