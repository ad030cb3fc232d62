"""Checks out of plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CheckError, ConfigError
from pytest_benchmodels.core.fingerprint import grade_fingerprint
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Check, Grade, Grader
from pytest_benchmodels.engine.grading import judge
from pytest_benchmodels.graders.registry import grader_of, registry
from tests.graders.grading_contexts import context


def says(context: GradingContext, word: str, times: Annotated[int, msgspec.Meta(ge=1)] = 1) -> bool:
    """The answer has a word so often."""
    return context.text.count(word) >= times


async def share(context: GradingContext, *, words: list[str]) -> float:
    await asyncio.sleep(0)
    return sum(word in context.text for word in words) / len(words)


def is_long(context: GradingContext) -> Grade:
    return Grade.of(len(context.text) > 5, f"{len(context.text)} characters")


def verdict(function: Callable[..., object], options: dict[str, Any], answer: str) -> CheckResult:
    grader = msgspec.convert(options, grader_of(function))
    check = Check(grader.kind(), grader.kind(), grader.kind(), grader)
    (result,) = asyncio.run(judge([check], context(answer, check)))
    return result


@pytest.mark.parametrize(
    ("function", "options", "score", "passed"),
    [
        (says, {"says": "ha"}, 1.0, True),
        (says, {"says": "ha", "times": 3}, 0.0, False),
        (share, {"share": ["ha", "ho"]}, 0.5, True),
        (share, {"share": ["ha", "ho", "hi"]}, 1 / 3, False),
        (is_long, {"is_long": True}, 0.0, False),
    ],
)
def test_it_is_called_with_the_context_and_its_options(
    function: Callable[..., object],
    options: dict[str, Any],
    score: float,
    passed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    result = verdict(function, options, "ha ha")
    assert result.score == pytest.approx(score)
    assert result.passed == passed


def test_an_explanation_says_what_was_called_and_what_it_said() -> None:
    assert verdict(says, {"says": "ha", "times": 3}, "ha").explanation == "says(word='ha', times=3) says False"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"says": 1}, r"Expected `str`, got `int` - at `\$.says`"),
        ({"says": "ha", "times": 0}, "Expected `int` >= 1"),
        ({"says": "ha", "often": 2}, "unknown field `often`"),
        ({}, "missing required field `says`"),
    ],
)
def test_its_options_are_checked_by_their_types(options: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, grader_of(says))


def test_without_options_it_is_asked_for_by_true() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value False"):
        msgspec.convert({"is_long": False}, grader_of(is_long))


def nothing() -> bool:
    return True


def many(*contexts: GradingContext) -> bool:
    return bool(contexts)


def unknown(context: GradingContext, of: Nowhere) -> bool:  # type: ignore[name-defined] # noqa: F821 - what is tested
    return bool(context.text == of)


def heavy(context: GradingContext, what: str, weight: int) -> bool:
    return context.text == what * weight


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (nothing, "a check takes the context first, then its options by name"),
        (many, "a check takes the context first, then its options by name"),
        (unknown, "unknown: its annotations cannot be read: name 'Nowhere' is not defined"),
        (heavy, "heavy: every check has 'weight' already; give the field another name"),
    ],
)
def test_a_function_that_cannot_be_a_check_is_named_with_the_rule(function: Callable[..., object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        registry([function])


def odd(context: GradingContext) -> object:
    return context.text


def stops(context: GradingContext) -> bool:
    return bool(next(iter(context.text[:0])))


async def leaves(context: GradingContext) -> bool:
    raise SystemExit(context.text)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (odd, "check 'odd' crashed: TypeError: odd has to return a bool, a number or a Grade, got str"),
        (stops, r"check 'stops' crashed: StopIteration: .*\(test_graders_functions.py:\d+\)"),
        (leaves, r"check 'leaves' crashed: SystemExit: ha \(test_graders_functions.py:\d+\)"),
    ],
)
def test_whatever_it_raises_is_told_with_its_own_line(function: Callable[..., object], said: str) -> None:
    with pytest.raises(CheckError, match=said):
        verdict(function, {function.__name__: True}, "ha")


def test_one_function_is_one_check_whoever_asks() -> None:
    assert registry([says])["says"] is registry([says, is_long])["says"]


def test_its_file_is_a_part_of_what_it_is_judged_by() -> None:
    graders = [msgspec.convert({"says": "ha"}, grader_of(says)), msgspec.convert({"is_long": True}, grader_of(is_long))]
    prints = []
    for grader in graders:
        check = Check(grader.kind(), grader.kind(), grader.kind(), grader)
        prints.append([grade_fingerprint(context("", check).scenario) for _ in range(2)])
    assert prints[0][0] == prints[0][1] != prints[1][0]


def test_a_class_may_take_the_context_too() -> None:
    class Target(Grader, frozen=True):
        target: Literal[True]

        def grade(self, context: GradingContext) -> Grade:
            last = context.transcript.messages[-1]
            return Grade.of(context.text == context.transcript.responses[-1].text == last.content)

    check = Check("target", "target", "target", Target(target=True))
    (result,) = asyncio.run(judge([check], context("ha", check)))
    assert result.passed
