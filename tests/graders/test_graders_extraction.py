"""`extract`: what is taken out of an answer, and what is said where it is not there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.errors import CallError, CheckError
from pytest_benchmodels.core.fingerprint import grade_fingerprint
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Check, Grader, Scenario, Turn
from pytest_benchmodels.engine.grading import is_bounded, judge
from pytest_benchmodels.graders import BUILTIN, Extract, example_answer
from tests.graders.grading_contexts import context


def step(**options: object) -> Extract:
    return msgspec.convert(options, Extract)


def check(options: dict[str, Any], *steps: Extract, negate: bool = False) -> Check:
    kind = next(iter(options))
    grader: Grader = msgspec.convert(options, BUILTIN[kind])
    return Check(kind, kind, kind, grader, negate=negate, extract=steps)


def verdict(made: Check, answer: str) -> CheckResult:
    (found,) = asyncio.run(judge((made,), context(answer)))
    return found


@pytest.mark.parametrize(
    ("options", "answer", "part"),
    [
        ({"after": "Answer:"}, "Answer: 1\nAnswer:\n 2 \n", "2"),
        ({"after": "Answer:"}, "__Answer:__ 2", "2"),
        ({"after": "answer:", "ignore_case": True}, "ANSWER: 2", "2"),
        ({"after": "Answer:"}, "Answer: \n", None),
        ({"after": "(?)"}, "(?)x", "x"),
        ({"line": "first"}, "\n \n a \nb", "a"),
        ({"line": "last"}, "a\r\nb\r\n", "b"),
        ({"line": 2}, "a\n\nb\nc", "b"),
        ({"line": 4}, "a\n\nb\nc", None),
        ({"line": "last"}, "", None),
        ({"last_number": True}, "from 1 to 1,234.50", "1234.50"),
        ({"last_number": True}, "1e3", "1000"),
        ({"last_number": True}, f"1{'0' * 40}", f"1{'0' * 40}"),
        ({"last_number": True}, "1/0", None),
        ({"regex": "a(b)?c"}, "ac", None),
        ({"regex": "a(b)c", "group": 0}, "xabc", "abc"),
        ({"regex": "A(?P<x>.)", "group": "x", "ignore_case": True}, "ab", "b"),
        ({"json_path": "$.a"}, 'It is {"a": "b"}.', "b"),
        ({"json_path": "$.a"}, '{"a": {"b": null}}', '{"b": null}'),
        ({"json_path": "$.a[*]"}, '{"a": [1, "é"]}', '[1, "é"]'),
        ({"json_path": "$.b"}, '{"a": 1}', None),
        ({"json_path": "$"}, "no JSON", None),
        ({"json_path": "$.a"}, '{"a": ""}', None),
        ({"code_block": "py"}, "```Python3\n  x = 1\n```", "  x = 1"),
        ({"code_block": "python"}, "````python\n```\n````", "```"),
        ({"code_block": "python"}, "```\na\n```\n```python\nb\n```", "b"),
        ({"code_block": True}, "~~~js {1}\na\n~~~", "a"),
        ({"code_block": "python"}, "``` inline ``` python", None),
        ({"code_block": "python"}, "    ```python\n    a\n", None),
        ({"code_block": "python"}, "```python\n```", None),
    ],
)
def test_the_part_is_found(options: dict[str, Any], answer: str, part: str | None) -> None:
    assert step(**options).find(answer) == part


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "got none of them"),
        ({"after": "a", "line": "last"}, "got after and line"),
        ({"line": "last", "group": 1}, "`group` names a part of what `regex` matched"),
        ({"line": "last", "ignore_case": True}, "`ignore_case` goes with `regex` and `after`"),
        ({"regex": "(a)", "group": 2}, "/(a)/ has no group 2: it has 0, 1"),
        ({"regex": "(?P<x>a)", "group": "y"}, "has no group 'y': it has 0, 1, x"),
        ({"regex": "("}, "is no pattern that can be compiled"),
        ({"json_path": "a.b"}, "'a.b' is no JSONPath, such as '$.items[0].price'"),
        ({"json_path": "$" + "[?(" * 300}, "is no JSONPath"),
        ({"json_path": "$" + ".a" * 600}, "a path may have 1,000 characters, this one has 1,201"),
    ],
)
def test_a_step_that_cannot_be_taken_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(said)):
        step(**options)


@pytest.mark.parametrize("negate", [False, True])
def test_an_answer_without_the_part_fails_the_check_and_its_opposite(negate: bool) -> None:  # noqa: FBT001 - parametrized
    found = verdict(check({"contains": "x"}, step(after="Answer:"), negate=negate), "x")

    assert (found.passed, found.score) == (False, 0)
    assert found.explanation == "nothing to judge: found no text after 'Answer:' in 'x'"


def test_steps_follow_each_other_and_an_optional_one_is_left_out() -> None:
    steps = (step(code_block="json", optional=True), step(json_path="$.a"), step(line="last"))

    assert verdict(check({"equals": "d"}, *steps), '{"a": "c\\nd"}').passed
    assert verdict(check({"equals": "d"}, *steps), '{"a": 1}\n```json\n{"a": "d"}\n```').passed
    assert "found no value at '$.a'" in verdict(check({"equals": "d"}, *steps), "d").explanation


def test_patterns_and_paths_take_their_time_elsewhere() -> None:
    def scenario(*steps: Extract) -> Scenario:
        return Scenario("a", "a.yaml:1", (Turn((Message("user", "?"),)),), (check({"equals": "1"}, *steps),))

    assert is_bounded(scenario(step(line="last"), step(after="x")))
    assert not is_bounded(scenario(step(line="last"), step(regex="x")))
    assert not is_bounded(scenario(step(json_path="$")))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("$..*..*..*", "[" * 60 + ",".join("1" * 400) + "]" * 60),
        ("$..[?@..*]", "[" * 60 + ",".join(["[1]"] * 5000) + "]" * 60),
        ("$[?@[?count(@[*]) > 70]]", str([[[1] * 60] * 60] * 60)),
        ("$.*.*", '{"' + "k" * 400_000 + '": [' + ",".join("1" * 200_000) + "]}"),
        ("$[0:][0:][0:]", str([[[1] * 500] * 500])),
    ],
)
def test_a_path_that_would_take_too_long_is_an_error(path: str, answer: str) -> None:
    with pytest.raises(CheckError, match="took more than 200,000 steps or 10 s"):
        verdict(check({"contains": "1"}, step(json_path=path)), answer)


def test_a_hostile_pattern_in_the_answer_ends() -> None:
    answer = '[{"p": "(a|aa)+$", "t": "%s!"}]' % ("a" * 100)

    with pytest.raises(CheckError, match="took more than 1 s"):
        verdict(check({"contains": "1"}, step(json_path="$[?search(@.t, @.p)]")), answer)


def test_what_was_kept_without_extract_is_judged_as_before() -> None:
    def of(*steps: Extract) -> str:
        turn = Turn((Message("user", "?"),))
        return grade_fingerprint(Scenario("a", "a.yaml:1", (turn,), (check({"equals": "1"}, *steps),)))

    assert of() == "2-74234e98-fcece43da1e08e077968a2a003fc1124"
    assert len({of(), of(step(line="last")), of(step(line="first")), of(step(line="last"), step(line="last"))}) == 4


@pytest.mark.parametrize(
    "steps",
    [
        [step(after="Answer:")],
        [step(last_number=True)],
        [step(code_block="python")],
        [step(code_block=True), step(json_path="$.a.b")],
        [step(line="last")],
    ],
)
def test_a_simulated_model_answers_so_that_the_part_is_there(steps: list[Extract]) -> None:
    made = check({"equals": "42"}, *steps)

    assert verdict(made, example_answer((made,), None)).passed


def test_a_judge_is_told_the_part_and_the_question_that_it_answers() -> None:
    asked: list[str] = []

    async def ask(model: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:
        asked.append(str(messages[-1].content))
        return Response('{"reasons": "", "verdict": "yes", "confidence": 1}')

    made = check({"judge": "Right?", "model": "sim/judge"}, step(after="Answer:"))
    whole = context("Thinking. Answer: 42")
    first, later = whole.transcript.calls[0], whole.transcript.calls[0]
    later = msgspec.structs.replace(
        later,
        request=msgspec.structs.replace(later.request, messages=(Message("user", "And then?"),)),
        response=Response("later"),
    )
    transcript = msgspec.structs.replace(whole.transcript, calls=(first, later))

    (found,) = asyncio.run(judge((made,), msgspec.structs.replace(whole, transcript=transcript, asking=ask)))

    assert found.passed
    assert ">\n42\n<" in asked[0]
    assert "Thinking" not in asked[0]
    assert "And then?" not in asked[0]


def test_an_error_of_a_check_inside_names_the_way_to_it() -> None:
    inner = check({"judge": "Right?", "model": "sim/judge"})
    outer = Check("all_of", "good", "", BUILTIN["all_of"](all_of=(inner,)))

    with pytest.raises(CallError, match=re.escape("check 'good > judge' has no verdict: sim/judge cannot be asked")):
        verdict(outer, "x")
