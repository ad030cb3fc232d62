from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pytest_benchmodels.core.message import Message
from pytest_benchmodels.core.scenario import Check, Scenario, Turn
from tests.formats.formats_loading import Contains, Equals, Loader, MaxWords

CONTRACT = """\
defaults:
  models: [openai/gpt-4o-mini, anthropic/claude-haiku-4-5]
  system: Answer briefly.
  params: {temperature: 0, max_tokens: 200}
scenarios:
  - id: add-two
    prompt: What is 2 + 2? Answer with the number only.
    checks:
      - equals: "4"
  - id: capital
    prompt: Name the capital of France.
    tags: [smoke, geography]
    timeout: 30
    checks:
      - contains: Paris
        ignore_case: true
        weight: 3
      - max_words: 20
"""


def user(text: str) -> tuple[Turn, ...]:
    return (Turn((Message("user", text),)),)


def test_the_contracts_example(files: Loader) -> None:
    shared = {
        "system": "Answer briefly.",
        "models": ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"),
        "params": {"temperature": 0, "max_tokens": 200},
    }
    add_two, capital = files.scenarios(CONTRACT)
    assert add_two == Scenario(
        id="add-two",
        source="suite.yaml:6",
        turns=user("What is 2 + 2? Answer with the number only."),
        checks=(Check("equals", "equals", "equals '4'", Equals("4")),),
        **shared,  # type: ignore[arg-type]  # three fields of three types
    )
    assert capital == Scenario(
        id="capital",
        source="suite.yaml:10",
        turns=user("Name the capital of France."),
        tags=("smoke", "geography"),
        timeout_s=30.0,
        checks=(
            Check("contains", "contains", "contains 'Paris' (ignore_case)", Contains("Paris", ignore_case=True), 3.0),
            Check("max_words", "max_words", "max_words 20", MaxWords(20)),
        ),
        **shared,  # type: ignore[arg-type]  # the same
    )


def test_a_file_of_one_scenario_takes_its_id_from_its_name(files: Loader) -> None:
    scenario = files.one("prompt: Hello\n", "greeting.yaml")
    assert scenario == Scenario("greeting", "greeting.yaml:1", user("Hello"))


def test_every_key_of_a_scenario(files: Loader) -> None:
    scenario = files.one("""
id: all
messages:
  - {role: system, content: Be kind.}
  - {role: user, content: Hello}
system: Briefly.
models: [sim/steady, sim/steady]
params: {top_p: 0.5}
target: 4
threshold: 0.5
timeout: 0
repeat: 3
tags: [a, b.c-d, a]
skip: not yet
xfail: true
metadata: {origin: {page: 3}}
""")
    assert scenario == Scenario(
        id="all",
        source="suite.yaml:1",
        turns=(Turn((Message("system", "Be kind."), Message("user", "Hello"))),),
        system="Briefly.",
        models=("sim/steady",),
        params={"top_p": 0.5},
        target="4",
        threshold=0.5,
        timeout_s=0.0,
        repeat=3,
        tags=("a", "b.c-d"),
        skip="not yet",
        xfail="no reason given",
        metadata={"origin": {"page": 3}},
    )


def test_turns_have_checks_of_their_own(files: Loader) -> None:
    scenario = files.one("""
turns:
  - Hello
  - prompt: And now?
    checks: [{equals: Bye}]
  - messages: [{role: assistant, content: So}, {role: user, content: What?}]
checks: [{equals: End}]
""")
    bye, end = (Check("equals", "equals", f"equals '{word}'", Equals(word)) for word in ("Bye", "End"))
    assert scenario.turns == (
        Turn((Message("user", "Hello"),)),
        Turn((Message("user", "And now?"),), (bye,)),
        Turn((Message("assistant", "So"), Message("user", "What?"))),
    )
    assert scenario.checks == (end,)


def test_defaults_merge_add_up_or_give_way(files: Loader) -> None:
    (scenario,) = files.scenarios("""
defaults:
  system: default
  params: {temperature: 0, seed: 1}
  vars: {who: you, what: that}
  tags: [first]
  checks: [{contains: a}]
  threshold: 0.2
  metadata: {kept: false}
  skip: true
scenarios:
  - id: x
    prompt: "{{ who }} {{ what }}"
    params: {seed: 2}
    vars: {who: me}
    tags: [second]
    checks: [{contains: b}]
    metadata: {mine: true}
    skip: false
    system: ""
""")
    assert scenario.turns == user("me that")
    assert scenario.params == {"temperature": 0, "seed": 2}
    assert scenario.tags == ("first", "second")
    assert [check.summary for check in scenario.checks] == ["contains 'a'", "contains 'b'"]
    assert scenario.threshold == 0.2
    assert scenario.metadata == {"mine": True}
    assert scenario.skip is None
    assert scenario.system is None


CHECKS: list[tuple[object, tuple[str, str, float, bool]]] = [
    ({"equals": "a", "not": True}, ("equals", "not equals 'a'", 1.0, True)),
    ({"equals": "a", "name": "polite", "weight": 0}, ("polite", "equals 'a'", 0.0, False)),
    ({"number": 3, "tolerance": 0.5}, ("number", "number 3 (tolerance=0.5)", 1.0, False)),
    ({"json": True}, ("json", "json", 1.0, False)),
    ({"json": False}, ("json", "json false", 1.0, False)),
    ({"any_of": ["a", "b"], "equals": True}, ("any_of", "any_of ['a', 'b'] (equals)", 1.0, False)),
    ("json", ("json", "json", 1.0, False)),
]


@pytest.mark.parametrize(("written", "expected"), CHECKS)
def test_a_check_in_a_readers_words(files: Loader, written: object, expected: tuple[str, str, float, bool]) -> None:
    scenario = files.one(json.dumps({"prompt": "x", "checks": [written]}), "suite.json")
    (check,) = scenario.checks
    assert (check.label, check.summary, check.weight, check.negate) == expected


MANY = {"scenarios": [{"id": "a", "prompt": "A"}, {"id": "b", "prompt": "B", "checks": [{"equals": "b"}]}]}


def test_json_is_read_as_yaml_is(files: Loader) -> None:
    a, b = files.scenarios(json.dumps(MANY, indent=1), "suite.json")
    assert (a.id, a.source, a.turns) == ("a", "suite.json:3", user("A"))
    assert (b.id, b.source, b.checks[0].grader) == ("b", "suite.json:7", Equals("b"))


def test_jsonl_has_one_scenario_a_line(files: Loader) -> None:
    first, second = MANY["scenarios"]
    content = f"\ufeff{json.dumps(first)}\r\n\n  \n{json.dumps(second)}"
    a, b = files.scenarios(content, "suite.jsonl")
    assert [(one.id, one.source) for one in (a, b)] == [("a", "suite.jsonl:1"), ("b", "suite.jsonl:4")]


def test_an_editors_schema_key_is_no_scenarios(files: Loader) -> None:
    assert files.one('{"$schema": "s.json", "id": "a", "prompt": "x"}', "a.json").id == "a"
    assert files.one("$schema: s.json\nscenarios: [{id: a, prompt: x}]").id == "a"


FOREIGN: list[tuple[str, object]] = [
    ("a list", [1, 2]),
    ("a text", "hello"),
    ("package data", {"name": "x", "dependencies": {}}),
    ("another tool's", {"id": "a", "prompt": "x", "temperature": 1}),
    ("a record without an id", {"prompt": "x"}),
]


@pytest.mark.parametrize("value", [value for _, value in FOREIGN], ids=[name for name, _ in FOREIGN])
def test_other_peoples_json_is_left_out(files: Loader, value: object) -> None:
    assert files.maybe(json.dumps(value), "data.json") is None
    assert files.maybe(json.dumps(value) + "\n{broken", "data.jsonl") is None


NATIVE: list[Mapping[str, object]] = [
    {"scenarios": 3},
    {"id": "a", "prompt": 3},
    {"id": "a", "messages": [], "checks": [], "unknown": 1},
    {"prompt": "x", "checks": 3},
]


@pytest.mark.parametrize("value", NATIVE)
def test_what_is_recognisably_ours_has_to_be_right(files: Loader, value: Mapping[str, object]) -> None:
    assert files.problems(json.dumps(value), "data.json")


def test_a_foreign_file_that_was_named_is_a_problem(files: Loader) -> None:
    expected = "data.json:1: no format recognises this file: a scenario file has 'scenarios', or an id and a prompt"
    assert files.problems("[1]", "data.json", named=True) == [expected]


def test_broken_json_counts_by_what_could_be_read(files: Loader) -> None:
    assert files.maybe('{"name": [1,}', "data.json") is None
    named = files.problems('{"name":\n [1,}', "data.json", named=True)
    assert named == ["data.json:2: not readable as JSON: expected a value, got '}'"]
    ours = files.problems('{"scenarios": [\n{"id": "a",\n"prompt": "x",}]}', "suite.json")
    assert ours == ["suite.json:3: not readable as JSON: expected a key in double quotes, got '}'"]


def test_all_broken_lines_of_a_jsonl_file_are_told(files: Loader) -> None:
    problems = files.problems('{"id": "a", "prompt": "x"}\n{oops}\n\n{"id": "b"', "suite.jsonl")
    told = "(JSONL holds one whole object a line; an object over several lines is a .json file)"
    assert problems == [
        f"suite.jsonl:2: not readable as JSON at 'oops}}' {told}",
        "suite.jsonl:4: not readable as JSON: expected ',' or '}', got the end of the file",
    ]
