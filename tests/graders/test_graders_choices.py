"""Multiple choice: the letter that an answer chose."""

from __future__ import annotations

from string import ascii_uppercase

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.choice_reader import find_letter
from pytest_benchmodels.graders.values import Choice

LETTERS = st.sampled_from(ascii_uppercase)


def judge(options: dict[str, object], answer: str) -> Grade:
    return msgspec.convert(options, Choice).grade(Response(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "(B)",
        "[B]",
        "B.",
        "b",
        "(b)",
        "**B**",
        "B) Paris",
        "B: Paris",
        "B - Paris",
        "**B) Paris**",
        "> B. Paris",
        "Answer: B",
        "answer: b",
        "**Answer:** B",
        "**Answer: B**",
        "Answer: B. Paris",
        "<answer>B</answer>",
        "A: B",
        "Antwort: B",
        "\u7b54\u6848\uff1aB",
        "The answer is (B).",
        "The answer is B because it rains.",
        "The answer is **(B) Paris**",
        "The answer is $B$",
        "The answer is\n**B**",
        "the answer:\n\nB",
        "The answer to question 3 is B",
        "The correct answer is **B**.",
        "The best answer is option (B)",
        "The correct option is: B",
        "Final answer: (B)",
        r"\boxed{B}",
        r"So it is \boxed{\text{(B)}}",
        "Option B is correct",
        "(B) is the correct answer",
        "Answer: (B)Paris",
        "I would go with B",
        "I choose (B)",
        "I think B is right",
        "It's B.",
        "It can only be (B)",
        'The statement "B" holds',
        "A) Rome\nB) Paris\n\nThe answer is B",
        "A) Rome\nB) Paris\n\nB",
        "B) Paris\n\nA) wrong\nC) wrong",
        "The answer is A. No, wait: the answer is B.",
        "The answer is B. Option A is wrong, as it never rains.",
        "The answer is B, A is wrong",
        "answer is (B), not (A)",
    ],
)
def test_what_models_print(answer: str) -> None:
    assert find_letter(answer, ascii_uppercase) == "B"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "A cat sat on the mat.",
        "I wonder.",
        "I'm sure.",
        "Answer: A cat",
        "The answer is a mess",
        "I pick a number",
        "Vitamin C",
        "The answer is not B",
        "The answer is e.g. Paris",
        "It is U.S. law",
        "The answer is A or B",
        "Answer: A, B",
        "Both (A) and (B)",
        "A) Rome\nB) Paris\nC) Oslo",
        "Paris",
    ],
)
def test_nothing_chosen(answer: str) -> None:
    assert find_letter(answer, ascii_uppercase) is None


@pytest.mark.parametrize("answer", ["A", "The answer is A because of rain", "I think A is right", "The answer is A."])
def test_an_a_that_is_no_article(answer: str) -> None:
    assert find_letter(answer, ascii_uppercase) == "A"


@given(
    LETTERS,
    st.sampled_from(
        ["({})", "**{}**", "{}.", "{}) Paris", "Answer: {}", "The answer is ({}).", r"\boxed{{{}}}", "{}\n"]
    ),
    st.sampled_from(["", "Let me see.\n", "Thinking about it for a while, I see:\n\n"]),
)
def test_each_letter_is_found_in_each_form(letter: str, form: str, before: str) -> None:
    assert find_letter(before + form.format(letter), ascii_uppercase) == letter


@given(LETTERS, LETTERS)
def test_the_last_statement_counts(first: str, last: str) -> None:
    assert find_letter(f"The answer is {first}. Oh. The answer is {last}.", ascii_uppercase) == last


@given(st.text(max_size=200) | st.text("ABab()*.:, \nis", max_size=60))
def test_any_text_has_one_of_the_letters_or_none(text: str) -> None:
    assert find_letter(text, "ABCD") in {"A", "B", "C", "D", None}


def test_letters_beyond_those_offered_are_no_choice() -> None:
    assert judge({"choice": "B", "of": "abcd"}, "The answer is B. See figure (E)").passed
    assert find_letter("(E)", "ABCD") is None


@pytest.mark.parametrize("value", ["B", "b", "(B)", "B.", " B) "])
def test_the_value_is_a_letter_however_it_is_written(value: str) -> None:
    assert judge({"choice": value}, "B").passed


@pytest.mark.parametrize(
    ("options", "answer", "said"),
    [
        ({"choice": "B"}, "(B)", "chose B"),
        ({"choice": "B"}, "(C) Rome", "expected B, got C, read from '(C) Rome'"),
        ({"choice": "B"}, "Rome", "expected B, found no single choice in 'Rome'"),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert judge(options, answer).explanation == said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"choice": "Paris"}, r"`choice` has to be one letter, such as 'B' or '\(B\)', got 'Paris'"),
        ({"choice": ""}, "`choice` has to be one letter"),
        ({"choice": "E", "of": "ABCD"}, "`choice` has to be one of the letters 'ABCD' of `of`, got 'E'"),
        ({"choice": "A", "of": "A-D"}, "`of` has to list the letters to choose from, such as 'ABCD', got 'A-D'"),
    ],
)
def test_what_is_no_letter_is_refused_at_load(options: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, Choice)


@pytest.mark.parametrize(
    "unit",
    [
        "answer is ",
        "answer to ",
        "B) ",
        "B)\n",
        "(",
        "(A",
        "answer is the the the ",
        "A",
        "\n",
        "x:",
        r"\text{",
        "it is ",
    ],
)
def test_a_megabyte_made_to_be_slow_returns(unit: str) -> None:
    judge({"choice": "B"}, unit * (1_000_000 // len(unit)))
