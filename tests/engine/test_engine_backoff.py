"""Backoff: jitter, bounds, a server's own wish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.engine.backoff import Backoff

BUSY = ProviderError("overloaded", "busy", status=503, retryable=True)


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)])
def test_the_longest_wait_doubles(attempt: int, longest: float) -> None:
    assert Backoff(draw=lambda: 1.0).wait_s(attempt, BUSY) == longest


def test_there_are_as_many_further_attempts_as_asked_for() -> None:
    backoff = Backoff(retries=2)
    assert [backoff.wait_s(attempt, BUSY) is None for attempt in (1, 2, 3)] == [False, False, True]


def test_what_cannot_get_better_is_not_tried_again() -> None:
    assert Backoff().wait_s(1, ProviderError("auth", "no", status=401)) is None


def test_a_servers_wish_is_a_lower_bound() -> None:
    asked = ProviderError("rate-limit", "slow down", retryable=True, retry_after_s=7.0)
    assert Backoff(draw=lambda: 0.0).wait_s(1, asked) == 7.0
    assert Backoff(draw=lambda: 1.0).wait_s(1, asked) == 7.125


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_stay_between_zero_and_the_cap(attempt: int, drawn: float) -> None:
    wait_s = Backoff(retries=10_000, draw=lambda: drawn).wait_s(attempt, BUSY)
    assert wait_s is not None
    assert 0 <= wait_s <= 30
