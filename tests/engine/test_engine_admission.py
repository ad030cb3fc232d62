"""Who may still start: the breaker and the budget."""

from __future__ import annotations

import pytest

from pytest_benchmodels.core.result import Failure, Result
from pytest_benchmodels.engine.breaker import CircuitBreaker, RefusedError
from tests.core.made_results import made


def refusal(breaker: CircuitBreaker, model: str) -> tuple[str, Failure] | None:
    try:
        breaker.admit(model)
    except RefusedError as error:
        return error.status, error.cause
    return None


def ended(model: str = "m", kind: str = "", cost: float | None = None) -> Result:
    error = Failure(kind, f"simulated {kind}") if kind else None
    return made(f"s[{model}]", "s", model, 1, "error" if kind else "passed", 0.0, 0.0, error=error, cost_usd=cost)


@pytest.mark.parametrize("kind", ["auth", "not-found", "connection", "quota"])
def test_a_model_is_closed_after_five_errors_of_a_hopeless_kind(kind: str) -> None:
    breaker = CircuitBreaker()
    for _ in range(4):
        breaker.count(ended(kind=kind))
    assert refusal(breaker, "m") is None

    breaker.count(ended(kind=kind))

    refused = refusal(breaker, "m")
    assert refused is not None
    status, cause = refused
    assert (status, cause.kind) == ("error", kind)
    assert cause.message == f"not started: 5 runs in a row ended with the same kind of error: simulated {kind}"
    assert refusal(breaker, "another") is None


def test_errors_of_several_hopeless_kinds_are_not_called_one_kind() -> None:
    breaker = CircuitBreaker()
    for kind in ("auth", "connection", "connection", "not-found", "auth"):
        breaker.count(ended(kind=kind))

    told = "not started: 5 runs in a row ended with an error that no further attempt mends"
    counted = "(2 auth, 2 connection, 1 not-found)"
    assert refusal(breaker, "m") == ("error", Failure("auth", f"{told} {counted}, the last with: simulated auth"))


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = CircuitBreaker()
    for kind in ("auth", "auth", "auth", "auth", "", "auth", "auth"):
        breaker.count(ended(kind=kind))
    assert refusal(breaker, "m") is None


def test_errors_that_another_run_may_escape_close_nothing() -> None:
    breaker = CircuitBreaker()
    for _ in range(50):
        breaker.count(ended(kind="overloaded"))
    assert refusal(breaker, "m") is None


def test_nothing_starts_once_the_budget_is_spent() -> None:
    breaker = CircuitBreaker(budget_usd=1.0)
    breaker.count(ended(cost=0.6))
    assert refusal(breaker, "m") is None
    breaker.count(ended(cost=None))
    breaker.count(ended(cost=0.4))

    assert refusal(breaker, "any") == ("skipped", Failure("budget", "the budget of $1.00 is spent"))


def test_costs_that_add_up_to_the_budget_spend_it_though_floats_leave_a_rest() -> None:
    breaker = CircuitBreaker(budget_usd=0.03)
    for _ in range(3):
        assert refusal(breaker, "m") is None
        breaker.count(ended(cost=0.001 + 0.009))  # a little less than 0.01

    assert breaker.is_spent


@pytest.mark.parametrize(
    ("budget", "said"), [(0.001, "$0.001"), (0.0, "$0.00"), (2.5, "$2.50"), (1.239, "$1.239"), (1e-30, "$1e-30")]
)
def test_a_budget_is_told_as_it_was_set(budget: float, said: str) -> None:
    breaker = CircuitBreaker(budget_usd=budget)
    breaker.count(ended(cost=budget))
    assert refusal(breaker, "m") == ("skipped", Failure("budget", f"the budget of {said} is spent"))


def test_a_worker_believes_its_controller() -> None:
    breaker = CircuitBreaker(budget_usd=3.0)
    breaker.trip("m", Failure("auth", "no"))
    breaker.spend_all()
    assert refusal(breaker, "m") == ("error", Failure("auth", "no"))
    assert refusal(breaker, "another") == ("skipped", Failure("budget", "the budget of $3.00 is spent"))
