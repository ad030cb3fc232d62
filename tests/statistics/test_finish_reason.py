"""Each API has its own words for why an answer ended."""

from __future__ import annotations

import pytest

from pytest_benchmodels.core.message import Response, usual_finish_reason
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.statistics.metrics import Tally
from tests.core.made_results import made

WORDS = [
    ("stop", "stop"),
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("STOP", "stop"),
    ("eos_token", "stop"),
    ("COMPLETE", "stop"),
    ("length", "length"),
    ("max_tokens", "length"),
    ("MAX_TOKENS", "length"),
    ("FinishReason.MAX_TOKENS", "length"),
    ("model_length", "length"),
    ("max_output_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("content_filter", "content_filter"),
    ("SAFETY", "content_filter"),
    ("tool_calls", "tool_calls"),
    ("tool_use", "tool_calls"),
    ("refusal", "refusal"),
    ("", ""),
    (None, None),
]


@pytest.mark.parametrize(("word", "usual"), WORDS)
def test_words_that_mean_the_same_are_one(word: str | None, usual: str | None) -> None:
    assert usual_finish_reason(word) == usual
    assert Response("4", word).is_truncated is (usual == "length")


def a_result(model: str, *reasons: str, status: str = "passed") -> Result:
    answers = tuple(Response("4", reason) for reason in reasons)
    return made(
        f"s[{model}]",
        "s",
        model,
        1,
        status,
        0.0,
        1.0,
        response=answers[-1] if answers else None,
        answers=answers if len(answers) > 1 else (),
    )


def test_a_run_is_cut_off_if_one_of_its_answers_is() -> None:
    tally = Tally()
    for one in (
        a_result("m", "length"),
        a_result("m", "stop"),
        a_result("m", "max_tokens", "end_turn", status="failed"),
        a_result("m", "MAX_TOKENS", status="error"),
        a_result("m", status="timeout"),
        a_result("other", "length"),
    ):
        tally.add(one)

    (figures, _) = tally.figures(20).models
    overall = tally.overall()

    assert (figures.truncated, figures.answered) == (3, 4)
    assert (overall.truncated, overall.answered) == (4, 5)
