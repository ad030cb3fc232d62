"""Patterns: matched with a limit, refused where compiling them would fill the machine."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.examples import specimen
from pytest_benchmodels.graders.patterns import Regex, compile_pattern


def make(options: dict[str, object]) -> Regex:
    return msgspec.convert(options, Regex)


def judge(options: dict[str, object], answer: str) -> Grade:
    return make(options).grade(Response(answer))


@pytest.mark.parametrize(
    ("options", "answer", "passed"),
    [
        ({"regex": r"\d{4}"}, "in 2024.", True),
        ({"regex": r"\d{4}", "full": True}, "in 2024.", False),
        ({"regex": r"\d{4}", "full": True}, " 2024\n", True),
        ({"regex": "paris"}, "Paris", False),
        ({"regex": "paris", "ignore_case": True}, "Paris", True),
        ({"regex": "(?s)a.b"}, "a\nb", True),
        ({"regex": r"\p{Lu}"}, "É", True),
    ],
)
def test_verdict(options: dict[str, object], answer: str, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert judge(options, answer).passed is passed


@pytest.mark.parametrize(
    ("options", "answer", "said"),
    [
        ({"regex": r"\d+"}, "a 12", r"/\d+/ matched '12'"),
        ({"regex": r"\d+"}, "none", r"expected /\d+/ to match somewhere in 'none'"),
        ({"regex": "a\nb", "full": True}, "x", r"expected /a\nb/ to match all of 'x'"),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert judge(options, answer).explanation == said


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", r"/\(/ is no pattern that can be compiled: missing \)"),
        ("((a{1000}){1000}){1000}", "repeats 1,000,000,000 times .* 20,000 is the limit; use . or . for one of them"),
        ("a{1000000}", "repeats 1,000,000 times"),
        ("(?#[)((a{1000}){1000}){1000}(?#])", "repeats 1,000,000,000 times"),
        ("(?x)# [\n((a{1000}){1000}){1000} # ]", "repeats 1,000,000,000 times"),
        (r"\[((a{1000}){1000}){1000}\]", "repeats"),
        ("(?R)?a", r"calls a group of its own, as in \(\?R\) or \(\?1\)"),
        ("(a)(?1)", "calls a group of its own"),
        ("(?#[)(?R)?a(?#])", "calls a group of its own"),
        ("(?P<n>a)(?&n)", "calls a group of its own"),
        ("(" * 900 + "a" + ")" * 900, "is no pattern that can be compiled"),
        ("a" * 5001, "may have 5,000 characters, this one has 5,001"),
        ("", "length >= 1"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_at_load(pattern: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        make({"regex": pattern})


@pytest.mark.parametrize(
    "pattern",
    [
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"(?:\d{1,3}\.){3}\d{1,3}",
        r"\(?1\)",
        "[(]{2}[)]",
        "[[a]b]",
    ],
)
def test_an_ordinary_pattern_is_taken_without_a_warning(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


def test_a_pattern_that_explodes_is_an_error_of_the_check_and_names_the_pattern() -> None:
    with pytest.raises(CheckError, match=r"pattern /\(a\|aa\)\+\$/ took more than 0.1 s on this answer; avoid repeats"):
        judge({"regex": "(a|aa)+$", "timeout": 0.1}, "a" * 50_000 + "b")


def test_an_answer_beyond_all_measure_is_an_error_of_the_check() -> None:
    with pytest.raises(CheckError, match="at most 500,000 characters, the answer has 500,001; lower max_tokens"):
        judge({"regex": "a"}, "a" * 500_001)


@pytest.mark.parametrize(
    ("pattern", "made"),
    [
        ("Paris", "Paris"),
        (r"^\d{4}-\d{2}-\d{2}$", "1111-11-11"),
        ("(?i)^(yes|no)\\b.*$", "yes"),
        (r"(?P<n>[b-z]+)?x{2,3}", "xx"),
        (r"(?s)a.+b\.", "aab."),
        (r"[^a-z\s]", "1"),
        (r"a\tb", "a\tb"),
        (r"(?=a)b", None),
        (r"(a)\1", None),
        ("[]a]", "]"),
        ("[][]", None),
        ("(?:" * 400 + "a" + ")" * 400, None),
        ("a{9999}b{9999}", None),
    ],
)
def test_specimen(pattern: str, made: str | None) -> None:
    assert specimen(pattern) == made


def test_an_example_is_one_that_the_pattern_matches() -> None:
    assert make({"regex": "(yes|no)[.!]?", "full": True}).example() == "yes"
    assert make({"regex": "a(?!a)[b]$"}).example() is None
    assert make({"regex": r"^$\w"}).example() is None


@given(st.text("ab(c|d)[e-g]*+?{2}.^$\\dws", max_size=20))
def test_any_pattern_is_refused_or_judges_its_own_example(pattern: str) -> None:
    try:
        grader = make({"regex": pattern})
    except msgspec.ValidationError:
        return
    example = grader.example()
    assert example is None or grader.grade(Response(example)).passed
