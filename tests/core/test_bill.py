"""What requests cost, and what of it is known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.model import NOTHING, Bill, Cost, Price, Tier, bill, cost, together
from pytest_benchmodels.core.result import CallSummary, Result
from tests.core.made_results import changed, made

PRICE = Price(1.0, 10.0, cached_input=0.1, cache_write=1.25, cache_write_1h=2.0)
LONG = replace(PRICE, tiers=(Tier(200_000, Price(2.0, 15.0, 0.2, 2.5, 4.0)),))
COUNTS = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, hourly, minutes, rest = draw(COUNTS), draw(COUNTS), draw(COUNTS), draw(COUNTS)
    prompt = read + hourly + minutes + rest
    return Usage(prompt, draw(COUNTS), read, hourly + minutes, cache_write_1h_tokens=hourly)


@given(usages())
def test_each_token_is_paid_once_at_its_own_rate(usage: Usage) -> None:
    rates = LONG.tiers[0].price if (usage.input_tokens or 0) > 200_000 else LONG
    read, written, hourly = usage.cached_input_tokens, usage.cache_write_tokens, usage.cache_write_1h_tokens
    assert None not in (read, written, hourly)
    plain = usage.input_tokens - read - written  # type: ignore[operator] # none is None
    kinds = (
        (plain, rates.input),
        (read, rates.cached_input),
        (written - hourly, rates.cache_write),  # type: ignore[operator] # the same
        (hourly, rates.cache_write_1h),
        (usage.output_tokens, rates.output),
    )
    exact = sum(Fraction(str(rate)) * count for count, rate in kinds if count is not None) / 10**6
    ours = cost(LONG, usage)
    assert ours.is_whole
    assert ours.known_usd == pytest.approx(float(exact), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("price", "usage", "expected"),
    [
        (PRICE, Usage(), Cost(0.0, is_whole=False)),
        (PRICE, Usage(1000, None), Cost(0.001, is_whole=False)),
        (PRICE, Usage(None, 1000), Cost(0.01, is_whole=False)),
        (LONG, Usage(None, 1000), Cost(0.01, is_whole=False)),  # the tier is not known: at least the lowest
        (None, Usage(1000, 1000), Cost(0.0, is_whole=False)),
        (None, Usage(1000, 1000, stated_cost_usd=0.5), Cost(0.5, is_whole=True)),
        (PRICE, Usage(1000, 1000, stated_cost_usd=0.5), Cost(0.5, is_whole=True)),
        (Price(0, 0), Usage(), Cost(0.0, is_whole=True)),
        (Price(1, 1), Usage(1000, 0, cached_input_tokens=1000), Cost(0.001, is_whole=True)),
        (Price(1, 1), Usage(1000, 0, cache_write_tokens=1000), Cost(0.001, is_whole=False)),
        (
            replace(PRICE, cache_write_1h=None),
            Usage(1000, 0, cache_write_tokens=1000, cache_write_1h_tokens=1000),
            Cost(0.00125, is_whole=False),
        ),
    ],
)
def test_what_is_not_known_makes_it_a_part(price: Price | None, usage: Usage, expected: Cost) -> None:
    ours = cost(price, usage)
    assert ours.known_usd == pytest.approx(expected.known_usd)
    assert ours.is_whole == expected.is_whole


def test_nothing_asked_is_nothing_paid() -> None:
    assert bill(None, []).cost_usd == bill(PRICE, []).cost_usd == 0.0


def test_one_unknown_request_leaves_the_rest_known() -> None:
    whole = bill(PRICE, [Usage(1000, 1000, reasoning_tokens=5)] * 2)
    part = bill(PRICE, [Usage(1000, 1000), Usage(), Usage(None, 500)])

    assert whole.usage == whole.known_usage == Usage(2000, 2000, reasoning_tokens=10)
    assert whole.cost_usd == whole.known_cost_usd == pytest.approx(0.022)
    assert (part.usage, part.known_usage) == (Usage(), Usage(1000, 1500))
    assert part.cost_usd is None
    assert part.known_cost_usd == pytest.approx(0.016)


@given(st.lists(usages(), max_size=4), st.lists(usages() | st.just(Usage()), max_size=4))
def test_two_bills_are_what_all_requests_are(some: list[Usage], others: list[Usage]) -> None:
    both, apart = bill(PRICE, some + others), together(bill(PRICE, some), bill(PRICE, others))

    assert apart.known_cost_usd == pytest.approx(both.known_cost_usd)
    assert (apart.cost_usd is None) == (both.cost_usd is None)
    assert apart.known_usage.input_tokens == both.known_usage.input_tokens


def test_a_rerun_adds_to_what_was_paid_and_an_answer_taken_over_does_not() -> None:
    first = made("s[m]", "s", "m", 1, "failed", 0.0, 1.0, cost_usd=0.5, known_cost_usd=0.5, usage=Usage(4, 1))
    first = changed(first, known_usage=first.usage)
    unknown = {"cost_usd": None, "known_cost_usd": 0.25, "usage": Usage(), "known_usage": Usage(2)}
    second = changed(first, status="error", **unknown)

    again = second.again_after(first)
    assert (again.cost_usd, again.known_cost_usd, again.reruns, again.status) == (None, 0.75, 1, "error")
    assert (again.usage, again.known_usage) == (Usage(), Usage(6, 1))

    taken_over = changed(first, cached=True).again_after(again)
    assert (taken_over.known_cost_usd, taken_over.reruns) == (0.75, 2)
    refused = changed(
        first, status="error", response=None, cost_usd=0.0, known_cost_usd=0.0, usage=None, known_usage=None
    )
    assert first.again_after(refused).spent == refused.again_after(first).spent == first.spent
    assert (first.unpaid().cost_usd, first.unpaid().spent) == (0.0, NOTHING)


def judged_run(answer_usd: float, judge_usd: float, *, cached: bool = False) -> Result:
    """A run whose check asked a judge."""
    usage = Usage(4, 1)
    first = made("s[m]", "s", "m", 1, "failed", 0.0, 1.0, cost_usd=answer_usd, known_cost_usd=answer_usd, usage=usage)
    run = changed(first, known_usage=usage, attempts=0 if cached else 1, cached=cached)
    answer, *_ = changed(run, response=Response("4", usage=usage)).all_calls
    verdict = CallSummary("judge", "j", attempts=1).billed(Bill(usage, usage, judge_usd, judge_usd))
    return changed(run, calls=(answer, verdict))


def test_a_rerun_has_all_calls_each_with_what_it_took_itself() -> None:
    first, second = judged_run(0.5, 0.25), judged_run(1.0, 0.125)
    plain = changed(second, calls=(), response=Response("4"))

    again = second.again_after(first)
    last = plain.again_after(again)

    assert [call.purpose for call in last.all_calls] == ["answer", "judge", "answer", "judge", "answer"]
    paid = {
        purpose: sum(call.known_cost_usd for call in last.all_calls if call.purpose == purpose)
        for purpose in ("answer", "judge")
    }
    assert paid == {"answer": last.spent.known_cost_usd, "judge": 0.375}
    assert last.spent_usd == sum(paid.values()) == 2.875

    taken_over = judged_run(0.5, 0.0, cached=True).again_after(first)
    assert [call.known_cost_usd for call in taken_over.all_calls] == [0.5, 0.25, 0.0, 0.0]
    assert taken_over.spent_usd == 0.75


def test_what_is_told_again_took_nothing_and_asked_nobody() -> None:
    told = judged_run(0.5, 0.25).unpaid()

    assert (told.spent_usd, told.attempts, told.retries, told.other_calls) == (0.0, 0, (), ())
