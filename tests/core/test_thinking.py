"""What was thought, told from what was answered, in the marks that open models leave in their text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.thinking import split_thinking, without_thinking

THOUGHT = {
    "<think>\n2 and 2\n</think>\n\n4": ("2 and 2", "4"),
    "<think>2 and 2</think>4": ("2 and 2", "4"),
    "\n <think >2 and 2</think >\n4": ("2 and 2", "4"),
    "<THINK>2 and 2</Think>4": ("2 and 2", "4"),
    "\ufeff<think>2 and 2</think>4": ("2 and 2", "4"),
    "<think>\n\n</think>\n\n4": ("", "4"),
    "<think></think>": ("", ""),
    "<thinking>2 and 2</thinking>\n4": ("2 and 2", "4"),
    "<thought>2 and 2</thought>\n4": ("2 and 2", "4"),
    "<reasoning>2 and 2</reasoning>4": ("2 and 2", "4"),
    "<seed:think>2 and 2</seed:think>4": ("2 and 2", "4"),
    "[THINK]2 and 2[/THINK]4": ("2 and 2", "4"),
    "◁think▷2 and 2◁/think▷4": ("2 and 2", "4"),
    "<think>one</think>\n<think>two</think>\n4": ("one\n\ntwo", "4"),
    "<think>one</think><thinking>two</thinking>4": ("one\n\ntwo", "4"),
    "<think>a < b, and so </thinking> is no end</think>4": ("a < b, and so </thinking> is no end", "4"),
    '<think>it says "</think>" there, and `</think>`.\n</think>\n\nyes': (
        'it says "</think>" there, and `</think>`.',
        "yes",
    ),
    "<think>first </think> four": ("first", "four"),
    "<think>a<think>b</think>c</think>4": ("a<think>b\n\nc", "4"),
    "<think>a</think>b\n</think>\n4": ("a\n\nb", "4"),
    "a\n</think>\nb\n</think>\n4": ("a\n\nb", "4"),
    # Never closed: the tokens ran out while thinking.
    "<think>2 and 2, that is": ("2 and 2, that is", ""),
    "<think>": ("", ""),
    "[THINK]2 and": ("2 and", ""),
    "<think>one</think>\n<think>two": ("one\n\ntwo", ""),
    # The chat template put the opening tag into the prompt.
    "2 and 2\n</think>\n\n4": ("2 and 2", "4"),
    "Let me see: 2 and 2.</think>4": ("Let me see: 2 and 2.", "4"),
    "Let me see. </think> The answer is 4.": ("Let me see.", "The answer is 4."),
    "2 and 2. </think> the answer is 4": ("2 and 2.", "the answer is 4"),
    "so it is 4 </think> 4": ("so it is 4", "4"),
    "</think>\n\n4": ("", "4"),
    "2 and 2 make 4.\n</think>": ("2 and 2 make 4.", ""),
    'I close {"a": 1}.\n</think>\n\n{"answer": 4}': ('I close {"a": 1}.', '{"answer": 4}'),
    "The prompt says `<think>`.\n</think>\n4": ("The prompt says `<think>`.", "4"),
    "```\ncode\n```\nGood.\n</think>\n4": ("```\ncode\n```\nGood.", "4"),
    "2 and 2\n</thinking>\n4": ("2 and 2", "4"),
    "2 and 2\n[/THINK]4": ("2 and 2", "4"),
    # OpenAI's harmony format, raw, and without its special tokens.
    "<|channel|>analysis<|message|>2 and 2<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>": (
        "2 and 2",
        "4",
    ),
    "<|start|>assistant<|channel|>analysis<|message|>2<|end|><|start|>assistant<|channel|>commentary to=functions.f "
    "<|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>final <|constrain|>json<|message|>4": (
        "2\n\n{}",
        "4",
    ),
    "<|channel|>analysis<|message|>2 and": ("2 and", ""),
    "<|channel|>analysis": ("", ""),
    "<|channel|>final<|message|>4": ("", "4"),
    "analysis2 and 2 make 4.assistantfinal4": ("2 and 2 make 4.", "4"),
}

KEPT = [
    "4",
    "",
    "  4\n",
    "I think 4",
    '{"tag": "<think>", "end": "</think>"}',
    '{"answer": "One.</think> Two"}',
    '"x.</think>"',
    '```json\n{"end": "x.</think>Y"}\n```',
    'Here it is: {"end": "x.</think>Y"}',
    "It ends with `</think>`",
    "It ends with </think>.",
    "Use the </think> tag to end it.",
    "The tag is </think>",
    'The tag is "</think>"',
    "text = text.split('</think>')[-1]\nprint(text)",
    "It ends with \u201c</think>\u201d.\nThat is all.",
    'echo "{\\"tag\\": \\"</think>\\"}"\n',
    "| tag | use |\n|---|---|\n| </think> | closes |",
    "Models write <think> first.",
    "The model wrote <think>2 and 2</think> and then 4.",
    "First:\n<think>\n2 and 2\n</think>\nthen 4.",
    "Write it so:\n```\n<think>\nhm\n</think>\nanswer\n```\n",
    "Write it so:\n~~~\nhm\n</think>\nanswer\n~~~\n",
    "<answer>4</answer>",
    "<response><thinking>2 and 2</thinking><answer>4</answer></response>",
    "<thinker>4</thinker>",
    "`<think>` opens it",
    "analysis of assistantfinal words",
    "the <|channel|> token",
]


@pytest.mark.parametrize("text", THOUGHT)
def test_what_was_thought_is_no_answer(text: str) -> None:
    assert split_thinking(text) == THOUGHT[text]


@pytest.mark.parametrize("text", KEPT)
def test_a_tag_that_is_part_of_the_answer_stays(text: str) -> None:
    assert split_thinking(text) == ("", text)


@pytest.mark.parametrize("text", [*THOUGHT, *KEPT])
def test_to_do_it_twice_changes_nothing(text: str) -> None:
    once = without_thinking(Response(text, "stop"))

    assert without_thinking(once) == once
    assert once.finish_reason == "stop"


def test_what_the_server_told_apart_already_leaves_only_whole_blocks_to_find() -> None:
    assert without_thinking(Response("<think>b</think>4", thinking="a")) == Response("4", thinking="a\n\nb")
    for text in ("<think> is a tag", "One.\n</think>\ntwo"):
        assert without_thinking(Response(text, thinking="a")) == Response(text, thinking="a")


@given(st.text())
def test_no_json_document_loses_anything(value: str) -> None:
    for document in (value, f"{value}</think>{value}", f"<think>{value}"):
        text = json.dumps({"text": document}, ensure_ascii=False)
        assert split_thinking(text) == ("", text)


@given(st.lists(st.sampled_from(["<think>", "</think>", "`", '"', "```\n", "\n", " ", "a", ".", "{"])).map("".join))
def test_whatever_the_marks_nothing_is_made_up(text: str) -> None:
    thinking, answer = split_thinking(text)

    assert text.endswith(answer)
    assert all(part in text for part in thinking.split("\n\n"))


@pytest.mark.parametrize(
    "unit", ["<think></think>", "<think>", "</think>", "`</think>`", 'a </think> b "', "<|channel|>a<"]
)
def test_a_hostile_text_is_read_once(unit: str) -> None:
    text = unit * 20_000

    thinking, answer = split_thinking(text)

    assert len(thinking) + len(answer) <= 2 * len(text)
