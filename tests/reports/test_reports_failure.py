from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import CallSummary, CheckResult, Failure, Result, Retry, Status
from pytest_benchmodels.reports.failure import failure_headline, failure_text
from tests.core.made_results import made


def a_result(status: Status = "failed", **facts: Any) -> Result:
    given = {"scenario": "capital", "model": "openai/gpt-4o-mini", "trial": 1, "started_at": 0.0, "duration_s": 2.5}
    return made(nodeid="a.yaml::capital[openai/gpt-4o-mini]", status=status, **{**given, **facts})


PARIS = CheckResult(
    "contains", 0.0, passed=False, explanation="expected 'Paris', got 'Rome'", weight=3.0, summary="contains 'Paris'"
)
SHORT = CheckResult("max_words", 1.0, passed=True, explanation="1 word", summary="max_words 20")


def test_a_wrong_answer_is_told_from_its_checks() -> None:
    result = a_result(score=0.25, latency_s=1.9, checks=(SHORT, PARIS), response=Response("Rome", "stop"))
    assert failure_text(result).splitlines() == [
        "1 of 2 checks failed: contains 'Paris' (openai/gpt-4o-mini, 1.9s)",
        "  failed  contains 'Paris' (weight 3): expected 'Paris', got 'Rome'",
        "  passed  max_words 20",
        "answer: Rome",
    ]


def test_the_headline_is_the_first_line() -> None:
    result = a_result(score=0.25, checks=(PARIS,), response=Response("Rome"))
    assert failure_text(result).splitlines()[0] == failure_headline(result)


def test_the_headline_names_two_checks_and_counts_the_others() -> None:
    failed = tuple(CheckResult(name, 0.0, passed=False, explanation="") for name in ("one", "two", "three", "four"))
    assert "4 of 4 checks failed: one, two and 2 more (" in failure_headline(a_result(score=0.0, checks=failed))
    assert "2 of 2 checks failed: one, two (" in failure_headline(a_result(score=0.0, checks=failed[:2]))


def test_a_partial_score_is_named_where_every_check_passed() -> None:
    check = CheckResult("similar", 0.85, passed=True, explanation="", summary="similar 'x'")
    lines = failure_text(a_result(score=0.925, threshold=0.95, latency_s=1.0, checks=(SHORT, check))).splitlines()
    assert lines[0] == "score 0.93 is below the threshold 0.95; only partly met similar 'x' (openai/gpt-4o-mini, 1.0s)"
    assert lines[2] == "  passed  similar 'x' (score 0.85)"


def test_a_check_without_weight_is_no_culprit() -> None:
    watched = CheckResult("no-filler", 0.0, passed=False, explanation="", weight=0.0)
    headline, *details = failure_text(a_result(score=0.0, checks=(watched, PARIS))).splitlines()
    assert headline.startswith("1 of 1 check failed: contains 'Paris' (")
    assert details[1] == "  failed  no-filler (weight 0: only informs)"


def test_a_score_just_below_its_threshold_is_told_apart_from_it() -> None:
    def told(score: float, threshold: float) -> str:
        return failure_headline(a_result(score=score, threshold=threshold, checks=(PARIS, SHORT)))

    assert told(0.999, 1.0).startswith("score 0.999 is below the threshold 1; failed contains 'Paris' (")
    assert told(0.66, 0.67).startswith("score 0.66 is below the threshold 0.67; ")
    assert told(0.7996, 0.8).startswith("score 0.7996 is below the threshold 0.8; ")
    assert told(0.7999999999999999, 0.8).startswith(
        "score 0.80 is below the threshold 0.8, by a rounding error of the version that judged it; "
    )


def test_a_long_answer_is_cut_and_says_so() -> None:
    text = failure_text(a_result(score=0.0, response=Response("x" * 4310)))
    assert text.splitlines()[-1] == "answer: " + "x" * 2000 + "... (2310 more characters)"


def test_an_answer_of_several_lines_is_indented() -> None:
    text = failure_text(a_result(score=0.0, response=Response("Rome\nor Paris")))
    assert text.splitlines()[-2:] == ["answer: Rome", "  or Paris"]


def test_an_empty_answer_is_called_empty() -> None:
    assert failure_text(a_result(score=0.0, response=Response(""))).splitlines()[-1] == "answer: (empty)"


def test_thinking_is_no_answer_and_told_of() -> None:
    text = failure_text(a_result(score=0.0, response=Response("", "length", thinking="hm, hm")))
    assert text.splitlines()[-1] == (
        "answer (cut off, finish_reason length): (empty; 6 characters of thinking are no answer)"
    )


def test_an_answer_that_did_not_stop_by_itself_says_why_it_ended() -> None:
    text = failure_text(a_result(score=0.0, response=Response("Ro", "length")))
    assert text.splitlines()[-1] == "answer (cut off, finish_reason length): Ro"


@pytest.mark.parametrize("reason", ["stop", "end_turn", "STOP", None])
def test_an_answer_that_ended_by_itself_needs_no_reason(reason: str | None) -> None:
    text = failure_text(a_result(score=0.0, response=Response("Ro", reason)))
    assert text.splitlines()[-1] == "answer: Ro"


def test_many_checks_are_cut_after_the_failed_ones() -> None:
    lines = failure_text(a_result(score=0.1, checks=(SHORT,) * 50 + (PARIS,))).splitlines()
    assert lines[1].startswith("  failed  contains 'Paris'")
    assert lines[-1] == "  and 21 more checks"


def test_a_timeout_names_limit_model_scenario_and_attempts() -> None:
    failure = Failure("timeout", "Timeout (>180.0s): attempt 2 was not answered")
    result = a_result("timeout", model="sim/hang", scenario="slow-one", attempts=2, error=failure)
    assert failure_text(result) == (
        "Timeout (>180.0s): attempt 2 was not answered (sim/hang on 'slow-one', 2 attempts)"
    )


def test_a_timeout_after_an_answer_shows_the_answer() -> None:
    failure = Failure("timeout", "Timeout (>30.0s): the model answered, but a check did not finish")
    result = a_result("timeout", attempts=1, response=Response("Rome"), error=failure)
    assert failure_text(result).splitlines() == [
        "Timeout (>30.0s): the model answered, but a check did not finish (openai/gpt-4o-mini on 'capital', 1 attempt)",
        "answer: Rome",
    ]


@pytest.mark.parametrize(
    ("name", "summary", "shown"),
    [
        ("contains", "contains 'Paris'", "contains 'Paris'"),
        ("contains", "not contains 'Paris'", "not contains 'Paris'"),
        ("turn 1: contains", "contains 'Paris'", "turn 1: contains 'Paris'"),
        ("polite", "contains 'please'", "polite: contains 'please'"),
        ("turn 2: polite", "not contains 'damn'", "turn 2: polite: not contains 'damn'"),
        ("polite", "", "polite"),
    ],
)
def test_a_check_is_told_by_its_turn_and_name(name: str, summary: str, shown: str) -> None:
    check = CheckResult(name, 0.0, passed=False, explanation="", summary=summary)
    assert failure_text(a_result(score=0.0, checks=(check,))).splitlines()[1] == f"  failed  {shown}"


def test_an_error_tells_its_kind_its_attempts_and_what_to_do() -> None:
    result = a_result(
        "error",
        attempts=3,
        error=Failure("rate-limit", "429 Too Many Requests"),
        retries=(Retry("overloaded", "503 busy", 0.25), Retry("rate-limit", "429 Too Many Requests", 1.5)),
    )
    assert failure_text(result).splitlines() == [
        "rate-limit: 429 Too Many Requests (openai/gpt-4o-mini, 3 attempts, 2.5s)",
        "  remedy: lower --bench-concurrency, or set rpm and tpm of the model in bench.toml",
        "  attempt 1  overloaded: 503 busy; waited 250ms",
        "  attempt 2  rate-limit: 429 Too Many Requests; waited 1.5s",
    ]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("auth", "set the environment variable of the model's key to one that is valid for this provider"),
        ("bad-request", "look at the scenario's and the model's params: this API refused one of them"),
        ("connection", "see whether the server runs and whether the model's base_url is right"),
        ("content-filter", "change the prompt, or the filter's settings at the provider: the model has not seen it"),
        ("context-length", "shorten the prompt, lower max_tokens, or take a model with a larger context"),
        ("quota", "top up the account or raise its limit at the provider, then finish the run with --bench-resume"),
        ("malformed", "see whether the model's base_url points to the API that its provider speaks"),
        ("not-found", "see whether the model's name and base_url are right"),
        ("overloaded", "allow more attempts with --bench-retries, or more time with --bench-timeout"),
        (
            "redirect",
            "set the model's base_url to the final address: no redirect is followed, it could carry the key away",
        ),
        ("too-large", "lower max_tokens in params: a reply is read up to a limit only"),
    ],
)
def test_a_known_error_has_a_remedy(kind: str, remedy: str) -> None:
    assert failure_text(a_result("error", error=Failure(kind, "no"))).splitlines()[1] == f"  remedy: {remedy}"


def test_an_error_with_a_remedy_of_its_own_shows_that() -> None:
    failed = a_result("error", error=Failure("bad-request", "no", "look at the scenario's images"))

    assert failure_text(failed).splitlines()[1] == "  remedy: look at the scenario's images"


def test_many_attempts_are_cut() -> None:
    retries = (Retry("rate-limit", "HTTP 429", 0.5),) * 13
    lines = failure_text(a_result("error", error=Failure("rate-limit", "no"), retries=retries)).splitlines()
    assert lines[-2:] == ["  attempt 10  rate-limit: HTTP 429; waited 500ms", "  and 3 more attempts"]


def test_of_several_answers_requests_are_told() -> None:
    retries = (Retry("rate-limit", "HTTP 429", 0.5),) * 13
    once = (CallSummary("answer", "m"), CallSummary("judge", "j"))
    failure = Failure("rate-limit", "no")
    of_one = a_result("error", error=failure, attempts=14, retries=retries, calls=once)
    of_two = a_result("error", error=failure, attempts=14, retries=retries, calls=(*once, CallSummary("answer", "m")))

    assert ", 14 attempts, " in failure_text(of_one)
    lines = failure_text(of_two).splitlines()
    assert ", 14 requests, " in lines[0]
    assert lines[-2:] == ["  failed request 10  rate-limit: HTTP 429; waited 500ms", "  and 3 more failed requests"]


def test_an_error_of_another_kind_is_its_headline_only() -> None:
    text = failure_text(a_result("error", error=Failure("check-crashed", "ZeroDivisionError: division by zero")))
    assert text == "check-crashed: ZeroDivisionError: division by zero (openai/gpt-4o-mini, 2.5s)"


def test_an_error_without_a_reason_says_that() -> None:
    assert failure_text(a_result("error")) == "unknown: no reason was given (openai/gpt-4o-mini, 2.5s)"


def test_a_message_too_long_for_the_headline_follows_it() -> None:
    headline, *details = failure_text(a_result("error", error=Failure("http", "one\ntwo"))).splitlines()
    assert headline.startswith("http: one two (")
    assert details == ["  one", "  two"]


HOSTILE = st.text(st.sampled_from("a \n\r\t\x00\x07\x1b\x9b\u202e\u2028\ud800'\"{}"), max_size=60)
STATUSES = st.sampled_from(["failed", "error", "timeout", "passed", "skipped"])


@given(STATUSES, HOSTILE, HOSTILE)
def test_no_text_steers_the_terminal(status: Status, text: str, other: str) -> None:
    result = a_result(
        status,
        scenario=text,
        model=other,
        checks=(CheckResult(text, 0.5, passed=False, explanation=other),),
        response=Response(text, other),
        error=Failure("http", text),
        retries=(Retry("http", other, 1.0),),
    )
    shown = failure_text(result)
    assert not set(shown) & set("\r\x00\x07\x1b\x9b\u202e\u2028\ud800")
    assert "\n" not in failure_headline(result)
    assert shown.startswith(failure_headline(result))


def test_megabytes_of_hostile_text_stay_short() -> None:
    huge = "\x1b[2J\n" * 1_000_000
    result = a_result(
        "error", error=Failure("http", huge), response=Response(huge), retries=(Retry("http", huge, 1.0),)
    )
    assert len(failure_text(result)) < 20_000
