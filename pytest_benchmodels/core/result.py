"""What a run came to, and the score that its checks add up to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from pytest_benchmodels.core.builtin_tools import ASK_USER
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import NOTHING, Bill, together
from pytest_benchmodels.core.result_parts import (
    NEXT_ATTEMPT,
    THE_USER,
    Account,
    AnsweredCall,
    CallSum,
    CallSummary,
    CheckResult,
    Failure,
    Origin,
    Purpose,
    Retry,
    Status,
    Timing,
    Verdict,
    sum_of,
)
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.workspace import FileChange, Work

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
    "Record",
    "Result",
    "Retry",
    "Rule",
    "Status",
    "Timing",
    "Verdict",
    "deciding",
    "passes",
    "rule_of",
    "total",
]


class Result(Struct, frozen=True, gc=False):
    """One run's end. Its parts are read by their own names as well, as `--bench-json` has them: `result.latency_s`.

    `response` is the last answer, with the latency and the tokens of all; `answers` are those of all turns where there
    were several. `error` is why there is no verdict. `calls` are all that it made, in their order, where it made more
    than one. What other models were asked, by its checks, is told there only: `timing` and `account` are those of the
    run's own model. `work` is what became of its workspace, None where it had none.
    """

    nodeid: str
    scenario: str
    model: str
    trial: int
    status: Status
    timing: Timing
    verdict: Verdict = Verdict()
    account: Account = Account()
    origin: Origin = Origin()
    response: Response | None = None
    answers: tuple[Response, ...] = ()
    error: Failure | None = None
    calls: tuple[CallSummary, ...] = ()
    work: Work | None = None

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """The files that the run changed in its workspace; empty also where it had none."""
        if self.response is not None and self.response.changes is not None:
            return self.response.changes
        return () if self.work is None else self.work.changes

    @property
    def other_calls(self) -> tuple[CallSummary, ...]:
        """Those that were no request for the run's own answer."""
        return tuple([call for call in self.calls if call.purpose != "answer"])

    @property
    def all_calls(self) -> tuple[CallSummary, ...]:
        """`calls`, also where it made one only."""
        if self.calls or (self.response is None and not self.attempts):
            return self.calls
        response = self.response
        return (
            CallSummary(
                "answer",
                self.model,
                served_model="" if response is None else response.served_model,
                attempts=self.attempts,
                latency_s=self.told_latency_s,
                wait_s=self.wait_s,
                cached=self.cached,
                error=self.error if response is None else None,
                fingerprint=self.fingerprint,
            ).billed(self.spent),
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
        account = self.account
        if account.usage is not None and account.known_usage is not None:
            return Bill(account.usage, account.known_usage, account.cost_usd, account.known_cost_usd or 0.0)
        usage = self.response.usage if self.response is not None else Usage()
        return Bill(usage, usage, account.cost_usd, account.known_cost_usd or account.cost_usd or 0.0)

    @property
    def is_unpriced(self) -> bool:
        """Whether a part of what it cost is unknown. Without an account only an answer shows that it was billed."""
        account = self.account
        return account.cost_usd is None and (account.known_cost_usd is not None or self.status in {"passed", "failed"})

    def again_after(self, earlier: Result) -> Result:
        """This result of a run that was made before: both were paid. An answer that was taken over is paid already."""
        took, calls = earlier.spent, self.all_calls
        if self.cached:
            calls = tuple(map(_without_answers_cost, calls))
        elif self._is_billed:
            took = together(took, self.spent) if earlier._is_billed else self.spent
        account = self.account.billed(took)
        reruns = earlier.account.reruns + account.reruns + 1
        return replace(self, account=replace(account, reruns=reruns), calls=(*earlier.all_calls, *calls))

    @property
    def _is_billed(self) -> bool:
        """Whether any request was billed, or may have been: of none no tokens are told, and they are not unknown."""
        account = self.account
        return account.usage is not None or self.response is not None or account.cost_usd != 0.0

    def in_session(self, number: int) -> Result:
        """The same, made by that session of its run."""
        return replace(self, origin=replace(self.origin, session=number))

    def unpaid(self) -> Result:
        """The same without what it took and whom it asked, where that is told already."""
        account = replace(self.account, attempts=0, retries=()).billed(NOTHING)
        return replace(self, account=account, calls=())

    @property
    def all_answers(self) -> tuple[Response, ...]:
        """Those of all turns that were answered, also where there was only one."""
        return self.answers or (() if self.response is None else (self.response,))

    @property
    def tool_calls(self) -> int:
        """How many calls of tools its answers hold."""
        return sum([len(answer.tool_calls) for answer in self.all_answers])

    @property
    def rejected_calls(self) -> int:
        """How many of these were wrong: no such tool, or arguments that do not fit."""
        return sum([result.is_rejected for answer in self.all_answers for result in answer.tool_results])

    @property
    def questions(self) -> int:
        """How often its user was asked something, and answered (`ask_user`)."""
        told = (pair for answer in self.all_answers for pair in answer.told_calls)
        return sum(
            [call.name == ASK_USER.name and not result.is_rejected for call, result in told if result is not None]
        )

    @property
    def was_run(self) -> bool:
        """Whether its model was called for it, if not in this session then in an earlier one of the same run."""
        origin = self.origin
        return self.status != "skipped" and (not origin.cached or (origin.regraded and self.attempts > 0))

    @property
    def is_truncated(self) -> bool:
        """Whether its answer, or that of one of its turns, was cut off at max_tokens."""
        if not self.answers:
            return self.response is not None and self.response.is_truncated
        return any(answer.is_truncated for answer in self.answers)

    @property
    def is_out_of_steps(self) -> bool:
        """Whether a turn ended with calls of tools that were not made: it had as many answers as `max_steps` allows."""
        # Where a tool crashed its calls have no results either, and the run has no verdict.
        return self.error is None and any(answer.tool_calls and not answer.tool_results for answer in self.all_answers)

    @property
    def worked_s(self) -> float:
        """`duration_s` without what it waited for other models, which are not always busy."""
        if not self.calls:
            return self.duration_s
        return max(self.duration_s - sum([call.wait_s for call in self.other_calls]), 0.0)

    @property
    def in_flight_s(self) -> float:
        """For how long, in seconds, the run had a lane.

        Others have it between attempts, while its user is asked, and while it is graded.
        """
        timing = self.timing
        without = sum([timing.waits.get(reason, 0.0) for reason in (NEXT_ATTEMPT, THE_USER)])
        return max(timing.duration_s - without - timing.grading_s, 0.0)

    @property
    def sums(self) -> Mapping[Purpose, CallSum]:
        """What its calls took, by what they were for."""
        by_purpose: dict[Purpose, list[CallSummary]] = {}
        for call in self.all_calls:
            by_purpose.setdefault(call.purpose, []).append(call)
        return {purpose: sum_of(calls) for purpose, calls in by_purpose.items()}

    # What follows is read by whoever knows a result from its JSON.

    @property
    def started_at(self) -> float:
        return self.timing.started_at

    @property
    def duration_s(self) -> float:
        return self.timing.duration_s

    @property
    def latency_s(self) -> float:
        return self.timing.latency_s

    @property
    def wait_s(self) -> float:
        return self.timing.wait_s

    @property
    def waits(self) -> Mapping[str, float]:
        return self.timing.waits

    @property
    def retry_s(self) -> float | None:
        return self.timing.retry_s

    @property
    def connect_s(self) -> float | None:
        return self.timing.connect_s

    @property
    def client_s(self) -> float | None:
        return self.timing.client_s

    @property
    def timeout_s(self) -> float | None:
        return self.timing.timeout_s

    @property
    def grading_s(self) -> float:
        return self.timing.grading_s

    @property
    def score(self) -> float | None:
        return self.verdict.score

    @property
    def threshold(self) -> float | None:
        return self.verdict.threshold

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        return self.verdict.checks

    @property
    def xfail(self) -> str | None:
        return self.verdict.xfail

    @property
    def grade_fingerprint(self) -> str:
        return self.verdict.grade_fingerprint

    @property
    def attempts(self) -> int:
        return self.account.attempts

    @property
    def retries(self) -> tuple[Retry, ...]:
        return self.account.retries

    @property
    def cost_usd(self) -> float | None:
        return self.account.cost_usd

    @property
    def known_cost_usd(self) -> float | None:
        return self.account.known_cost_usd

    @property
    def usage(self) -> Usage | None:
        return self.account.usage

    @property
    def known_usage(self) -> Usage | None:
        return self.account.known_usage

    @property
    def reruns(self) -> int:
        return self.account.reruns

    @property
    def fingerprint(self) -> str:
        return self.origin.fingerprint

    @property
    def cached(self) -> bool:
        return self.origin.cached

    @property
    def regraded(self) -> bool:
        return self.origin.regraded

    @property
    def reuse(self) -> str:
        return self.origin.reuse

    @property
    def session(self) -> int:
        return self.origin.session


class Record(Struct, frozen=True):
    """One result and what it rests on.

    `answers` are the model's, one for each turn that was answered, each with its own usage and latency; empty where
    there is nothing new to keep. `grade_fingerprint` says by which checks it was judged, empty if it was not. `asked`
    are the messages that each turn added, for readers of the transcript; they may be left out, and those that were not
    answered follow. `calls` are those to other models that are new, with question and answer: of all calls, the result
    itself has summaries.
    """

    result: Result
    answers: tuple[Response, ...] = ()
    grade_fingerprint: str = ""
    asked: tuple[tuple[Message, ...], ...] = ()
    calls: tuple[AnsweredCall, ...] = ()

    @classmethod
    def of(cls, result: Result, asked: tuple[tuple[Message, ...], ...] = ()) -> Self:
        """A result as it came in. An answer that was stored already stays so, with what was asked for it."""
        calls: tuple[AnsweredCall, ...] = ()
        if result.calls:
            calls = tuple([call for call in result.calls if isinstance(call, AnsweredCall)])
        if calls:
            result = replace(result, calls=tuple(map(_summary, result.calls)))
        if result.cached:
            return cls(result, (), result.grade_fingerprint, calls=calls)
        return cls(result, result.all_answers, result.grade_fingerprint, asked, calls)

    @classmethod
    def of_run(cls, scenario: Scenario, result: Result) -> Self:
        """The same of a run of this scenario."""
        return cls.of(result, scenario.asked_for(result.all_answers) if result.attempts else ())


def _without_answers_cost(call: CallSummary) -> CallSummary:
    return call.billed(NOTHING) if call.purpose == "answer" else call


def _summary(call: CallSummary) -> CallSummary:
    return call.summary if isinstance(call, AnsweredCall) else call


Rule = Literal["checks", "threshold"]
"""What decided whether a run passed: all of its checks, or its score and the author's threshold."""

_FINEST = 10**9
"""A score that a grader worked out, 1/3 or 7 of 9, is taken for the fraction that it stands for."""


def deciding(verdicts: Iterable[CheckResult]) -> list[CheckResult]:
    """Those that count: a check of weight 0 only informs."""
    return [verdict for verdict in verdicts if verdict.weight]


def total(verdicts: Sequence[CheckResult]) -> float:
    """Weighted mean of the scores, from 0 to 1. An answer of which nothing that counts was asked scores 1."""
    scores = {verdict.score for verdict in verdicts if verdict.weight}
    if scores <= {1.0}:
        return 1.0  # as nearly always; the mean of what is all the same needs no fractions
    return 0.0 if scores == {0.0} else float(_exact_total(verdicts))


def passes(verdicts: Sequence[CheckResult], threshold: float | None) -> bool:
    """Whether these verdicts make a run pass; `threshold` is the author's, None where there is none.

    Where no check counts (there is none, or all weights are 0) it does.
    """
    if threshold is None:
        return all(verdict.passed for verdict in deciding(verdicts))
    return _exact_total(verdicts) >= _score(threshold)


def rule_of(result: Result) -> Rule | None:
    """What decided whether a run passed; None where nothing did, for no check counts or there is no verdict."""
    if result.status not in {"passed", "failed"} or not deciding(result.checks):
        return None
    return "checks" if result.threshold is None else "threshold"


def _exact_total(verdicts: Sequence[CheckResult]) -> Fraction:
    counted = deciding(verdicts)
    weight = sum(_decimal(verdict.weight) for verdict in counted)
    if not weight:
        return Fraction(1)
    return sum((_score(verdict.score) * _decimal(verdict.weight) for verdict in counted), Fraction()) / weight


@lru_cache(maxsize=1024)
def _decimal(number: float) -> Fraction:
    """A number as it is written."""
    return Fraction(repr(float(number)))


@lru_cache(maxsize=1024)
def _score(number: float) -> Fraction:
    """A number from 0 to 1, without what floating point added to it: up to 1e-9."""
    exact = _decimal(number)
    return exact if math.gcd(exact.denominator, 10**12) == exact.denominator else exact.limit_denominator(_FINEST)
