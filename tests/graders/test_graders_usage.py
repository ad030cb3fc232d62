"""Checks of how an answer ended, and of what the run's answers took: words, sums, and what is not known."""

from __future__ import annotations

import msgspec
import pytest

from pytest_benchmodels.core.call import Call, GradingContext, Request, Transcript
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import _WORDS, Response, Usage
from pytest_benchmodels.core.model import Bill, Model, Price
from pytest_benchmodels.core.result import Purpose
from pytest_benchmodels.core.scenario import Grade, Scenario
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.usage import FinishReason, MaxCost, MaxOutputTokens

PRICE = Price(1, 10)  # a dollar for a million tokens in, ten for a million out


def call(usage: Usage, price: Price | None = PRICE, purpose: Purpose = "answer", bill: Bill | None = None) -> Call:
    return Call(
        purpose, Request(Model("acme/m", "openai", "m", "", price=price), ()), Response("4", usage=usage), bill=bill
    )


def run(*calls: Call) -> GradingContext:
    return GradingContext(Response("4"), Transcript(calls), Scenario("a", "a.yaml:1", ()))


@pytest.mark.parametrize(("usual", "words"), _WORDS.items())
def test_each_word_of_an_api_is_the_usual_one(usual: str, words: set[str]) -> None:
    for word in words:
        for spelled in (word, word.upper(), f"FinishReason.{word.upper()}", word.replace("_", "-")):
            assert FinishReason(usual).grade(Response("", spelled)).passed, spelled
            others = tuple(other for other in _WORDS if other != usual)
            assert not FinishReason(others).grade(Response("", spelled)).passed, spelled


@pytest.mark.parametrize(
    ("wanted", "reason", "grade"),
    [
        ("stop", "end_turn", Grade(1.0, passed=True, explanation="finish_reason 'end_turn'")),
        ("stop", "length", Grade(0.0, passed=False, explanation="expected finish_reason stop, got 'length'")),
        (
            ("stop", "length"),
            "x\x1b[31m",
            Grade(0.0, passed=False, explanation=r"expected finish_reason stop or length, got 'x\x1b[31m'"),
        ),
        ("stop", None, Grade(0.0, passed=False, explanation="expected finish_reason stop, got none", undecided=True)),
    ],
)
def test_the_reason_is_told(wanted: str | tuple[str, ...], reason: str | None, grade: Grade) -> None:
    assert FinishReason(wanted).grade(Response("", reason)) == grade


@pytest.mark.parametrize(
    "options",
    [
        {"finish_reason": ""},
        {"finish_reason": []},
        {"finish_reason": [""]},
        {"finish_reason": 3},
        {"max_cost": -1},
        {"max_cost": "1"},
        {"max_output_tokens": -1},
        {"max_output_tokens": 1.5},
    ],
)
def test_values_that_cannot_be(options: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, BUILTIN[next(iter(options))])


def test_all_answers_count_and_nothing_else_does() -> None:
    thousand = Usage(1000, 1000)  # 1.1 cents
    failed_before = Bill(Usage(), Usage(), None, 5.0)
    judge = call(Usage(10**6, 10**6), purpose="judge")

    grade = MaxCost(0.03).grade(run(call(thousand), call(thousand, bill=failed_before), judge))

    assert grade == Grade(1.0, passed=True, explanation="cost $0.022")
    assert MaxCost(0.02).grade(run(call(thousand), call(thousand))).explanation == (
        "expected at most $0.02, the answers cost $0.022"
    )


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (call(Usage(10, 10), None), r'nobody knows what acme/m costs: write price = .* under \[model\."acme/m"\] in'),
        (call(Usage(10, None)), "what the answer of acme/m cost is unknown: its provider did not say how many tokens"),
        (call(Usage(10, 10, cache_write_tokens=5)), "or one kind has no price"),
    ],
)
def test_an_unknown_cost_is_no_verdict(one: Call, said: str) -> None:
    with pytest.raises(CheckError, match=said):
        MaxCost(1000).grade(run(call(Usage(0, 0)), one))


def test_what_is_known_may_be_too_much_already() -> None:
    assert not MaxCost(0.001).grade(run(call(Usage(10_000, 0)), call(Usage()))).passed


def test_tokens_that_nobody_counted_are_no_verdict() -> None:
    with pytest.raises(CheckError, match="the provider did not say how many output tokens"):
        MaxOutputTokens(10**9).grade(Response("4"))


def test_the_tokens_are_told() -> None:
    said = [MaxOutputTokens(1000).grade(Response("", usage=Usage(output_tokens=count))) for count in (1000, 1001)]

    assert [grade.explanation for grade in said] == [
        "took 1,000 output tokens",
        "expected at most 1,000 output tokens, took 1,001",
    ]
