"""What a result consists of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Bill
from pytest_benchmodels.core.scenario import Vote

__all__ = [
    "NEXT_ATTEMPT",
    "THE_USER",
    "Account",
    "AnsweredCall",
    "CallSum",
    "CallSummary",
    "CheckResult",
    "Failure",
    "Origin",
    "Purpose",
    "Retry",
    "Status",
    "Timing",
    "Verdict",
    "sum_of",
]

NEXT_ATTEMPT = "the next attempt"
"""What a wait between two attempts is accounted as, among `Result.waits`."""

THE_USER = "the user"
"""The same of what passes while a model that plays the user is asked, until the run has a lane again."""

Purpose = Literal["answer", "judge", "user", "embed"]
"""What a call is for: the model's own answer, a verdict on one, what a simulated user says, a text as numbers."""

Status = Literal["passed", "failed", "error", "timeout", "skipped"]


class CheckResult(Struct, frozen=True):
    """One check's verdict on one answer, after `not`, and its single votes, after `not` as well, where models judged.

    `summary` is the check in a reader's words. `checks` are the verdicts of those that it is made of, each after its
    own `not`; empty where it is no combination, or where there was nothing to judge. `measures` are further
    figures that it gives.
    """

    name: str
    score: float
    passed: bool
    explanation: str
    weight: float = 1.0
    summary: str = ""
    votes: tuple[Vote, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)

    def with_inside(self) -> Iterator[CheckResult]:
        """It, followed by those that it is made of."""
        yield self
        for inner in self.checks:
            yield from inner.with_inside()


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why a run has no verdict. `kind` is a short stable word, `message` is for a reader.

    `remedy` is what to do about it, where the kind does not tell; empty where it does.
    """

    kind: str
    message: str
    remedy: str = ""


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
    unknown, and `known_cost_usd` is then the part that is known. `cached`: no model was asked for it, as the store had
    the answer, or another run of this session; it has attempts and a cost where the same run paid for it in an earlier
    one. `error` is why it was not answered. `fingerprint` is that under which its answer is stored: one of its own, or
    the run's where it was an answer.
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

    def billed(self, took: Bill) -> CallSummary:
        """The same, of a call whose requests took this."""
        return replace(
            self,
            input_tokens=took.usage.input_tokens,
            cached_input_tokens=took.usage.cached_input_tokens,
            output_tokens=took.usage.output_tokens,
            reasoning_tokens=took.usage.reasoning_tokens,
            cost_usd=took.cost_usd,
            known_cost_usd=took.known_cost_usd,
        )


class AnsweredCall(CallSummary, frozen=True, kw_only=True):
    """One that was answered just now, with question and answer, for a store to keep (`Record`)."""

    messages: tuple[Message, ...]
    response: Response

    @property
    def summary(self) -> CallSummary:
        """What stays with the result."""
        return CallSummary(*[getattr(self, name) for name in CallSummary.__struct_fields__])


# There is one of each for each run, so they are kept from the garbage collector (gc=False): none can refer to itself.


class Timing(Struct, frozen=True, gc=False):
    """When a run was made, and how long it took. `started_at` is in seconds since the epoch, all others are in seconds.

    `duration_s` is the run from its first request on. `latency_s` is the sum over its turns of the answered attempt,
    from the request to the last byte. Apart from it stand failed attempts (`retry_s`), connection set-up (`connect_s`)
    and the client's own delay (`client_s`), each None where nobody measured it, and `wait_s`, spent waiting for rate
    limits and between attempts, `waits` what for. `timeout_s` is the run's limit, 0 for none, and None where that is
    not known. `grading_s` is for how long its checks judged while it had no lane any more.
    """

    started_at: float
    duration_s: float
    latency_s: float = 0.0
    wait_s: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)
    retry_s: float | None = None
    connect_s: float | None = None
    client_s: float | None = None
    timeout_s: float | None = None
    grading_s: float = 0.0


class Verdict(Struct, frozen=True, gc=False):
    """How the answer was judged.

    `score` is None unless it was graded. `threshold` is the author's, and then the score decides; None where each check
    had to pass. `xfail` is the author's reason to expect a wrong answer, and changes no status. `grade_fingerprint`
    says by which checks it was judged; it is empty if it was not.
    """

    score: float | None = None
    threshold: float | None = None
    checks: tuple[CheckResult, ...] = ()
    xfail: str | None = None
    grade_fingerprint: str = ""


class Account(Struct, frozen=True, gc=False):
    """What the requests for a run's own answer took.

    `attempts` counts requests; those that were followed by another are in `retries`. `cost_usd` (US dollars) and
    `usage` add up all requests that were billed, failed ones too. They are None, or hold None, where any part is
    unknown; `known_cost_usd` and `known_usage` then add up the known parts. `reruns` says how often a plugin had the
    run made again: cost and usage are those of all its runs, everything else is the last one's.
    """

    attempts: int = 0
    retries: tuple[Retry, ...] = ()
    cost_usd: float | None = None
    known_cost_usd: float | None = None
    usage: Usage | None = None
    known_usage: Usage | None = None
    reruns: int = 0

    def billed(self, took: Bill) -> Account:
        """The same, of requests that took this."""
        return replace(
            self,
            cost_usd=took.cost_usd,
            known_cost_usd=took.known_cost_usd,
            usage=took.usage,
            known_usage=took.known_usage,
        )


class Origin(Struct, frozen=True, gc=False):
    """Where a result comes from.

    `fingerprint` tells what was sent. `cached` says that no model was called for it, `regraded` that a stored answer
    was judged, `reuse` what was taken over, or why nothing was. `session` says which of its run's sessions had it, from
    1 on; it is 0 where that is not known, and before the result is kept.
    """

    fingerprint: str = ""
    cached: bool = False
    regraded: bool = False
    reuse: str = ""
    session: int = 0


class CallSum(Struct, frozen=True):
    """What the calls of one purpose took together, in seconds and US dollars.

    `latency_s` is that of those that were answered. What is None is unknown for one of them at least.
    """

    calls: int
    attempts: int
    latency_s: float
    wait_s: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    known_cost_usd: float


def sum_of(calls: Sequence[CallSummary]) -> CallSum:
    return CallSum(
        calls=len(calls),
        attempts=sum([call.attempts for call in calls]),
        latency_s=math.fsum([call.latency_s for call in calls if call.latency_s is not None]),
        wait_s=math.fsum([call.wait_s for call in calls]),
        input_tokens=_whole([call.input_tokens for call in calls]),
        output_tokens=_whole([call.output_tokens for call in calls]),
        cost_usd=None
        if any(call.cost_usd is None for call in calls)
        else math.fsum([call.cost_usd or 0.0 for call in calls]),
        known_cost_usd=math.fsum([call.known_cost_usd for call in calls]),
    )


def _whole(counts: Sequence[int | None]) -> int | None:
    return None if None in counts else sum([count or 0 for count in counts])
