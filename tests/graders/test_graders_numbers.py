"""Numbers: as models print them, written and found again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.grading import Grade
from pytest_benchmodels.graders.numbers import Number
from pytest_benchmodels.graders.numerals import find_number

WORDS = st.text("abcdefg ,;:!?\n*", max_size=30)
INTEGERS = st.integers(min_value=-(10**15), max_value=10**15)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)


def judge(options: dict[str, object], answer: str) -> Grade:
    return msgspec.convert(options, Number).grade(Response(answer))


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("1,000", "1000"),
        ("$1,234.50", "1234.5"),
        ("1,00,000", "100000"),
        ("12,345,678.9", "12345678.9"),
        ("1\u202f000", "1000"),
        ("1'000", "1000"),
        ("1_000", "1000"),
        (r"1{,}234", "1234"),
        (r"1\,234", "1234"),
        ("-3", "-3"),
        ("\u22123", "-3"),
        ("\u20133", "-3"),
        ("+3", "3"),
        ("-$3", "-3"),
        ("$-3", "-3"),
        (r"\$18.00", "18"),
        ("3.", "3"),
        ("1e5", "100000"),
        ("1E\u22123", "0.001"),
        ("3 \u00d7 10^5", "300000"),
        (r"1.5 \times 10^{-2}", "0.015"),
        ("50%", "50"),
        (r"\boxed{18}", "18"),
        (r"\boxed{\text{18 dollars}} in 3 steps", "18"),
        (r"first \boxed{1}, then \boxed{x = 2}", "2"),
        (r"\boxed{none} 7", "7"),
        ("1/2", "0.5"),
        (r"-\frac{3}{4}", "-0.75"),
        ("on 3/4/2024", "2024"),
        ("**18**", "18"),
        ("__18__", "18"),
        ("the 18th", "18"),
        ("18kg", "18"),
        ("18 g of H2O", "18"),
        ("version 1.2.3 of 7", "7"),
        ("5-3", "3"),
        ("x=-3", "-3"),
        ("from 5\u201310", "10"),
        ("10,20", "20"),
        ("in 2020,100", "100"),
        ("Rs.500", "500"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("\u7b54\u6848\u662f18\u3002", "18"),
        ("\u0663", "3"),
        ("2 + 3 = 5", "5"),
        ("9 * 2 = 18\n#### 18\nThat took 3 steps.", "18"),
        ("#### $1,000.", "1000"),
        ("#### 1\n#### 2", "2"),
        ("#### 2. Compute the total\n5 dollars", "5"),
        ("##### 2\n5", "5"),
    ],
)
def test_what_models_print(answer: str, number: str) -> None:
    found = find_number(answer)
    assert found is not None
    assert found.value == Decimal(number)


@pytest.mark.parametrize("answer", ["", "none", "1.2.3", "H2O", "-", "####", r"\boxed{}", "\u00b2"])
def test_no_number(answer: str) -> None:
    assert find_number(answer) is None


@given(DECIMALS, WORDS, st.sampled_from(["", "$", "\u20ac", r"\$"]), st.sampled_from(["", "%", ".", "**", " dollars."]))
def test_a_decimal_is_found_again(number: Decimal, words: str, currency: str, after: str) -> None:
    sign = "\u2212" if number.is_signed() else ""
    found = find_number(f"7 {words} {sign}{currency}{abs(number):,f}{after}")
    assert found is not None
    assert found.value == number


@given(INTEGERS, st.integers(min_value=0, max_value=999), WORDS)
def test_the_mark_wins_over_what_follows(number: int, later: int, words: str) -> None:
    found = find_number(f"{words} 12\n#### {number:,}\n{words} {later}")
    assert found is not None
    assert found.value == number


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_fraction_is_found_again(above: int, below: int) -> None:
    for text in (f"it is {above}/{below}", rf"it is \frac{{{above}}}{{{below}}}."):
        found = find_number(text)
        assert found is not None
        assert abs(found.value * below - above) < Decimal("1e-30")


@given(st.text(max_size=200))
def test_any_text_has_a_number_or_none_and_a_grade(text: str) -> None:
    grade = judge({"number": 18}, text)
    assert grade.passed == (grade.score == 1.0)
    assert len(grade.explanation) < 400


@given(st.floats(allow_nan=False, allow_infinity=False), st.text("0123456789.,-$#e/\\{}+", max_size=30))
def test_a_float_equals_itself_and_odd_characters_do_no_harm(number: float, noise: str) -> None:
    judge({"number": number}, noise)
    plain = f"{Decimal(repr(number)):f}"
    assert judge({"number": number}, f"it is {plain}").passed


@pytest.mark.parametrize(
    ("options", "answer", "passed"),
    [
        ({"number": 0.1}, "0.10", True),
        ({"number": 0.1}, "0.1000000000000000055", False),
        ({"number": 18}, "18.00", True),
        ({"number": "9 * 2 = 18\n#### 18"}, "18", True),
        ({"number": "1/3"}, "2/6", True),
        ({"number": 3.14, "tolerance": 0.01}, "3.15", True),
        ({"number": 3.14, "tolerance": 0.01}, "3.1501", False),
        ({"number": 200, "relative_tolerance": 0.01}, "202", True),
        ({"number": -200, "relative_tolerance": 0.01}, "-202.1", False),
        ({"number": 200, "relative_tolerance": 0.01, "tolerance": 5}, "205", True),
        ({"number": 1, "tolerance": 5}, "1/0", False),
    ],
)
def test_tolerance(options: dict[str, object], answer: str, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert judge(options, answer).passed is passed


@pytest.mark.parametrize(
    ("options", "answer", "said"),
    [
        ({"number": 18}, "It is 17.", "expected 18, got 17, read from 'It is 17.'"),
        ({"number": 18}, "no idea", "expected 18, found no number in 'no idea'"),
        ({"number": 18}, "$18", "found $18"),
        ({"number": 18, "tolerance": 0.5}, "17", "expected 18 within 0.5, got 17, read from '17'"),
        (
            {"number": 18, "relative_tolerance": 0.01},
            "17",
            "expected 18 within 0.01 of its size, got 17, read from '17'",
        ),
        ({"number": 1}, "2" * 50, f"expected 1, got {'2' * 40}... (10 more characters), read from '{'2' * 50}'"),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert judge(options, answer).explanation == said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"number": "none"}, "`number` has to be a number, got 'none'"),
        ({"number": float("nan")}, "`number` has to be a number, got 'nan'"),
        ({"number": "1/0"}, "`number` has to be a number, got '1/0'"),
        ({"number": 1, "tolerance": float("inf")}, "a tolerance has to be a finite number"),
        ({"number": 1, "tolerance": -1}, ">= 0"),
        ({"number": True}, "Expected"),
    ],
)
def test_what_is_no_number_is_refused_at_load(options: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, Number)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1,",
        "1,22",
        "$",
        "-",
        "1/",
        "1.1",
        "#",
        "#### ",
        r"\frac{1",
        r"\boxed{",
        "1e",
        "1 x 10^",
        ".5",
        "1 ",
        "10^{",
    ],
)
def test_a_megabyte_made_to_be_slow_returns(unit: str) -> None:
    judge({"number": 18}, unit * (1_000_000 // len(unit)))
