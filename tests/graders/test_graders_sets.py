"""`same_as_reference_set`: precision, recall and F1 of the items that an answer lists."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.sets import SameAsReferenceSet


def graded(answer: str, *items: object, **options: Any) -> Grade:
    return msgspec.convert({"same_as_reference_set": list(items), **options}, SameAsReferenceSet).grade(
        Response(answer)
    )


@pytest.mark.parametrize(
    ("answer", "precision", "recall", "f1"),
    [
        ("a, b", 1, 0.5, 2 / 3),
        ("a, b, c, d", 1, 1, 1),
        ("a, x", 0.5, 0.25, 1 / 3),
        ("a, b, c, d, x, y, z, w", 0.5, 1, 2 / 3),
        ("x", 0, 0, 0),
        ("", 0, 0, 0),
        ("a, a, a", 1, 0.25, 0.4),
    ],
)
def test_the_measures_are_those_of_the_literature(answer: str, precision: float, recall: float, f1: float) -> None:
    for measure, value in {"precision": precision, "recall": recall, "f1": f1}.items():
        grade = graded(answer, "a", "b", "c", "d", measure=measure, min=0.5)
        assert grade.score == pytest.approx(value)
        assert grade.passed is (value >= 0.5)


def test_a_failure_names_what_is_missing_and_what_is_too_much() -> None:
    assert graded("a, x", "a", "b").explanation == (
        "expected f1 of at least 1: precision 0.50, recall 0.50, F1 0.50; missing 'b'; not asked for 'x', in 'a, x'"
    )


@pytest.mark.parametrize(
    ("split", "answer"),
    [
        ("json", 'So: ["a, b", 3]'),
        ("list", "Here:\n  - a, b\n  2. 3\nThat is all."),
        ("lines", "a, b\r\n\r\n3."),
        ("commas", "a b; and 3"),
        ("auto", '["a, b", 3]'),
    ],
)
def test_items_are_told_apart_as_asked(split: str, answer: str) -> None:
    first = "a b" if split == "commas" else "a, b"

    assert graded(answer, first, 3, split=split).passed


@pytest.mark.parametrize("split", ["json", "list"])
def test_an_answer_of_another_form_lists_nothing(split: str) -> None:
    assert graded("a, b", "a", "b", split=split).score == 0


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"same_as_reference_set": []}, "length >= 1"),
        ({"same_as_reference_set": " , "}, "no item was read in ' , '".replace("' , '", "','")),
        ({"same_as_reference_set": "a", "min": 2}, "<= 1.0"),
        ({"same_as_reference_set": "a", "split": "tabs"}, "Invalid enum value 'tabs'"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(rule)):
        msgspec.convert(options, SameAsReferenceSet)


@pytest.mark.parametrize("answer", ["- " * 500_000, "," * 1_000_000, "[" * 1_000_000, "and " * 250_000, "1." * 500_000])
def test_a_hostile_answer_is_judged(answer: str) -> None:
    assert not graded(answer, "a").passed


@pytest.mark.parametrize("split", ["auto", "list", "commas"])
def test_an_example_is_right(split: str) -> None:
    grader = msgspec.convert({"same_as_reference_set": ["a", 2, "c d"], "split": split}, SameAsReferenceSet)

    assert grader.grade(Response(grader.example())).passed
