"""Checks on plain text: laws, verdicts, and the words a reader gets."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.normalization import fold

TEXT = st.text(min_size=1, max_size=40)
WORD = st.text("abcXYZäß9", min_size=1, max_size=8)


def make(options: dict[str, object]) -> Grader:
    return msgspec.convert(options, BUILTIN[next(iter(options))])


def judge(options: dict[str, object], answer: str, latency_s: float = 0.0) -> Grade:
    grade: Grade = make(options).grade(Response(answer, latency_s=latency_s))
    return grade


@pytest.mark.parametrize(
    ("options", "answer", "passed"),
    [
        ({"equals": "4"}, " 4\n", True),
        ({"equals": 4}, "4", True),
        ({"equals": 4}, "4.0", False),
        ({"equals": True}, "true", True),
        ({"equals": True}, "True", False),
        ({"equals": True, "ignore_case": True}, "True", True),
        ({"equals": "Straße", "ignore_case": True}, "STRASSE", True),
        ({"equals": "caf\u00e9"}, "cafe\u0301", True),
        ({"equals": "4", "trim": False}, "4 ", False),
        ({"equals": "4 ", "trim": False}, "4 ", True),
        ({"equals": ""}, " \n", True),
        ({"contains": "Paris"}, "It is Paris.", True),
        ({"contains": "paris"}, "It is Paris.", False),
        ({"contains": "paris", "ignore_case": True}, "It is PARIS.", True),
        ({"contains": 1969}, "in 1969", True),
        ({"contains_any": ["bike", "bicycle"]}, "a bicycle", True),
        ({"contains_any": ["bike", "bicycle"]}, "a car", False),
        ({"contains_any": [1, True]}, "true", True),
        ({"contains_any": ["Bike"], "ignore_case": True}, "a bike", True),
        ({"contains_all": ["red", "green"]}, "green, red", True),
        ({"contains_all": ["Red"], "ignore_case": True}, "red", True),
        ({"starts_with": "I am"}, "\n I am", True),
        ({"starts_with": "i am", "ignore_case": True}, "I AM here", True),
        ({"starts_with": "am"}, "I am", False),
        ({"one_of": ["heads", "tails"]}, "tails\n", True),
        ({"one_of": ["heads", "tails"]}, "Tails", False),
        ({"one_of": [1, 2], "ignore_case": True}, "2", True),
        ({"min_words": 2}, "a b", True),
        ({"min_words": 3}, "a b", False),
        ({"max_words": 2}, "a\n\nb", True),
        ({"max_words": 1}, "a b", False),
        ({"similar": "kitten"}, " kitten ", True),
        ({"similar": "kitten"}, "sitting", False),
        ({"similar": "kitten", "min": 0.5}, "sitting", True),
        ({"similar": "KITTEN", "ignore_case": True}, "kitten", True),
    ],
)
def test_verdict(options: dict[str, object], answer: str, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert judge(options, answer).passed is passed


@pytest.mark.parametrize(
    ("options", "answer", "said"),
    [
        ({"equals": "4"}, "The answer is 4.", "expected '4', got 'The answer is 4.'"),
        ({"equals": "4"}, "4", "got '4'"),
        ({"equals": "4", "trim": False}, "4\n", "expected '4', got it with other white space around it"),
        ({"equals": "y"}, "x\x1b[31m", "expected 'y', got 'x\\x1b[31m'"),
        ({"contains": "Paris"}, "Rome", "expected 'Paris' somewhere in 'Rome'"),
        ({"contains": "Paris"}, "Paris", "found 'Paris'"),
        ({"contains_any": ["a", "b"]}, "c", "expected one of 'a', 'b' somewhere in 'c'"),
        ({"contains_any": ["a", "b"]}, "b", "found 'b'"),
        ({"contains_all": ["a", "b"]}, "a", "found 1 of 2: expected also 'b' in 'a'"),
        ({"contains_all": list("abcdef")}, "x", "found 0 of 6: expected also 'a', 'b', 'c', 'd' and 2 more in 'x'"),
        ({"contains_all": ["a", "b"]}, "b a", "found 'a', 'b'"),
        ({"starts_with": "I"}, "you", "expected 'I' at the beginning of 'you'"),
        ({"starts_with": "I"}, "I do", "begins with 'I'"),
        ({"one_of": ["a", "b"]}, "c", "expected one of 'a', 'b', got 'c'"),
        ({"one_of": ["a", "b"]}, "b", "got 'b'"),
        ({"min_words": 3}, "a b", "expected at least 3 words, got 2"),
        ({"max_words": 1}, "a b", "expected at most 1 word, got 2"),
        ({"max_words": 1}, "a", "has 1 word"),
        ({"similar": "kitten"}, "sitting", "expected at least 0.8 similarity to 'kitten', got 0.57: 'sitting'"),
        ({"similar": "kitten"}, "kitten", "1.00 similar to 'kitten'"),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert judge(options, answer).explanation == said


def test_latency_is_compared_in_seconds() -> None:
    late = judge({"max_latency": 1.5}, "", latency_s=1.6)
    assert (late.passed, late.explanation) == (False, "expected an answer within 1.5 s, took 1.60 s")
    assert judge({"max_latency": 1.5}, "", latency_s=1.5) == Grade(1.0, passed=True, explanation="took 1.50 s")


def test_score_is_the_share_found_or_the_similarity() -> None:
    assert judge({"contains_all": ["a", "b", "c", "d"]}, "abc").score == 0.75
    assert judge({"similar": "abcd"}, "abcx").score == 0.75


def test_similarity_of_two_long_texts_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(CheckError, match=r"50,000 characters.*at most 25,000 with a value of 40,000; lower max_tokens"):
        judge({"similar": "x" * 40_000}, "y" * 50_000)
    assert judge({"similar": "short"}, "y" * 2_000_000).score < 0.01


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"contains": ""}, "length >= 1"),
        ({"contains_any": []}, "length >= 1"),
        ({"contains_all": ["a", ""]}, "length >= 1"),
        ({"one_of": []}, "length >= 1"),
        ({"similar": "x", "min": 1.1}, "<= 1"),
        ({"min_words": -1}, ">= 0"),
        ({"max_latency": 0}, "> 0"),
        ({"equals": ["a"]}, "Expected"),
        ({"equals": "a", "trimm": True}, "unknown field"),
    ],
)
def test_senseless_options_are_refused_at_load(options: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        make(options)


def test_text_with_endless_accents_is_left_as_it_is_and_the_rest_composed() -> None:
    stacked = "a" + "\u0315\u0300" * 500_000  # composing this would sort a million marks by insertion
    assert fold(stacked) == stacked
    assert fold("e\u0301" * 100) == "\u00e9" * 100


def test_a_text_of_invisible_characters_is_found_where_it_is_and_nowhere_else() -> None:
    for name in ("contains", "starts_with"):
        assert judge({name: "\xad"}, "\xad-").passed
        assert not judge({name: "\xad"}, "nothing").passed


@given(TEXT)
@example("\xad")
def test_a_text_equals_and_contains_itself(text: str) -> None:
    for name in ("equals", "contains", "starts_with"):
        assert judge({name: text}, text).passed
    assert judge({"one_of": [text]}, text).passed


@given(TEXT, TEXT, TEXT)
def test_a_part_is_found_in_the_whole(before: str, text: str, after: str) -> None:
    whole = f"{before} {text} {after}"
    assert judge({"contains": text}, whole).passed == (fold(text) in fold(whole))
    assert judge({"contains_any": [text, "no such thing at all"]}, f"x {text.strip() or 'y'}").score in {0.0, 1.0}


@given(WORD, WORD)
def test_ignoring_case_only_ever_accepts_more(value: str, answer: str) -> None:
    for name in ("equals", "contains", "starts_with"):
        if judge({name: value}, answer).passed:
            assert judge({name: value, "ignore_case": True}, answer).passed
    assert judge({"equals": value, "ignore_case": True}, value.upper()).passed


@given(st.lists(WORD, min_size=1, max_size=6), st.text(max_size=30))
def test_all_implies_any_and_scores_stay_between_0_and_1(values: list[str], answer: str) -> None:
    everything = judge({"contains_all": values}, answer)
    assert 0 <= everything.score <= 1
    assert everything.passed == (everything.score == 1)
    assert judge({"contains_any": values}, answer).passed == (everything.score > 0)


@given(st.text(max_size=60), st.text(max_size=5_000))
def test_similarity_is_a_score_and_its_explanation_short_and_plain(value: str, answer: str) -> None:
    grade = judge({"similar": f"{value}x"}, answer)
    assert 0 <= grade.score <= 1
    assert len(grade.explanation) < 1_000
    assert "\x1b" not in grade.explanation
