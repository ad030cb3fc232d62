"""Amounts that somebody set, as a reader sees them."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.text import exact_dollars, plain

# What sets the direction of a text, and the marks that hide in one: by the Unicode standard, annex 9.
BIDI_CONTROLS = {"LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
BIDI_MARKS = {"\u061c", "\u200e", "\u200f"}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "$0.00"), (5.0, "$5.00"), (1.2, "$1.20"), (0.001, "$0.001"), (1234.5678, "$1234.5678"), (1e-30, "$1e-30")],
)
def test_an_amount_has_cents_and_whatever_further_digits_it_needs(amount: float, shown: str) -> None:
    assert exact_dollars(amount) == shown


@given(st.floats(0, 1e12))
def test_what_is_shown_is_the_amount_itself(amount: float) -> None:
    assert float(exact_dollars(amount).removeprefix("$")) == amount


def test_whatever_steers_a_terminal_is_shown_as_an_escape_and_nothing_else_is() -> None:
    """Each character there is, alone and within a text: by Unicode's tables, as Python knows them."""
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        is_bidi = unicodedata.bidirectional(character) in BIDI_CONTROLS or character in BIDI_MARKS
        steers = is_bidi or category in {"Cc", "Cs", "Zl", "Zp"}
        shown = plain(f"a{character}b")
        assert (shown != f"a{character}b") == (steers and character not in "\t\n"), hex(number)
