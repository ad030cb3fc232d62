"""Which built-in tools a scenario has, its oracle, and what is wrong with either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.oracle import USE_YOUR_JUDGMENT, Oracle
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, schema_faults
from tests.engine.engine_parts import run

OPTIONS = LoadOptions(BUILTIN, validator=schema_faults)
ALL = ["read_file", "write_file", "edit_file", "list_files", "search", "run_command"]
OWN = {"name": "look_up", "results": "x"}


def loaded(folder: Path, **keys: object) -> Scenario:
    path = folder / "s.yaml"
    # One key a line, so that lines can be told; each JSON value is a YAML value too.
    lines = {"id": "a", "prompt": "Hi", **keys}
    path.write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in lines.items()), encoding="utf-8")
    (made,) = load(path, path.name, OPTIONS, named=True) or ()
    return made


def problems(folder: Path, **keys: object) -> list[str]:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(folder, **keys)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({}, []),
        ({"files": {}}, ALL),
        ({"files": {}, "tools": [OWN]}, [*ALL, "look_up"]),
        ({"files": {}, "tools": []}, []),
        ({"files": {}, "tools": ["run_command", "read_file"]}, ["read_file", "run_command"]),
        ({"files": {}, "tools": ["read_file", OWN]}, ["read_file", "look_up"]),
        ({"files": {}, "tools": ["read_file", {"name": "search", "results": "x"}]}, ["read_file", "search"]),
        ({"oracle": {}}, ["ask_user"]),
        ({"oracle": {}, "tools": [OWN]}, ["ask_user", "look_up"]),
        ({"oracle": {}, "files": {}}, [*ALL, "ask_user"]),
        ({"oracle": {}, "files": {}, "tools": ["search"]}, ["search", "ask_user"]),
        ({"oracle": {}, "files": {}, "tools": ["search", "ask_user"]}, ["search", "ask_user"]),
        ({"tools": [{"name": "read_file", "results": "x"}]}, ["read_file"]),
    ],
)
def test_the_tools_that_a_scenario_has(tmp_path: Path, keys: dict[str, Any], names: list[str]) -> None:
    assert [tool.name for tool in loaded(tmp_path, **keys).tools] == names


def test_those_of_the_defaults_differ_by_scenario(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    scenarios = [
        {"id": "a", "prompt": "Hi"},
        {"id": "b", "prompt": "Hi", "files": {}},
        {"id": "c", "prompt": "Hi", "files": {}, "vars": {"x": 1}},
    ]
    path.write_text(json.dumps({"defaults": {"tools": [OWN]}, "scenarios": scenarios}), encoding="utf-8")

    made = list(load(path, path.name, OPTIONS, named=True) or ())

    names = [[tool.name for tool in each.tools] for each in made]
    assert names == [["look_up"], [*ALL, "look_up"], [*ALL, "look_up"]]


def test_arguments_of_built_in_tools_are_looked_at(tmp_path: Path) -> None:
    tools = {tool.name: tool for tool in loaded(tmp_path, files={}, oracle={}).tools}

    def fault(name: str, **arguments: object) -> str:
        look = tools[name].fault
        assert look is not None
        return look(arguments) or ""

    assert fault("read_file", path="a", offset=1) == ""
    assert "0 is less than the minimum of 1" in fault("read_file", path="a", offset=0)
    assert "'path' is a required property" in fault("read_file")
    assert "unexpected property 'cwd'" in fault("run_command", command="x", cwd="/")
    assert fault("ask_user", question=1)


def test_a_workspace_has_more_steps(tmp_path: Path) -> None:
    assert loaded(tmp_path).max_steps == 10
    assert loaded(tmp_path, files={}).max_steps == 50
    assert loaded(tmp_path, files={}, max_steps=3).max_steps == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"tools": ["read_file"]},
            (
                "3: tool 'read_file' works in a workspace, and there is none: "
                "name its folder in `workspace:`, or write `files: {}`"
            ),
        ),
        ({"tools": ["ask_user"]}, "3: tool 'ask_user' asks the oracle, and there is none: write `oracle:`"),
        (
            {"files": {}, "tools": ["read_fil"]},
            (
                "4: no tool 'read_fil' is built in; did you mean 'read_file'?; built in are read_file, write_file, "
                "edit_file, list_files, search, run_command, ask_user; a tool of your own is a mapping: "
                "`name: read_fil`"
            ),
        ),
        (
            {"files": {}, "tools": [{"name": "search", "results": "x"}]},
            (
                "4: tool 'search': a tool of that name is built in: give it another name, "
                "or list those that you want (`- read_file`)"
            ),
        ),
        (
            {"oracle": {}, "tools": [{"name": "ask_user", "results": "x"}]},
            (
                "4: tool 'ask_user': a tool of that name is built in: give it another name, "
                "or list those that you want (`- ask_user`)"
            ),
        ),
        (
            {"files": {}, "checks": [{"tool_called": "read_fil"}]},
            (
                "4: scenario 'a' has no tool 'read_fil'; it has 'read_file', 'write_file', 'edit_file', 'list_files', "
                "'search', 'run_command'; did you mean 'read_file'?"
            ),
        ),
        (
            {"files": {}, "tools": ["search"], "tool_choice": "read_file"},
            "5: tool_choice 'read_file' of scenario 'a': it is one of auto, none, required, search",
        ),
        ({"tools": [5]}, "3: an entry of tools must be text or a mapping, got 5: put it in quotes"),
        ({"oracle": 5}, "3: oracle must be text or a mapping, got 5: put it in quotes"),
        ({"oracle": {"model": "sim/steady"}}, "3: oracle: a model that plays the user needs `brief`, a text"),
        ({"oracle": {"model": "", "brief": "x"}}, "3: oracle: a model that plays the user needs `model`, a text"),
        (
            {"oracle": {" ": "x"}},
            "3: oracle: a question must not be empty, for it is looked for in what the model asks",
        ),
        ({"oracle": {"size": None}}, "3: oracle: question 'size' has no answer: write a text"),
        ({"oracle": "none.json"}, "3: oracle 'none.json' does not exist: it is a file beside the scenario file"),
        ({"oracle": "../a.json"}, "3: oracle '../a.json' lies outside the scenario file's folder: move it there, or"),
        ({"oracle": "a.txt"}, "3: oracle 'a.txt': its name has to end in .yaml, .yml or .json; or write a mapping"),
        ({"oracle": "list.json"}, "3: oracle 'list.json' holds ['a']: write a mapping of questions to answers"),
        ({"oracle": "bad.json"}, "3: oracle 'bad.json': line 2: "),
        ({"oracle": "twice.yaml"}, "3: oracle 'twice.yaml': line 2: "),
        ({"oracle": "empty.yaml"}, "3: oracle 'empty.yaml': line 1: the file is empty"),
        ({"oracle": "null.yaml"}, "3: oracle 'null.yaml': line 2: question 'size' has no answer"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    files = {
        "a.txt": "",
        "list.json": '["a"]',
        "bad.json": '{"a": "b",\n]',
        "twice.yaml": "a: b\na: c",
        "empty.yaml": "",
        "null.yaml": "a: b\nsize:",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    (found,) = problems(tmp_path, **keys)

    assert found.startswith(f"s.yaml:{said}")


def test_a_check_may_name_a_built_in_tool(tmp_path: Path) -> None:
    checks = [{"tool_called": "read_file"}, {"tools_called": ["ask_user"]}]

    assert len(loaded(tmp_path, files={}, oracle={}, checks=checks).checks) == 2


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", '{"Which colour?": "blue", "n": 2}'), ("a.yaml", "Which colour?: blue\nn: 2\n")]
)
def test_an_oracle_may_stand_in_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    assert loaded(tmp_path, oracle=name).oracle == Oracle({"Which colour?": "blue", "n": "2"})


def test_a_model_that_plays_the_user_is_made_ready(tmp_path: Path) -> None:
    made = loaded(tmp_path, oracle={"model": "sim/steady", "brief": "You like blue."})

    assert made.oracle == Oracle(model="sim/steady", brief="You like blue.")
    assert made.user_model == "sim/steady"
    assert made.asked_models == ()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which colour?", "blue"),
        (" which COLOUR? ", "blue"),
        ("Tell me: which colour? And why?", "blue"),
        ("Which package manager should be used here?", "pnpm"),
        ("May I delete the tests?", USE_YOUR_JUDGMENT),
        ("", USE_YOUR_JUDGMENT),
        ("size", "small"),
        ("What is the size of it?", "small"),
    ],
)
def test_answers_are_found_by_what_is_asked(question: str, expected: str) -> None:
    known = {
        "What is the size": "small",
        "which colour?": "blue",
        "Which package manager do you want?": "pnpm",
        "size": "small",
    }

    assert Oracle(known).answer(question) == expected


def test_what_a_model_may_call_and_be_told_is_a_part_of_the_question(tmp_path: Path) -> None:
    several: tuple[dict[str, Any], ...] = (
        {},
        {"files": {}},
        {"files": {}, "tools": ["read_file"]},
        {"files": {}, "oracle": {}},
        {"files": {}, "oracle": {"a": "b"}},
        {"files": {}, "oracle": {"model": "m", "brief": "b"}},
        {"files": {}, "oracle": {"model": "m", "brief": "c"}},
    )
    made = [loaded(tmp_path, **keys) for keys in several]

    assert len({fingerprint(run(each)) for each in made}) == len(made)
