"""Checks of the tools that a model called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_benchmodels import Grade, Response, ToolCall
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.tool_calls import ToolCalled
from tests.graders.grading_contexts import context


@pytest.mark.parametrize(
    ("arguments", "is_bounded"),
    [
        ({}, True),
        ({"a": 1, "b": {"c": [2]}}, True),
        ({"a": {"regex": "(a+)+"}}, False),
        ({"a": {"json_schema": {"type": "object"}}}, False),
        ({"a": {"number": 4}}, False),
    ],
)
def test_a_check_with_checks_within_promises_no_quick_end(arguments: dict[str, Any], *, is_bounded: bool) -> None:
    assert ToolCalled("t", arguments).bounded is is_bounded


def graded(arguments: dict[str, Any], given: dict[str, Any] | str) -> Grade:
    """How a call with these arguments is judged."""
    answer = Response("", tool_calls=(ToolCall("1", "t", given),))
    return ToolCalled("t", arguments).grade(context(answer))


@pytest.mark.parametrize(
    ("wanted", "right", "wrong"),
    [
        ({"contains": "Rome", "not": True}, "Paris", "Rome, Italy"),
        ({"contains": "rome", "ignore_case": True, "not": False}, "ROME", "Paris"),
        ({"similar": "the quick brown fox", "min": 0.9}, "the quick brown fix", "a dog"),
        ({"min_words": 2}, "two words", "one"),
        ({"max_words": 1}, "one", "two words"),
        ({"city": {"contains": "Par"}, "n": 1}, {"city": "Paris", "n": 1, "more": 0}, {"city": "Rome", "n": 1}),
        ({"city": {"contains": "Par"}}, {"city": "Paris"}, "Paris"),
        ([{"name": {"starts_with": "a"}}, 2], [{"name": "ab"}, 2], [{"name": "ab"}, 3]),
        ([{"number": 4, "tolerance": 1}], [5], [5, 5]),
        ({"literal": {"contains": "x"}}, {"contains": "x", "more": 1}, "x"),
        ({"literal": {"literal": 1}}, {"literal": 1}, 1),
        ([{"literal": {"number": 4}}], [{"number": 4}], [4]),
        ({"numbers": 4, "unit": "m"}, {"numbers": 4, "unit": "m"}, {"numbers": 5, "unit": "m"}),
        ({"e\u0301": {"contains": "x"}}, {"\u00e9": "x"}, {"\u00e9": "y"}),
    ],
)
def test_checks_stand_for_values_at_any_depth(wanted: object, right: object, wrong: object) -> None:
    assert graded({"q": wanted}, {"q": right}).passed
    judged = graded({"q": wanted}, {"q": wrong})
    assert not judged.passed
    assert "its argument 'q'" in judged.explanation


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"contain": "Paris"}, "'contain' is no check, did you mean 'contains'?"),
        ({"contain": "Paris", "ignore_case": True}, "did you mean 'contains'?"),
        (
            {"contains": "x", "ignorecase": True},
            "check 'contains' has no option 'ignorecase'; did you mean 'ignore_case'?",
        ),
        ({"contains": "x", "field": "title"}, "no option 'field'; a value that looks like a check is written {literal"),
        ({"contains": "x", "weight": 2}, "'weight' has no meaning beside a check of an argument"),
        ({"contains": "x", "not": "yes"}, "`not` is true or false, got 'yes'"),
        ({"min_words": "many"}, "check 'min_words': Expected `int`, got `str`"),
        ({"similar": "5", "min": 7}, "check 'similar': Expected `float` <= 1"),
        ({"contains": "x", "equals": "y"}, "a check has one name, got 'contains' and 'equals'"),
        ({"refused": True}, "check 'refused' judges answers, no arguments"),
        ({"tool_called": "a"}, "check 'tool_called' judges answers, no arguments"),
        ({"judge": "Is it polite?"}, "check 'judge' judges answers, no arguments"),
        ({"a": [1, {"contain": "x"}]}, "argument 'q', 'a'[1]: 'contain' is no check"),
    ],
)
def test_what_looks_like_a_check_and_is_none_is_told(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        ToolCalled("t", {"q": value})


def test_checks_of_a_workspace_have_names_that_are_plain_keys_here() -> None:
    value = {"file": "a.txt", "command": {"pattern": "x"}}

    assert graded({"q": value}, {"q": value}).passed
    assert not graded({"q": value}, {"q": {"file": "b.txt"}}).passed


@pytest.mark.parametrize("kind", [kind for kind, grader in BUILTIN.items() if not grader.needs_workspace])
def test_no_built_in_check_is_taken_for_a_value(kind: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"check {kind!r} ")):
        ToolCalled("t", {"q": {kind: None, "no_such_option": 1}})


def test_calls_that_satisfy_it_do() -> None:
    wanted: dict[str, Any] = {
        "a": {"contains": "Paris"},
        "b": [{"similar": "x y"}, {"equals": "z", "not": True}],
        "c": {"literal": {"contains": 1}},
    }

    (call,) = ToolCalled("t", wanted).example_calls()

    assert graded(wanted, call["arguments"]).passed
