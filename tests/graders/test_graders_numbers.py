"""Numbers: as models print them, written and found again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders import number_reader, numerals
from pytest_benchmodels.graders.number_reader import read_number
from pytest_benchmodels.graders.numerals import Numeral
from pytest_benchmodels.graders.values import Number

WORDS = st.text("abcdefg ,;:!?\n*", max_size=30)
INTEGERS = st.integers(min_value=-(10**15), max_value=10**15)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)


def find_number(text: str) -> Numeral | None:
    return read_number(text).number


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
        ("1/2", "0.5"),
        (r"-\frac{3}{4}", "-0.75"),
        ("on 3/4/2024", "2024"),
        ("**18**", "18"),
        ("__18__", "18"),
        ("the 18th", "18"),
        ("18kg", "18"),
        ("18 g of H2O", "18"),
        ("version 1.2.3 of 7", "7"),
        ("x=-3", "-3"),
        ("10,20", "10.20"),
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


@pytest.mark.parametrize(
    "answer",
    ["", "none", "1.2.3", "H2O", "-", "####", r"\boxed{}", "\u00b2", r"\boxed{none} 7", "5-3", "from 5\u201310"],
)
def test_no_number(answer: str) -> None:
    assert find_number(answer) is None


@given(DECIMALS, WORDS, st.sampled_from(["", "$", "\u20ac", r"\$"]), st.sampled_from(["", "%", ".", "**", " dollars."]))
def test_a_decimal_is_found_again(number: Decimal, words: str, currency: str, after: str) -> None:
    sign = "\u2212" if number.is_signed() else ""
    found = find_number(f"There were 7 {words}\nIt is {sign}{currency}{abs(number):,f}{after}")
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
        ({"number": 18}, "It is 17.", "expected 18, got 17, read what is left: 'It is 17'"),
        ({"number": 18}, "no idea", "expected 18, found no number in 'no idea'"),
        ({"number": 18}, "$18", "found 18, read alone on its line: '18'"),
        ({"number": 18}, "#### 17", "expected 18, got 17, read after ####: '17'"),
        ({"number": 18}, r"so \boxed{x = 17}.", "expected 18, got 17, read in the box: 'x = 17'"),
        ({"number": 18}, "The answer is 17.", "expected 18, got 17, read after \"answer\": '17'"),
        ({"number": 18}, "It is **17**, I think", "expected 18, got 17, read emphasised: '17'"),
        ({"number": 18}, "17 or 18", "expected 18, found no single number but 17 and 18 in '17 or 18'"),
        ({"number": r"10,\!000"}, "10", r"expected 10000 (from '10,\\!000'), got 10, read alone on its line: '10'"),
        ({"number": 18, "tolerance": 0.5}, "17", "expected 18 within 0.5, got 17, read alone on its line: '17'"),
        (
            {"number": 18, "relative_tolerance": 0.01},
            "17",
            "expected 18 within 0.01 of its size, got 17, read alone on its line: '17'",
        ),
        (
            {"number": 1},
            "2" * 50,
            f"expected 1, got {'2' * 40}... (10 more characters), read alone on its line: '{'2' * 50}'",
        ),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert judge(options, answer).explanation == said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"number": "none"}, "`number` has to be one number, got 'none': no number was read in it; write it in digits"),
        ({"number": "17 or 18"}, "`number` has to be one number, got '17 or 18': 17 and 18 stand in it"),
        ({"number": float("nan")}, "`number` has to be one number, got 'nan'"),
        ({"number": "1/0"}, "`number` has to be one number, got '1/0'"),
        ({"number": 1, "tolerance": float("inf")}, "a tolerance has to be a finite number"),
        ({"number": 1, "tolerance": -1}, ">= 0"),
        ({"number": True}, "Expected"),
    ],
)
def test_what_is_no_number_is_refused_at_load(options: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, Number)


@pytest.mark.parametrize(
    ("options", "answer", "passed"),
    [
        ({"number": r"10,\!000"}, "10000", True),
        ({"number": r"10,\!000"}, "0", False),
        ({"number": "18 cm^2"}, "18", True),
        ({"number": "18 cm^2"}, "2", False),
        ({"number": r"\frac{1}{2}"}, "0.5", True),
        ({"number": "50%"}, "50%", True),
        ({"number": "50%"}, "0.5", True),
        ({"number": "50%"}, "50", True),
        ({"number": "50%"}, "0.5%", False),
        ({"number": "1" * 90}, "1" * 90, True),
        ({"number": "1" * 90}, "1" * 89 + "2", False),
    ],
)
def test_the_value_is_read_by_the_same_rule(options: dict[str, object], answer: str, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert judge(options, answer).passed is passed


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
        "not 1 ",
        "**1** ",
        "1 or ",
        "answer: ",
    ],
)
def test_what_is_read_of_an_answer_is_the_same_however_long_it_is(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    convert = numerals.plain_numbers

    def counted(text: str) -> str:
        asked.append(len(text))
        return convert(text)

    monkeypatch.setattr(number_reader, "plain_numbers", counted)
    totals = []
    for length in (100_000, 1_000_000, 10_000_000):
        asked.clear()
        judge({"number": 18}, unit * (length // len(unit)))
        totals.append(sum(asked))
    assert max(totals) <= min(totals) + 10_000
    assert max(totals) < 200_000
