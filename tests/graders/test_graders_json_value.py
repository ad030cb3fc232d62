"""`json_path`: the value at a path of the answer's JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.graders import BUILTIN, example_answer, tool_calls
from pytest_benchmodels.graders.json_value import JsonPath


def said(answer: str, **options: Any) -> str:
    return msgspec.convert(options, JsonPath).grade(Response(answer)).explanation


@pytest.mark.parametrize(
    ("options", "answer", "explanation"),
    [
        ({"json_path": "$.a"}, '{"a": [1]}', "found '[1]' at '$.a'"),
        ({"json_path": "$[*]"}, "[1, 2]", "found 2 values at '$[*]'"),
        ({"json_path": "$.b"}, '{"a": 1}', "expected a value at '$.b', found none in '{\"a\": 1}'"),
        ({"json_path": "$[*]", "count": 3}, "[1]", "expected 3 values at '$[*]', found 1 in '[1]'"),
        (
            {"json_path": "$[*]", "value": 1},
            "[1, 2]",
            "at '$[*]': expected 1 at $, got 2 (1 of 2 values are wrong), in '[1, 2]'",
        ),
        (
            {"json_path": "$.a", "value": {"b": {"min_words": 2}}},
            '{"a": {"b": "one"}}',
            "at '$.a', 'b': expected at least 2 words, got 1, in '{\"a\": {\"b\": \"one\"}}'",
        ),
    ],
)
def test_the_verdict_says_what_is_there(options: dict[str, Any], answer: str, explanation: str) -> None:
    assert said(answer, **options) == explanation


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"json_path": "a"}, "'a' is no JSONPath"),
        ({"json_path": "$[?@.a == $..b]"}, "is no JSONPath"),
        ({"json_path": "$.a", "value": {"contain": "x"}}, "value: 'contain' is no check, did you mean 'contains'?"),
        ({"json_path": "$.a", "value": {"judge": "Right?"}}, "value: check 'judge' judges answers"),
        ({"json_path": "$.a", "value": {"regex": "("}}, "value: check 'regex'"),
    ],
)
def test_what_cannot_be_looked_up_is_told_when_the_file_is_read(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(rule)):
        msgspec.convert(options, JsonPath)


def test_a_look_up_that_takes_too_long_is_an_error() -> None:
    with pytest.raises(CheckError, match="name more of the path, or lower max_tokens"):
        said("[" * 60 + ",".join("1" * 4000) + "]" * 60, json_path="$..*..*", value=1)


@pytest.mark.parametrize("value", [{}, {"value": 3}, {"value": {"number": 4}}, {"value": {"b": [{"contains": "x"}]}}])
def test_an_example_is_right(value: dict[str, Any]) -> None:
    grader = msgspec.convert({"json_path": "$.a.b", **value}, JsonPath)

    assert grader.grade(Response(example_answer((Check("json_path", "", "", grader),), None))).passed


OF_RUNS = {grader.kind() for grader in BUILTIN.values() if grader.needs_workspace or grader in tool_calls.CHECKS}


@pytest.mark.parametrize("kind", sorted(BUILTIN.keys() - OF_RUNS))
def test_no_check_of_answers_is_taken_for_a_value(kind: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(f"check {kind!r} ")):
        msgspec.convert({"json_path": "$.a", "value": {kind: None, "no_such_option": 1}}, JsonPath)


def test_what_is_only_about_a_run_is_a_value_as_others_are() -> None:
    for kind in OF_RUNS:
        wanted = {"json_path": "$.a", "value": {kind: "x"}}
        assert msgspec.convert(wanted, JsonPath).grade(Response(json.dumps({"a": {kind: "x"}}))).passed
