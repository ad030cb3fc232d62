"""Amounts that somebody set, as a reader sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.text import exact_dollars


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "$0.00"), (5.0, "$5.00"), (1.2, "$1.20"), (0.001, "$0.001"), (1234.5678, "$1234.5678"), (1e-30, "$1e-30")],
)
def test_an_amount_has_cents_and_whatever_further_digits_it_needs(amount: float, shown: str) -> None:
    assert exact_dollars(amount) == shown


@given(st.floats(0, 1e12))
def test_what_is_shown_is_the_amount_itself(amount: float) -> None:
    assert float(exact_dollars(amount).removeprefix("$")) == amount
