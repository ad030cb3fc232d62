"""Tools of a scenario and the checks of them: what is wrong with one is told before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
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
