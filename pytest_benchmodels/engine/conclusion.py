"""What a run's scope came to: its Result."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import astuple, replace

from pytest_benchmodels.core.fingerprint import fingerprint, grade_fingerprint
from pytest_benchmodels.core.message import Response, sendable, without_data
from pytest_benchmodels.core.model import NOTHING, bill
from pytest_benchmodels.core.result import (
    Account,
    AnsweredCall,
    CallSummary,
    Failure,
    Origin,
    Result,
    Status,
    Timing,
    Verdict,
)
from pytest_benchmodels.core.text import message
from pytest_benchmodels.engine.scope import OpenCall, Scope

__all__ = ["conclude", "whole_response"]


def conclude(scope: Scope, status: Status, *, score: float | None = None, failure: Failure | None = None) -> Result:
    """The run's Result."""
    run, answers = scope.run, scope.answers
    responses = tuple([call.response for call in answers if call.response is not None])
    response = whole_response(responses)
    asked = scope.fingerprint or fingerprint(run)
    return Result(
        nodeid=run.nodeid,
        scenario=run.scenario.id,
        model=run.model.id,
        trial=run.trial,
        status=status,
        timing=_timing(scope, answers, response),
        verdict=Verdict(
            score,
            run.scenario.threshold,
            scope.verdicts,
            run.scenario.xfail,
            grade_fingerprint(run.scenario) if responses else "",
        ),
        account=_account(scope, answers),
        origin=Origin(asked, scope.cached, scope.cached, scope.reuse),
        response=response,
        answers=responses if len(responses) > 1 else (),
        error=None if failure is None else replace(failure, message=message(failure.message)),
        calls=tuple([_summary(call, asked) for call in scope.calls]) if len(scope.calls) > 1 else (),
    )


def _timing(scope: Scope, answers: Sequence[OpenCall], response: Response | None) -> Timing:
    waits = _waits(answers)
    was_sent = any(call.attempts for call in answers)
    return Timing(
        started_at=scope.started_at,
        duration_s=scope.elapsed_s(),
        latency_s=0.0 if response is None else response.latency_s,
        wait_s=math.fsum(waits.values()),
        waits=waits,
        retry_s=math.fsum([call.failed_s for call in answers]) if was_sent else None,
        connect_s=None if response is None else response.connect_s,
        client_s=None if response is None else response.client_s,
        timeout_s=scope.run.timeout_s or 0.0,
        grading_s=scope.grading_s,
    )


def _account(scope: Scope, answers: Sequence[OpenCall]) -> Account:
    """What the requests for the run's own answer took."""
    billed = [usage for call in answers for usage in call.billed]
    took = bill(scope.run.model.price, billed)
    return Account(
        attempts=sum([call.attempts for call in answers]),
        retries=tuple([retry for call in answers for retry in call.retries]),
        cost_usd=took.cost_usd,
        known_cost_usd=took.known_cost_usd,
        usage=took.usage if billed else None,
        known_usage=took.known_usage if billed else None,
    )


def _summary(call: OpenCall, fingerprint_of_run: str) -> CallSummary:
    """The call for the result, with question and answer where the store has them not yet and no turn does."""
    if call.purpose == "answer":
        return _told(call, fingerprint_of_run)
    summary, response = _told(call, call.fingerprint), call.response
    # A shared one as well: nobody knows whether the run that asked is going to be kept.
    if response is None or (call.cached and not call.shared) or not call.fingerprint:
        return summary
    return AnsweredCall(*astuple(summary), messages=sendable(without_data(call.request.messages)), response=response)


def _told(call: OpenCall, stored_under: str) -> CallSummary:
    is_unpaid = call.cached and call.purpose != "answer"
    took = NOTHING if is_unpaid else bill(call.request.model.price, call.billed)
    response = call.response
    return CallSummary(
        purpose=call.purpose,
        model=call.request.model.id,
        served_model="" if response is None else response.served_model,
        attempts=call.attempts,
        latency_s=None if response is None else response.latency_s,
        held_s=call.held_s,
        wait_s=math.fsum(call.waits_s.values()),
        cached=call.cached,
        error=call.failure if call.is_over else Failure("timeout", f"when the run's time ran out, {call.doing}"),
        fingerprint=stored_under,
    ).billed(took)


def whole_response(responses: Sequence[Response]) -> Response | None:
    """The last answer, with the times and the tokens of the whole conversation."""
    if len(responses) < 2:
        return responses[0] if responses else None
    return replace(
        responses[-1],
        usage=bill(None, [response.usage for response in responses]).usage,
        latency_s=sum([response.latency_s for response in responses]),
        connect_s=_sum(response.connect_s for response in responses),
        client_s=_sum(response.client_s for response in responses),
    )


def _waits(calls: Sequence[OpenCall]) -> dict[str, float]:
    if len(calls) == 1:  # nearly always
        return calls[0].waits_s
    waits: Counter[str] = Counter()
    for call in calls:
        waits.update(call.waits_s)
    return dict(waits)


def _sum(parts: Iterable[float | None]) -> float | None:
    """The sum of the parts that were measured, added in order; None where none was."""
    total: float | None = None
    for part in parts:
        total = total if part is None else (total or 0.0) + part
    return total
