"""`markdown`: what an answer is made of."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.markdown import Markdown


def graded(answer: str, **options: Any) -> Grade:
    return msgspec.convert(options, Markdown).grade(Response(answer))


def test_the_score_is_the_share_of_what_is_there_and_the_rest_is_told() -> None:
    options = {"markdown": ["heading", "quote"], "headings": ["B", "A"], "table": {"columns": ["x"], "min_rows": 2}}

    grade = graded("# A\n## B\n| x |\n|---|\n| 1 |", **options, code="sql", min_items=2)

    assert grade.score == pytest.approx(2 / 7)
    assert grade.explanation == (
        "expected a quote; the heading 'A' after 'B'; a table with the columns 'x' of at least 2 rows; "
        "a code block of 'sql'; 2 list items in '# A\\n## B\\n| x |\\n|---|\\n| 1 |': "
        "it has heading; table; the headings 'A', 'B'; a table of the columns 'x', rows: 1"
    )


def test_an_answer_without_elements_says_so() -> None:
    assert graded("words", markdown="list").explanation == "expected a list in 'words': it has none of these elements"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, "any text is Markdown: say what it has to have"),
        ({"markdown": "headings"}, "Invalid enum value 'headings'"),
        ({"markdown": []}, "length >= 1"),
        ({"markdown": True, "headings": [""]}, "length >= 1"),
        ({"markdown": "table", "table": {"rows": 1}}, "unknown field `rows`"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(rule)):
        msgspec.convert(options, Markdown)


@pytest.mark.parametrize(
    "answer",
    [">" * 200_000, "- " * 100_000, "[" * 200_000, "*a_" * 66_000, "[a](" * 50_000, "`" * 200_000, "<" * 200_000],
)
def test_a_hostile_answer_is_judged(answer: str) -> None:
    assert not graded(answer, markdown="table").passed


def test_an_answer_that_is_too_long_is_an_error() -> None:
    with pytest.raises(CheckError, match="answers of up to 200,000 characters, this one has 200,001"):
        graded("a" * 200_001, markdown="list")


@pytest.mark.parametrize(
    "options",
    [
        {"markdown": ["heading", "list", "numbered_list", "table", "code", "quote"]},
        {"markdown": True, "headings": ["A", "B"], "table": {"columns": ["c"], "min_rows": 3}, "code": "sql"},
        {"markdown": "numbered_list", "min_items": 4},
    ],
)
def test_an_example_is_right(options: dict[str, Any]) -> None:
    grader = msgspec.convert(options, Markdown)

    assert grader.grade(Response(grader.example())).passed
