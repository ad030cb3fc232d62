"""A call, as graders and solvers see it."""

from __future__ import annotations

import pytest

from pytest_benchmodels import Call, Message, Model, Request, Response, Usage
from pytest_benchmodels.core.model import Price, bill
from pytest_benchmodels.core.result import Failure

REQUEST = Request(Model("alias", "openai", "gpt", "http://host"), (Message("user", "2 + 2?"),))


def test_a_call_tells_what_it_took() -> None:
    billed = [Usage(10, 5, cached_input_tokens=4, reasoning_tokens=2), Usage(20, 5)]
    call = Call("judge", REQUEST, Response("4", latency_s=0.5), attempts=2, bill=bill(Price(1.0, 2.0), billed))

    assert (call.model, call.messages, call.latency_s) == ("alias", REQUEST.messages, 0.5)
    # One of the two requests said nothing of a cache: of both together that is not known.
    assert call.usage == Usage(30, 10)
    assert call.cost_usd == pytest.approx((30 * 1.0 + 10 * 2.0) / 1_000_000)


def test_what_is_not_known_of_a_call_is_not_zero() -> None:
    unanswered = Call("answer", REQUEST, failure=Failure("http", "HTTP 500"), attempts=1)
    uncounted = Call(
        "answer", REQUEST, failure=Failure("connection", "broke off"), attempts=1, bill=bill(None, [Usage()])
    )

    assert (unanswered.latency_s, unanswered.usage, unanswered.cost_usd) == (None, None, 0.0)
    assert (uncounted.usage, uncounted.cost_usd) == (Usage(), None)
