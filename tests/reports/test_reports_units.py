from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.reports.units import dollars, duration, fraction, one_line, percent, plural, tokens


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (math.nan, "-"),
        (0.0, "0ms"),
        (0.34, "340ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (1.9, "1.9s"),
        (59.9, "59.9s"),
        (59.96, "1.0min"),
        (126.0, "2.1min"),
        (3598.0, "1.0h"),
        (5400.0, "1.5h"),
    ],
)
def test_a_duration_has_a_readable_unit(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "-"),
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (412_000, "412k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (34_000_000, "34M"),
    ],
)
def test_tokens_are_counted_in_thousands_and_millions(count: int | None, shown: str) -> None:
    assert tokens(count) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        *((None, "-"), (math.inf, "-"), (0.0, "$0.00"), (1e-9, "<$0.000001"), (0.000005, "$0.000005")),
        *((0.0001, "$0.0001"), (0.0004, "$0.0004"), (0.00123, "$0.0012"), (0.006, "$0.006"), (0.0996, "$0.10")),
        *((0.01, "$0.01"), (0.056, "$0.056"), (0.11, "$0.11"), (0.114, "$0.11"), (0.5, "$0.50"), (1.999, "$2.00")),
    ],
)
def test_dollars_have_cents_and_two_significant_digits(amount: float | None, shown: str) -> None:
    assert dollars(amount) == shown


@given(st.floats(1e-6, 1e9))
def test_dollars_differ_from_the_amount_by_a_twentieth_at_most(amount: float) -> None:
    shown = float(dollars(amount).removeprefix("$").replace(",", ""))
    assert shown == pytest.approx(amount, rel=0.051)
    at_least = float(dollars(None, amount).removeprefix(">= $").replace(",", ""))
    assert amount * 0.9 < at_least <= amount


@given(st.integers(1, 10**12))
def test_at_least_so_many_tokens_are_no_more_than_there_are(count: int) -> None:
    shown = tokens(None, count)
    assert shown.startswith(">=")
    units = {"k": 1000, "M": 1_000_000}
    number = float(shown[2:].rstrip("kM")) * units.get(shown[-1], 1)
    assert count * 0.9 < number <= count * (1 + 1e-9)


@pytest.mark.parametrize("known", [None, 0, 0.0])
def test_nothing_known_is_not_at_least_nothing(known: float | None) -> None:
    assert (dollars(None, known), tokens(None, None if known is None else int(known))) == ("-", "-")


def test_many_dollars_are_grouped() -> None:
    assert dollars(12345.678) == "$12,345.68"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "-"),
        (math.nan, "-"),
        (0.0, "0.0%"),
        (0.93281, "93.3%"),
        (0.9999, "99.9%"),
        (0.0001, "0.1%"),
        (1.0, "100.0%"),
    ],
)
def test_only_all_is_a_hundred_percent(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_percent_of_more_than_all_is_shown_as_it_is() -> None:
    assert percent(1.07, 0) == "107%"


@pytest.mark.parametrize(
    ("score", "shown"),
    [(None, "-"), (math.nan, "-"), (0.0, "0.00"), (0.001, "0.01"), (0.951, "0.95"), (0.999, "0.99"), (1.0, "1.00")],
)
def test_only_a_full_score_is_shown_as_one(score: float | None, shown: str) -> None:
    assert fraction(score) == shown


def test_one_thing_is_singular() -> None:
    assert [plural(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


def test_hostile_text_becomes_one_harmless_line() -> None:
    assert one_line("a\nb\t\x1b[31mred\ud800\r\n", 100) == r"a b \x1b[31mred\ud800"
    assert one_line("x" * 50, 10) == "xxxxxxxxxx... (40 more characters)"


@given(st.text(), st.integers(1, 50))
def test_one_line_is_printable_and_encodable(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert "\x1b" not in line
    assert line.encode("utf-8").decode() == line
