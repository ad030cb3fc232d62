"""What a run came to -> its Result: the sum of its calls, its verdicts, its end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from pytest_benchmodels.core.bill import bill
from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.fingerprint import fingerprint, grade_fingerprint
from pytest_benchmodels.core.result import Failure, Result, Status
from pytest_benchmodels.core.text import message

from .scope import Scope

__all__ = ["conclude", "whole_response"]


def conclude(scope: Scope, status: Status, *, score: float | None = None, failure: Failure | None = None) -> Result:
    """The run's Result."""
    run, answers, responses = scope.run, scope.answers, scope.responses
    billed = [usage for call in answers for usage in call.billed]
    took = bill(run.model.price, billed)
    waits = _waits(scope)
    attempts = sum([call.attempts for call in answers])
    response = whole_response(responses)
    return Result(
        nodeid=run.nodeid,
        scenario=run.scenario.id,
        model=run.model.id,
        trial=run.trial,
        status=status,
        started_at=scope.started_at,
        duration_s=scope.elapsed_s(),
        latency_s=0.0 if response is None else response.latency_s,
        wait_s=math.fsum(waits.values()),
        waits=waits,
        attempts=attempts,
        score=score,
        threshold=run.scenario.threshold,
        timeout_s=run.timeout_s or 0.0,
        checks=scope.verdicts,
        response=response,
        error=None if failure is None else Failure(failure.kind, message(failure.message)),
        retries=tuple([retry for call in answers for retry in call.retries]),
        cost_usd=took.cost_usd,
        known_cost_usd=took.known_cost_usd,
        usage=took.usage if billed else None,
        known_usage=took.known_usage if billed else None,
        fingerprint=scope.fingerprint or fingerprint(run),
        xfail=run.scenario.xfail,
        grade_fingerprint=grade_fingerprint(run.scenario) if responses else "",
        answers=responses if len(responses) > 1 else (),
        cached=scope.cached,
        regraded=scope.cached,
        reuse=scope.reuse,
        retry_s=math.fsum([call.failed_s for call in answers]) if attempts else None,
        connect_s=None if response is None else response.connect_s,
        client_s=None if response is None else response.client_s,
    )


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


def _waits(scope: Scope) -> dict[str, float]:
    if len(scope.calls) == 1:  # as nearly always
        return scope.calls[0].waits_s
    waits: Counter[str] = Counter()
    for call in scope.calls:
        waits.update(call.waits_s)
    return dict(waits)


def _sum(parts: Iterable[float | None]) -> float | None:
    """In their order; None where nobody measured any of them."""
    total: float | None = None
    for part in parts:
        total = total if part is None else (total or 0.0) + part
    return total
