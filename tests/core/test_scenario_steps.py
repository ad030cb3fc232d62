"""Which answers belong to which turn, where answers may call tools."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Message, Response, ToolCall
from pytest_benchmodels.core.scenario import Scenario, Turn
from pytest_benchmodels.core.tool import Tool, ToolAnswer

CALLING = Response("", tool_calls=(ToolCall("1", "f", {}),))
FINAL = Response("done")
TOOL = Tool("f", "", {}, (ToolAnswer("1"),))


def a_scenario(turns: int, most: int = 10) -> Scenario:
    asked = tuple(Turn((Message("user", str(number)),)) for number in range(turns))
    return Scenario("a", "a.yaml:1", asked, tools=(TOOL,), max_steps=most)


@given(steps=st.lists(st.integers(0, 4), min_size=1, max_size=4), most=st.integers(1, 6), cut=st.integers(0, 3))
def test_answers_are_parted_by_turn_and_a_part_of_them_is_none(steps: list[int], most: int, cut: int) -> None:
    """Each turn calls so many times, as far as it may, and then answers, unless it may no more."""
    turns = [([CALLING] * calls + [FINAL])[:most] for calls in steps]
    answers = [answer for turn in turns for answer in turn]
    scenario = a_scenario(len(steps), most)

    assert scenario.by_turn(answers) == turns
    assert scenario.by_turn([*answers, FINAL]) is None
    if cut:
        assert scenario.by_turn(answers[:-cut]) is None
    asked = scenario.asked_for(answers)
    assert len(asked) == len(answers)
    assert tuple(said for said in asked if said) == scenario.asked


@given(answers=st.lists(st.sampled_from([CALLING, FINAL]), max_size=5), turns=st.integers(1, 5))
def test_without_tools_each_answer_ends_its_turn(answers: list[Response], turns: int) -> None:
    scenario = replace(a_scenario(turns), tools=())

    found = scenario.by_turn(answers)

    assert found == ([(answer,) for answer in answers] if len(answers) == turns else None)
    assert scenario.asked_for(answers) == scenario.asked


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((), "01"),
        ((CALLING,), "0-1"),  # its tool's result was sent, and not answered
        ((CALLING, FINAL), "0-1"),
        ((CALLING, FINAL, CALLING), "0-1-"),
    ],
)
def test_what_was_not_answered_stands_behind_the_rest(answers: tuple[Response, ...], said: str) -> None:
    asked = a_scenario(2).asked_for(answers)

    assert "".join(messages[0].text if messages else "-" for messages in asked) == said


def test_thinking_stands_in_front_of_the_answer_where_it_is_kept() -> None:
    thought = Response("4", thinking="2 and 2", finish_reason="stop")
    stripped = a_scenario(1)
    kept = replace(stripped, thinking="keep")

    assert kept.judged(thought) == Response("<think>\n2 and 2\n</think>\n\n4", "stop", thinking="2 and 2")
    assert kept.judged(FINAL) is FINAL
    assert stripped.judged(thought) is thought
