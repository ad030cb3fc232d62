"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from pytest_benchmodels.core.bill import Bill, together
from pytest_benchmodels.core.exchange import Message, Response, Usage

__all__ = [
    "NEXT_ATTEMPT",
    "AnsweredCall",
    "CallSummary",
    "CheckResult",
    "Failure",
    "Purpose",
    "Result",
    "Retry",
    "Status",
    "from_plain",
    "to_plain",
]

NEXT_ATTEMPT = "the next attempt"
"""What a wait between two attempts is accounted as, among `Result.waits`."""

Purpose = Literal["answer", "judge", "user", "embed"]
"""What a call is for: the model's own answer, a verdict on one, what a simulated user says, a text as numbers."""

Status = Literal["passed", "failed", "error", "timeout", "skipped"]


class CheckResult(Struct, frozen=True):
    """One check's verdict on one answer, after `not`. `summary` is the check in a reader's words."""

    name: str
    score: float
    passed: bool
    explanation: str
    weight: float = 1.0
    summary: str = ""


class Failure(Struct, frozen=True):
    """Why a run has no verdict. `kind` is a short stable word, `message` is for a reader."""

    kind: str
    message: str


class Retry(Struct, frozen=True):
    """An attempt that failed and was followed by another, `wait_s` seconds later."""

    kind: str
    message: str
    wait_s: float


class CallSummary(Struct, frozen=True):
    """One call of a run: what it was for, whom it asked, and what it took.

    `served_model` is which model the provider says that answered. `latency_s` is that of the answered attempt, None
    where nothing was answered; `held_s` how long it had a lane, `wait_s` how long it waited for rate limits and between
    attempts. All in seconds. Tokens and cost are those of all its requests that were billed; None where any part is
    unknown, and `known_cost_usd` is then the part that is known. `cached`: no model was asked in this session; it has
    attempts and a cost where the same run paid for it in an earlier one. `error` is why it was not answered.
    `fingerprint` is that under which its answer is stored: one of its own, or the run's where it was an answer.
    """

    purpose: Purpose
    model: str
    served_model: str = ""
    attempts: int = 0
    latency_s: float | None = None
    held_s: float = 0.0
    wait_s: float = 0.0
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    known_cost_usd: float = 0.0
    cached: bool = False
    error: Failure | None = None
    fingerprint: str = ""


class AnsweredCall(CallSummary, frozen=True, kw_only=True):
    """One that was answered just now, with question and answer, for a store to keep (`Record`)."""

    messages: tuple[Message, ...]
    response: Response

    @property
    def summary(self) -> CallSummary:
        """What stays with the result."""
        return CallSummary(*[getattr(self, name) for name in CallSummary.__struct_fields__])


class Result(Struct, frozen=True):
    """One run's end.

    `latency_s` is the sum over its turns of the answered attempt, from the request to the last byte. Apart from it
    stand failed attempts (`retry_s`), connection set-up (`connect_s`), the client's own delay (`client_s`), each None
    where nobody measured it, and `wait_s`, spent waiting for rate limits and between attempts, `waits` what for.
    `duration_s` is the run from its first request on. `timeout_s` is the run's limit, 0 for none, and None where that
    is not known. All in seconds. `started_at` is in seconds since the epoch. `score` is None unless the answer was
    graded. `threshold` is the author's, and then the score decides; None where each check had to pass (`scoring`).

    `cost_usd` and `usage` are what all its requests took that were billed, failed ones too; None, and a count of None,
    where any part of it is unknown. `known_cost_usd` and `known_usage` are then the part that is known: it took at
    least that. `reruns` says how often a plugin had it run again: all of them were paid, the last one is what is told.
    `xfail` is the author's reason to expect a wrong answer, and changes no status. `cached` says that no model was
    called for it, `regraded` that a stored answer was judged, `reuse` what was taken over, or why nothing was.
    `answers` are those of all turns where there were several; `response` is the last one, with the latency and the
    tokens of all. `calls` are all that it made, in their order, where it made more than one. What other models were
    asked, by its checks, is told there only: times, tokens and costs beside it are those of the run's own model.
    `grading_s` is for how long, in seconds, its checks judged while it had no lane any more. `session` says which of
    its run's sessions had it, from 1 on; it is 0 where that is not known, and before the result is kept.
    """

    nodeid: str
    scenario: str
    model: str
    trial: int
    status: Status
    started_at: float
    duration_s: float
    latency_s: float = 0.0
    wait_s: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 0
    score: float | None = None
    threshold: float | None = None
    checks: tuple[CheckResult, ...] = ()
    response: Response | None = None
    error: Failure | None = None
    retries: tuple[Retry, ...] = ()
    cost_usd: float | None = None
    xfail: str | None = None
    cached: bool = False
    regraded: bool = False
    reuse: str = ""
    fingerprint: str = ""
    grade_fingerprint: str = ""
    answers: tuple[Response, ...] = ()
    session: int = 0
    retry_s: float | None = None
    connect_s: float | None = None
    client_s: float | None = None
    timeout_s: float | None = None
    known_cost_usd: float | None = None
    usage: Usage | None = None
    known_usage: Usage | None = None
    reruns: int = 0
    calls: tuple[CallSummary, ...] = ()
    grading_s: float = 0.0

    @property
    def other_calls(self) -> tuple[CallSummary, ...]:
        """Those that were no request for the run's own answer."""
        return tuple([call for call in self.calls if call.purpose != "answer"])

    @property
    def all_calls(self) -> tuple[CallSummary, ...]:
        """`calls`, also where it made one only."""
        if self.calls or (self.response is None and not self.attempts):
            return self.calls
        took, response = self.spent, self.response
        return (
            CallSummary(
                "answer",
                self.model,
                served_model="" if response is None else response.served_model,
                attempts=self.attempts,
                latency_s=self.told_latency_s,
                wait_s=self.wait_s,
                input_tokens=took.usage.input_tokens,
                cached_input_tokens=took.usage.cached_input_tokens,
                output_tokens=took.usage.output_tokens,
                reasoning_tokens=took.usage.reasoning_tokens,
                cost_usd=took.cost_usd,
                known_cost_usd=took.known_cost_usd,
                cached=self.cached,
                error=self.error if response is None else None,
                fingerprint=self.fingerprint,
            ),
        )

    @property
    def spent_usd(self) -> float:
        """What it is known to have cost, in US dollars, with all that it asked of other models."""
        return self.spent.known_cost_usd + sum([call.known_cost_usd for call in self.other_calls])

    @property
    def told_latency_s(self) -> float | None:
        """`latency_s` for a reader, None where nothing was answered: 0 would be the fastest answer of all."""
        return None if self.response is None else self.latency_s

    @property
    def spent(self) -> Bill:
        """What it took. Of a result that was kept before there was such an account, what its answer tells."""
        if self.usage is not None and self.known_usage is not None:
            return Bill(self.usage, self.known_usage, self.cost_usd, self.known_cost_usd or 0.0)
        usage = self.response.usage if self.response is not None else Usage()
        return Bill(usage, usage, self.cost_usd, self.known_cost_usd or self.cost_usd or 0.0)

    def again_after(self, earlier: Result) -> Result:
        """This result of a run that was made before: both were paid. An answer that was taken over is paid already."""
        took = earlier.spent if self.cached else together(earlier.spent, self.spent)
        return replace(
            self,
            cost_usd=took.cost_usd,
            known_cost_usd=took.known_cost_usd,
            usage=took.usage,
            known_usage=took.known_usage,
            reruns=earlier.reruns + self.reruns + 1,
            calls=(*earlier.other_calls, *self.calls),
        )

    def unpaid(self) -> Result:
        """The same without what it took, where that is told already."""
        return replace(self, cost_usd=0.0, known_cost_usd=0.0, usage=Usage(0, 0), known_usage=Usage(0, 0))

    @property
    def all_answers(self) -> tuple[Response, ...]:
        """Those of all turns that were answered, also where there was only one."""
        return self.answers or (() if self.response is None else (self.response,))

    @property
    def was_run(self) -> bool:
        """Whether its model was called for it, if not in this session then in an earlier one of the same run."""
        return self.status != "skipped" and (not self.cached or (self.regraded and self.attempts > 0))

    @property
    def is_truncated(self) -> bool:
        """Whether its answer, or that of one of its turns, was cut off at max_tokens."""
        if not self.answers:
            return self.response is not None and self.response.is_truncated
        return any(answer.is_truncated for answer in self.answers)

    @property
    def worked_s(self) -> float:
        """`duration_s` without what it waited for other models, which are not always busy."""
        if not self.calls:
            return self.duration_s
        return max(self.duration_s - sum([call.wait_s for call in self.other_calls]), 0.0)

    @property
    def in_flight_s(self) -> float:
        """For how long, in seconds, the run had a lane: between attempts, and while it is graded, others have it."""
        return max(self.duration_s - self.waits.get(NEXT_ATTEMPT, 0.0) - self.grading_s, 0.0)


def to_plain(result: Result) -> dict[str, object]:
    """The result as str, int, float, bool, None, list and dict: what crosses from one process to another.

    Its strings cross only if they hold no lone surrogates (`text.well_formed`, `text.plain`).
    """
    plain: dict[str, Any] = msgspec.to_builtins(result)
    plain["checks"] = list(plain["checks"])
    plain["retries"] = list(plain["retries"])
    plain["answers"] = list(plain["answers"])
    plain["calls"] = list(plain["calls"])
    for response in (plain["response"], *plain["answers"]):
        if response:
            response["tool_calls"] = list(response["tool_calls"])
    return plain


def from_plain(plain: dict[str, object]) -> Result:
    """Undo `to_plain`. Raises `msgspec.ValidationError` for anything that is no result."""
    return msgspec.convert(plain, Result)
