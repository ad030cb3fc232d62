from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import astuple

from pytest_benchmodels.core.message import ImagePart, Message, Response, TextPart, without_data
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, CheckResult, Failure, Record, Result, Retry
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.html import island, write_html
from tests.reports.reports_parts import HOSTILE, evaluated, hostile_results, result

VOID = {"meta", "input", "rect", "link", "img", "br"}


class Page(HTMLParser):
    """The elements of a page, with what an HTML parser makes of them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.source = data.decode()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What the page's script reads."""
        found: list[dict[str, Any]] = json.loads(self.texts["script"][0])
        return found

    @property
    def text(self) -> str:
        return " ".join(self.texts["body"][0].split())


def page(results: Sequence[Result], evaluation: Evaluation | None = None) -> Page:
    stream = io.BytesIO()
    write_html(stream, evaluation or evaluated(results), iter(results))
    return Page(stream.getvalue())


def entries(results: Sequence[Result]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads("".join(island(map(Record, results), len(results))))
    return found


def test_the_figures_stand_in_the_page_without_its_script() -> None:
    shown = page([result(), result("b", status="failed", score=0.0)])
    assert "1 passed 1 failed 0 timeout 0 error 0 skipped" in shown.text
    assert "2 scenarios x 1 model = 2 runs in 0.03 min" in shown.text
    assert "run r1 · 2026-01-01 00:00 UTC · took 3.5s" in shown.text
    assert "sim/steady 1/2 50.0%" in shown.text
    assert "The list of results needs JavaScript" in shown.text


def test_gates_comparison_and_ranking_are_shown_where_there_are_any() -> None:
    now = [result(f"s{n}", model, status="failed", score=0.0) for n in range(8) for model in ("m/a", "m/b")]
    before = [result(f"s{n}", model) for n in range(8) for model in ("m/a", "m/c")]
    shown = page(now, evaluated(now, ["pass_rate >= 0.9", "error_rate == 0"], before))
    assert (
        "gate failed pass_rate >= 0.9: 0.000 (0/16), over 16 of 16 runs gate held error_rate == 0: 0.000 (0/16)"
        in shown.text
    )
    assert "Compared with the run before" in shown.text
    assert "What else changed: another version of the plugin: 0.0.9 before, 0.1.0 now" in shown.text
    assert "Got worse: 8 scenarios maths/sums.yaml::s0 1/1 → 0/1 passed" in shown.text
    assert "m/c ran only before. m/b ran only now." in shown.text
    assert "told apart: 0 of 1 pair of models" in shown.text
    assert {attributes.get("href") for attributes in shown.attributes("a")} == {
        f"#{name}" for name in ("summary", "gates", "models", "comparison", "ranking", "results")
    }


def test_nothing_ran() -> None:
    shown = page([])
    assert shown.entries == []
    assert "0 scenarios x 0 models = 0 runs" in shown.text
    assert "Gates" not in shown.text


def test_a_long_list_of_changes_is_cut_and_says_so() -> None:
    now = [result(f"s{n:03}") for n in range(105)]
    before = [result(f"s{n:03}", status="failed", score=0.0) for n in range(105)]
    shown = page(now, evaluated(now, before=before))
    assert "Got better: 105 scenarios" in shown.text
    assert "and 5 more" in shown.text


def test_a_model_tells_its_errors_and_waits() -> None:
    shown = page(
        [result(status="error", error=Failure("auth", "401"), waits={"rpm": 3.0}, cost_usd=None, response=None)]
    )
    assert "Waited 3.0s for rpm, all runs together 1 error auth : 401" in shown.text
    assert "Cost unknown" in shown.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_no_element(text: str) -> None:
    hostile = hostile_results(text)
    shown = page(hostile, evaluated(hostile, ["error_rate == 0 @ *"], hostile))
    harmless = hostile_results("text")
    expected = page(harmless, evaluated(harmless, ["error_rate == 0 @ *"], harmless))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in expected.elements]
    assert [list(attributes) for _, attributes in shown.elements] == [
        list(attributes) for _, attributes in expected.elements
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_steers_nothing(text: str) -> None:
    shown = page(hostile_results(text))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069]", shown.source)
    (said, length) = shown.entries[0]["answers"][0]
    assert length == len(text)
    assert said == re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
        lambda match: match[0].encode("unicode_escape").decode(),
        text,
    )


@given(st.text(st.characters()))
def test_no_text_ends_the_island(text: str) -> None:
    written = "".join(island([Record(result(response=Response(text)))], 1))
    assert not set(written) & set("<>&")
    assert json.loads(written)[0]["answers"][0][1] == len(text)


def policy(shown: Page) -> dict[str, str]:
    (given_policy,) = [
        str(attributes["content"])
        for attributes in shown.attributes("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    return dict(directive.strip().split(" ", 1) for directive in given_policy.split(";"))


def test_the_policy_lets_the_page_s_own_script_and_style_run_and_nothing_else() -> None:
    shown = page([result()])
    rules = policy(shown)

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashed(shown.texts["script"][1])
    assert rules["style-src"] == hashed(shown.texts["style"][0])
    assert rules["require-trusted-types-for"] == "'script'"
    # The policy has to come before all that it is to govern.
    assert [tag for tag, _ in shown.elements[:5]] == ["html", "head", "meta", "meta", "meta"]


def test_the_page_fetches_nothing_and_has_no_handler_or_style_of_an_element() -> None:
    shown = page([result()])
    names = {name for _, attributes in shown.elements for name in attributes}
    assert not names & {"src", "srcset", "action", "style", "data", "poster"}
    assert not [name for name in names if name.startswith("on")]
    assert all(str(attributes["href"]).startswith("#") for attributes in shown.attributes("a"))
    assert not re.search(r"url\(|@import", shown.texts["style"][0])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", shown.texts["script"][1])


def test_the_page_can_be_used_without_eyes_or_mouse() -> None:
    shown = page([result()])
    ids = {str(attributes["id"]) for _, attributes in shown.elements if "id" in attributes}
    assert shown.attributes("html")[0]["lang"] == "en"
    assert len(shown.attributes("caption")) == len(shown.attributes("table"))
    assert all("scope" in attributes for attributes in shown.attributes("th"))
    assert {str(attributes["aria-labelledby"]) for attributes in shown.attributes("section")} <= ids
    assert len(shown.attributes("label")) == len(shown.attributes("select")) + len(shown.attributes("input"))


def test_every_element_that_the_script_looks_for_is_there() -> None:
    shown = page([result()])
    ids = {attributes["id"] for _, attributes in shown.elements if "id" in attributes}
    wanted = set(re.findall(r'find\("(\w+)"\)', shown.texts["script"][1]))
    assert wanted
    assert wanted <= ids


def test_a_result_has_all_that_is_known_of_it() -> None:
    full = result(
        status="failed",
        score=0.5,
        threshold=0.8,
        wait_s=1.25,
        waits={"rpm": 1.25},
        attempts=2,
        response=Response("b", "length"),
        answers=(Response("a"), Response("b", "length")),
        retries=(Retry("http", "500", 1.25),),
        checks=(CheckResult("c", 0.5, passed=False, explanation="expected 1, got 2", weight=3.0, summary="c 1"),),
        cached=True,
        reuse="run r0",
    )
    assert entries([full]) == [
        {
            "nodeid": "maths/sums.yaml::add[sim/steady]",
            "scenario": "add",
            "model": "sim/steady",
            "status": "failed",
            "trial": 1,
            "score": 0.5,
            "threshold": 0.8,
            "ruling": "score 0.50 is below the threshold 0.8",
            "started": 1767225600.0,
            "duration": 2.0,
            "latency": 1.5,
            "wait": 1.25,
            "waits": {"rpm": 1.25},
            "cost": 0.25,
            "attempts": 2,
            "cached": True,
            "reuse": "run r0",
            "checks": [["c", "c 1", False, 0.5, 3.0, "expected 1, got 2"]],
            "retries": [["http", "500", 1.25]],
            "answers": [["a", 1], ["b", 1]],
            "finish": "length",
            "cut": True,
        }
    ]


def test_the_votes_of_judges_stand_with_their_check() -> None:
    votes = (Vote("a/<b>", 1.0, passed=True, confidence=0.9), Vote("a/<b>", 0.0, passed=False, order="second"))
    check = CheckResult("judge", 0.5, passed=False, explanation="", votes=votes)
    assert entries([result(checks=(check,))])[0]["checks"][0][6] == [
        ["a/<b>", True, 1.0, "", 0.9],
        ["a/<b>", False, 0.0, "second", None],
    ]


def test_checks_inside_of_others_stand_behind_them() -> None:
    inner = CheckResult("judge", 1.0, passed=True, explanation="yes", votes=(Vote("a", 1.0, passed=True),))
    outer = CheckResult("any_of", 1.0, passed=True, explanation="1 of 1 passed\npassed  judge: yes", checks=(inner,))
    (shown,) = entries([result(checks=(outer,))])[0]["checks"]
    assert shown[5:] == ["1 of 1 passed", [], [["judge", "", True, 1.0, 1.0, "yes", [["a", True, 1.0, "", None]]]]]


def test_thinking_stands_beside_its_answer() -> None:
    thoughtful = result(response=Response("b", thinking="<script>"))
    assert entries([thoughtful])[0]["answers"] == [["b", 1, "<script>", 8]]


def asked(*texts: str) -> tuple[tuple[Message, ...], ...]:
    return tuple([(Message("user", text),) for text in texts])


def told(*records: Record, runs: int | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads("".join(island(records, len(records) if runs is None else runs)))
    return found


PICTURE = ImagePart("image/png", path="/p/a.png", size=3000, digest="ab" * 32)
JUDGED = CallSummary("judge", "sim/judge", latency_s=0.5, fingerprint="judge-1")
JUDGMENT = AnsweredCall(
    *astuple(JUDGED), messages=(Message("user", "Is <b> right?"),), response=Response("yes", latency_s=0.5)
)


def test_what_was_asked_stands_beside_the_answers_turn_by_turn() -> None:
    first = (Message("system", "Be brief."), Message("user", (TextPart("What <is> this?"), PICTURE)))
    turns = without_data(first), *asked("And that?")
    answers = (Response("a"), Response("b"))
    (entry,) = told(Record(result(answers=answers, response=answers[1]), asked=turns))

    shown = "What <is> this?\n[image image/png, 3 kB, sha256:abababababababab]"
    assert entry["asked"] == [[["system", "Be brief."], ["user", shown]], [["user", "And that?"]]]
    assert entry["answers"] == [["a", 1], ["b", 1]]


def test_a_turn_without_an_answer_is_asked_all_the_same_and_those_behind_it_are_not() -> None:
    (entry,) = told(Record(result(status="error", response=None), asked=asked("One?", "Two?")))
    (second,) = told(Record(result(status="error"), asked=asked("One?", "Two?", "Three?")))

    assert entry["asked"] == [[["user", "One?"]]]
    assert "answers" not in entry
    assert second["asked"] == [[["user", "One?"]], [["user", "Two?"]]]


def test_what_other_models_were_asked_is_told_as_far_as_it_is_known() -> None:
    lost = structs.replace(JUDGED, fingerprint="judge-2", error=Failure("http", "500"))
    newer = structs.replace(JUDGED, fingerprint="judge-3", cached=True)
    (entry,) = told(Record(result(calls=(JUDGED, lost, newer)), calls=(JUDGMENT,)))

    assert entry["others"] == [
        {"purpose": "judge", "model": "sim/judge", "asked": [["user", "Is <b> right?"]], "answer": ["yes", 3]},
        {"purpose": "judge", "model": "sim/judge", "error": ["http", "500"]},
        {"purpose": "judge", "model": "sim/judge", "cached": True},
    ]


def test_the_same_question_stands_in_the_page_once() -> None:
    entries = told(*[Record(result(model=name), asked=asked(text)) for name, text in zip("abcd", "1213", strict=True)])

    assert [entry["asked"] for entry in entries] == [[[["user", "1"]]], [[["user", "2"]]], 0, [[["user", "3"]]]]


def test_a_question_that_was_cut_is_told_again_where_there_is_more_room() -> None:
    long = asked("x" * 3000)
    short_of_room = Record(result(), asked=long), Record(result("b", response=Response("y" * 9000)), asked=long)
    entries = told(*short_of_room, Record(result("c"), asked=long), runs=3)

    assert [len(str(entry["asked"])) > 3000 for entry in entries] == [True, False, False]
    assert [entry["asked"] for entry in entries[1:]] == [0, 0]
    (cut,) = told(Record(result(), asked=asked("x" * 9000)))
    assert cut["asked"] == [[["user", "x" * 5000 + "... (4000 more characters)"]]]


def test_where_there_is_no_room_questions_of_what_passed_are_left_out() -> None:
    """And those of what failed are cut: the page stays as large as it was."""
    records = [
        Record(result(status=status, calls=(JUDGED,)), calls=(JUDGMENT,), asked=asked(f"{number} {'<' * 3000}"))
        for number, status in enumerate(["passed", "failed"])
    ]
    passed, failed = told(*records, runs=100_000)

    assert passed["left_out"]
    assert "asked" not in passed
    assert passed["others"] == [{"purpose": "judge", "model": "sim/judge", "left_out": True}]
    assert failed["asked"] == [[["user", "1 " + "<" * 78 + "... (2922 more characters)"]]]
    assert "left_out" not in failed


def test_what_did_not_pass_has_more_room() -> None:
    records = [
        Record(result(str(number), status=status, response=Response("x" * 9000)))
        for number, status in enumerate(["passed", "failed"])
    ]
    entries = json.loads("".join(island(records, 10_000, 1000)))

    assert [len(entry["answers"][0][0]) for entry in entries] == [
        len(f"{'x' * limit}... ({9000 - limit} more characters)") for limit in (300, 1000)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_questions_become_no_element(text: str) -> None:
    judged = structs.replace(JUDGMENT, messages=(Message("user", text),), response=Response(text, latency_s=0.5))
    records = [Record(result(calls=(JUDGED,)), asked=asked(text), calls=(judged,))]
    evaluation = replace(evaluated([result()]), transcripts=lambda: records)
    shown, plain = page([], evaluation), page([result()])

    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    (entry,) = shown.entries
    assert entry["asked"][0][0][0] == "user"
    assert entry["others"][0]["answer"][0] == entry["asked"][0][0][1]


def test_a_score_of_nothing_is_a_score_and_no_score_is_none() -> None:
    failed, erred = entries([result(status="failed", score=0.0), result(status="error", score=None)])
    assert failed["score"] == 0
    assert "score" not in erred
    assert "cached" not in failed


def test_a_figure_that_is_no_number_is_left_out() -> None:
    assert "cost" not in entries([result(cost_usd=float("inf"))])[0]


def test_an_answer_of_ten_megabytes_is_cut_and_its_length_told() -> None:
    ((said, length),) = entries([result(response=Response("x" * 10_000_000))])[0]["answers"]
    assert length == 10_000_000
    assert said == "x" * 10_000 + "... (9990000 more characters)"


def test_many_checks_and_retries_are_cut_and_counted() -> None:
    check, retry = result().checks[0], Retry("http", "500", 1.0)
    (entry,) = entries([result(checks=(check,) * 60, retries=(retry,) * 70)])
    assert (len(entry["checks"]), entry["more_checks"]) == (50, 10)
    assert (len(entry["retries"]), entry["more_retries"]) == (50, 20)


def long_results(count: int, text: str) -> Iterator[Result]:
    return (result(f"s{number}", response=Response(text)) for number in range(count))


@pytest.mark.parametrize("text", ["a word " * 1000, "<" * 5000, "\u202e" * 5000, "語" * 5000])
def test_a_result_of_twelve_thousand_takes_its_share_of_15_megabytes_at_most(text: str) -> None:
    size = sum(len(piece.encode()) for piece in island(map(Record, long_results(200, text)), 12_000))
    assert size < 200 * 14_000_000 / 12_000


def test_what_short_answers_leave_is_the_long_ones() -> None:
    pieces = list(island(map(Record, [*long_results(1999, "short"), *long_results(1, "x" * 9000)]), 2000))
    assert "x" * 9000 in pieces[-2]
