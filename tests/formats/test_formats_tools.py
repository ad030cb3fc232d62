"""Tools of a scenario and the checks of them: what is wrong with one is told before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Grader, Scenario
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, schema_faults

OPTIONS = LoadOptions(BUILTIN, validator=schema_faults)


def loaded(folder: Path, text: str, options: LoadOptions = OPTIONS) -> list[Scenario]:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return list(load(path, path.name, options, named=True) or ())


def problems(folder: Path, text: str, options: LoadOptions = OPTIONS) -> list[str]:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(folder, text, options)
    return str(caught.value).split("\n")


def with_tool(*more: str) -> str:
    return "\n".join(("id: a", "prompt: Hi", "tools:", "  - name: look_up", "    results: x", *more))


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("tool_called: ''", "tool_called must not be empty"),
        ("tools_called: ['']", "an entry of tools_called must not be empty"),
        ("tool_not_called: ''", "tool_not_called must not be empty"),
        ("tool_not_called: false", "tool_not_called must be text or true, got False"),
        ("tool_not_called: 5", "tool_not_called must be true or false or text, got 5: put it in quotes"),
        ("steps_at_most: 0", "steps_at_most must be a whole number >= 1, got 0"),
    ],
)
def test_a_check_that_nothing_or_everything_satisfies(check: str, said: str, tmp_path: Path) -> None:
    assert problems(tmp_path, with_tool("checks:", f"  - {check}")) == [f"suite.yaml:7: {said}"]


def test_rules_of_names_are_told_in_words(tmp_path: Path) -> None:
    rule = "made of letters, digits, _ and -, a letter or _ first, and 64 at most"
    assert problems(tmp_path, "id: a\nprompt: Hi\ntools: [{name: a b, results: x}]") == [
        f"suite.yaml:3: name must be {rule}, got 'a b'"
    ]
    rule = "one character, and neither a quote nor the end of a line"
    assert problems(tmp_path, "id: a\nprompt: Hi\ndataset: {file: a.csv, delimiter: xx}") == [
        f"suite.yaml:3: delimiter must be {rule}, got 'xx'"
    ]


def test_a_part_without_a_text(tmp_path: Path) -> None:
    said = ["suite.yaml:2: text must not be empty"]

    assert problems(tmp_path, "id: a\nprompt: [{text: ''}]") == said
    assert problems(tmp_path, "id: a\nmessages: [{role: user, content: [{text: ''}]}]") == said
    assert problems(tmp_path, "id: a\nmessages: [{role: assistant, content: ''}]") == [
        "suite.yaml:2: content must not be empty"
    ]


def test_a_template_that_fails_is_the_only_fault_of_an_image(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, "id: a\nvars: {b: c}\nprompt: [{image: '{{ picture }}'}]")

    assert said.startswith("suite.yaml:3: image: ")
    assert "picture" in said


def test_a_choice_that_is_not_there_names_its_scenario(tmp_path: Path) -> None:
    assert problems(tmp_path, "id: a\nprompt: Hi\ntool_choice: auto") == [
        (
            "suite.yaml:3: tool_choice 'auto' of scenario 'a': there are no tools to choose from: "
            "write `tools:`, or leave tool_choice out"
        )
    ]
    defaults = "defaults: {tool_choice: look_up}\nscenarios:\n- {id: a, prompt: Hi, tools: [{name: look, results: x}]}"
    assert problems(tmp_path, defaults) == [
        (
            "suite.yaml:1: tool_choice 'look_up' of scenario 'a': it is one of auto, none, required, look; "
            "did you mean 'look'?"
        )
    ]


def test_a_form_that_was_pasted_from_openai(tmp_path: Path) -> None:
    pasted = "id: a\nprompt: Hi\nresponse_format: {type: json_schema, json_schema: %s}"
    (one,) = loaded(tmp_path, pasted % "{name: n, strict: false, schema: {type: object}}")
    described = {"name": "n", "strict": False, "schema": {"type": "object"}}
    assert one.params == {"response_format": {"type": "json_schema", "json_schema": described}}
    (one,) = loaded(tmp_path, "id: a\nprompt: Hi\nresponse_format: {type: json_object}")
    assert one.params == {"response_format": {"type": "json_object"}}
    (one,) = loaded(tmp_path, "id: a\nprompt: Hi\nresponse_format: {type: text}")
    assert one.params == {}
    (said,) = problems(tmp_path, pasted % "{name: n}")
    assert said.startswith("suite.yaml:3: response_format of type json_schema holds no schema: write")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{type: array, items: {}}", "type has to be object, for arguments have names, got 'array'"),
        ("{type: [object, 'null']}", "type has to be object, for arguments have names, got ['object', 'null']"),
        (
            "{city: {type: string}, day: {}}",
            "'city' is no keyword of a JSON Schema: write {type: object, properties: {city: ...}}",
        ),
        (
            "{type: object, properties: {city: {type: sting}}}",
            "no JSON Schema: at $.properties.city.type: 'sting' is not valid under any of the given schemas",
        ),
    ],
)
def test_parameters_that_are_none_of_an_object(written: str, said: str, tmp_path: Path) -> None:
    tool = f"id: a\nprompt: Hi\ntools:\n  - name: b\n    results: x\n    parameters: {written}"

    assert problems(tmp_path, tool) == [f"suite.yaml:6: parameters of tool 'b': {said}"]


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("{}", {"type": "object", "properties": {}}),
        ("{type: object}", {"type": "object", "properties": {}}),
        ("{properties: {a: {}}}", {"type": "object", "properties": {"a": {}}}),
        (
            "{$defs: {a: {}}, required: [a]}",
            {"type": "object", "properties": {}, "$defs": {"a": {}}, "required": ["a"]},
        ),
    ],
)
def test_parameters_are_completed(written: str, whole: dict[str, object], tmp_path: Path) -> None:
    (one,) = loaded(tmp_path, f"id: a\nprompt: Hi\ntools: [{{name: b, results: x, parameters: {written}}}]")

    assert one.tools[0].parameters == whole


@pytest.mark.parametrize("name", ["auto", "none", "required"])
def test_a_tool_that_no_choice_could_name(name: str, tmp_path: Path) -> None:
    said = f"suite.yaml:3: tool '{name}': that word means something else in `tool_choice`: "
    served = replace(OPTIONS, servers={"shop": lambda: [replace(SHOP, name=name)]})

    assert problems(tmp_path, f"id: a\nprompt: Hi\ntools: [{{name: {name}, results: x}}]") == [
        f"{said}give it another name"
    ]
    assert problems(tmp_path, "id: a\nprompt: Hi\ntools: [{mcp: shop}]", served) == [f"{said}leave it out by `only`"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("{arguments: {b: 1}, results: 1}", "unknown key 'results'; did you mean 'result'?"),
        ("{arguments: {b: 1}, errors: 1}", "unknown key 'errors'; did you mean 'error'?"),
        ("{argument: {b: 1}, result: 1}", "unknown key 'argument'; did you mean 'arguments'?"),
        ("{args: {b: 1}, error: 1}", "unknown key 'args'; did you mean 'arguments'?"),
    ],
)
@pytest.mark.parametrize("written", ["%s", "[ok, %s]"])
def test_a_result_with_a_slip_of_the_pen(result: str, said: str, written: str, tmp_path: Path) -> None:
    tool = f"id: a\nprompt: Hi\ntools:\n  - name: b\n    results: {written % result}"
    rule = "A result that is a mapping of such keys is written {result: ...}"

    assert problems(tmp_path, tool) == [f"suite.yaml:5: results of tool 'b': {said} {rule}"]


def by_position(a: int, /) -> None: ...
def by_name(a: int, *, b: int = 0) -> None: ...
def with_names(**names: int) -> None: ...
def with_all(a: int = 0, /, *more: int, **names: int) -> None: ...


class Strange:
    @property
    def __signature__(self) -> object:
        raise LookupError("no luck")

    def __call__(self, a: int) -> None: ...


PROPERTIES = "properties: {a: {}}"


@pytest.mark.parametrize(
    ("function", "parameters", "said"),
    [
        (
            by_position,
            PROPERTIES,
            "it takes 'a' by position only, and gets its arguments by name: write it without `/`",
        ),
        (by_name, "properties: {b: {}}", "it needs 'a', which `parameters` do not have: add it there"),
        (by_name, "", "it needs 'a', which `parameters` do not have: add it there, or give it a default"),
        (by_name, "additionalProperties: false", "it needs 'a', which `parameters` do not have"),
        (by_name, f"{PROPERTIES}, required: [c]", "it does not take 'c', which `parameters` require: add it, or take"),
        (with_all, f"{PROPERTIES}, required: [a]", None),
        (by_name, PROPERTIES, None),
        (by_name, f"{PROPERTIES}, required: [b]", None),
        (by_name, "additionalProperties: true", None),
        (by_name, "$ref: '#/$defs/a', $defs: {a: {}}", None),
        (with_names, f"{PROPERTIES}, required: [a]", None),
        (Strange(), "", None),
        (partial(by_name, a=1), "properties: {b: {}}", None),
    ],
)
def test_a_function_that_no_call_can_reach(
    function: Callable[..., object], parameters: str, said: str | None, tmp_path: Path
) -> None:
    options = replace(OPTIONS, tools={"b": function})
    text = f"id: a\nprompt: Hi\ntools:\n  - name: b\n    parameters: {{{parameters}}}"
    if said is None:
        assert loaded(tmp_path, text, options)
    else:
        (told,) = problems(tmp_path, text, options)
        assert told.startswith("suite.yaml:4: tool 'b': no call can reach its function (")
        assert f"test_formats_tools.py:{function.__code__.co_firstlineno}): {said}" in told


@pytest.mark.parametrize(
    "result",
    [
        {"result": "ok", "errors": []},
        {"arguments": "none", "results": 1},
        {"arguments": {"b": 1}, "function": "f"},
        {"args": 1, "result": 2},
        {"arguments": {"b": 1}, "results": 1, "more": 2},
    ],
)
def test_a_result_that_is_a_mapping(result: dict[str, object], tmp_path: Path) -> None:
    told = json.dumps(result)
    (one,) = loaded(tmp_path, f"id: a\nprompt: Hi\ntools: [{{name: b, results: {told}}}]")
    (same,) = loaded(tmp_path, f"id: a\nprompt: Hi\ntools: [{{name: b, results: {{result: {told}}}}}]")

    assert [each.tools[0].answers[0].text for each in (one, same)] == [told, told]


TWO_TOOLS = """\
tools:
  - {name: get_weather, results: rain}
  - {name: book, results: booked}
"""
THERE = "it has 'get_weather', 'book'"


@pytest.mark.parametrize(
    ("check", "line", "said"),
    [
        ("tool_called: get_wether", 7, f"no tool 'get_wether'; {THERE}; did you mean 'get_weather'?"),
        ("{tool_called: delete, not: true}", 7, f"no tool 'delete'; {THERE}"),
        ("tools_called: [book, delete, delete]", 7, f"no tool 'delete'; {THERE}"),
        ("tool_not_called: delete", 7, f"no tool 'delete'; {THERE}"),
        ("any_of: [{contains: x},\n    {all_of: [{tool_called: delete}]}]", 8, f"no tool 'delete'; {THERE}"),
        ("none_of: [{tool_called: delete}]", 7, f"no tool 'delete'; {THERE}"),
    ],
)
def test_a_check_of_a_tool_that_is_not_there(check: str, line: int, said: str, tmp_path: Path) -> None:
    text = f"id: a\nprompt: Hi\n{TWO_TOOLS}checks:\n  - {check}"

    assert problems(tmp_path, text) == [f"suite.yaml:{line}: scenario 'a' has {said}"]


def test_a_check_of_a_turn_names_its_tools_too(tmp_path: Path) -> None:
    turns = "turns:\n  - prompt: Hi\n    checks:\n      - tool_called: boo"

    assert problems(tmp_path, f"id: a\n{TWO_TOOLS}{turns}") == [
        f"suite.yaml:8: scenario 'a' has no tool 'boo'; {THERE}; did you mean 'book'?"
    ]


@pytest.mark.parametrize(
    "check", ["tool_not_called: true", "tools_called: []", "tool_called: book", "any_of: [{tool_called: book}]"]
)
def test_a_check_of_tools_that_are_there(check: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, f"id: a\nprompt: Hi\n{TWO_TOOLS}checks:\n  - {check}")


MISSING = "has no tool 'delete'; it has"


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("tool_not_called: delete", ()),
        ("tool_not_called: read_files", ()),
        ("tool_not_called: delete_file", ()),
        ("{tool_called: delete, not: true}", ()),
        ("none_of: [{tool_called: delete}]", ()),
        ("any_of: [{tool_not_called: delete}]", ()),
        ("tool_not_called: read_fle", ("no scenario has a tool 'read_fle'; did you mean 'read_file'?",)),
        (
            "any_of: [{tool_called: delete}]",
            (f"scenario 'a' {MISSING} 'read_file'", f"scenario 'b' {MISSING} 'read_files', 'write_file'"),
        ),
    ],
)
def test_defaults_may_deny_the_tools_of_other_scenarios(check: str, wrong: tuple[str, ...], tmp_path: Path) -> None:
    text = f"""\
defaults:
  checks:
    - {check}
scenarios:
  - {{id: a, prompt: Hi, tools: [{{name: read_file, results: x}}]}}
  - {{id: b, prompt: Hi, tools: [{{name: read_files, results: x}}, {{name: write_file, results: x}}]}}
  - {{id: c, prompt: Hi}}
"""
    if wrong:
        assert problems(tmp_path, text) == [f"suite.yaml:3: {said}" for said in wrong]
    else:
        assert len(loaded(tmp_path, text)) == 3


SHOP = Tool("price", "", {"type": "object"}, server="shop")


@pytest.mark.parametrize("is_started", [True, False])
def test_a_server_may_have_tools_that_no_file_names(tmp_path: Path, *, is_started: bool) -> None:
    options = replace(OPTIONS, servers={"shop": lambda: [SHOP] if is_started else None})
    text = "id: a\nprompt: Hi\ntools: [{mcp: shop%s}]\nchecks:\n  - tool_called: prise"

    assert loaded(tmp_path, text % "", options)
    assert problems(tmp_path, text % ", only: [price]", options) == [
        "suite.yaml:5: scenario 'a' has no tool 'prise'; it has 'price'; did you mean 'price'?"
    ]


def test_tools_that_a_model_has_by_its_parameters(tmp_path: Path) -> None:
    text = f"id: a\nprompt: Hi\n{TWO_TOOLS}checks: [{{tool_called: search}}]"

    assert loaded(tmp_path, text, replace(OPTIONS, foreign_tools=True))


def test_a_dataset_tells_of_a_missing_tool_once(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"tool": "book"}\n{"tool": "boo"}\n{"tool": "delete"}\n', encoding="utf-8")
    text = f"id: a\nprompt: Hi\ndataset: data.jsonl\n{TWO_TOOLS}checks:\n  - tool_called: "

    assert problems(tmp_path, f"{text}delete") == [f"suite.yaml:8: scenario 'a' has no tool 'delete'; {THERE}"]
    first, second = problems(tmp_path, f"{text}'{{{{ tool }}}}'")
    assert first.endswith(f"data.jsonl:2: scenario 'a' has no tool 'boo'; {THERE}; did you mean 'book'?")
    assert second.endswith(f"data.jsonl:3: scenario 'a' has no tool 'delete'; {THERE}")


class Visits(Grader, frozen=True):
    visits: str

    def named_tools(self) -> Iterable[str]:
        if not self.visits:
            raise LookupError("nothing to visit")
        return (self.visits,)


def test_a_check_of_the_users_names_tools(tmp_path: Path) -> None:
    options = replace(OPTIONS, graders={**BUILTIN, "visits": Visits})
    text = f"id: a\nprompt: Hi\n{TWO_TOOLS}checks:\n  - visits: "

    assert loaded(tmp_path, f"{text}book", options)
    assert problems(tmp_path, f"{text}delete", options) == [f"suite.yaml:7: scenario 'a' has no tool 'delete'; {THERE}"]
    assert problems(tmp_path, f"{text}''", options) == [
        "suite.yaml:7: check 'visits': named_tools(): LookupError: nothing to visit"
    ]
