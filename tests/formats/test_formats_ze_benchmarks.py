"""Suites of ze-benchmarks: from their files to scenarios."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.formats.ze_benchmarks.keys import KEYS
from pytest_benchmodels.graders import BUILTIN, judge_by
from tests.ze_suite import SCENARIO, suite

OPTIONS = LoadOptions({**BUILTIN, "judge": judge_by("sim/judge")})


def loaded(path: Path, options: LoadOptions = OPTIONS) -> tuple[Scenario, ...]:
    found = load(path, "scenario.yaml", options)
    assert found is not None
    return found


def checks(scenario: Scenario) -> dict[str, tuple[str, bool]]:
    return {check.label: (check.kind, check.negate) for check in scenario.checks}


def test_each_prompt_is_a_scenario_with_its_tier(tmp_path: Path) -> None:
    basic, adversarial = loaded(suite(tmp_path, SCENARIO, L1="Do it.", Lx="Do it with npm."))

    assert (basic.id, basic.tags) == ("paint-L1", ("L1",))
    assert (adversarial.id, adversarial.tags) == ("paint-Lx", ("Lx",))
    assert str(adversarial.turns[0].messages[0].content) == "Do it with npm."


def test_the_keys_become_checks(tmp_path: Path) -> None:
    (scenario,) = loaded(suite(tmp_path, SCENARIO))

    assert checks(scenario) == {
        "install": ("command", False),
        "test": ("command", False),
        "heuristic_checks: there": ("command", False),
        "heuristic_checks: no_blue": ("pattern", True),
        "llm_judge": ("judge", False),
    }
    (judge,) = [check.grader for check in scenario.checks if check.kind == "judge"]
    assert [(each.name, each.weight) for each in judge.categories] == [("Colour", 35.0), ("Edges", 65.0)]  # type: ignore[attr-defined] # a Judge
    assert scenario.timeout_s == 120
    assert scenario.workspace is not None
    assert scenario.workspace.left_out == ("README.md",)
    assert scenario.workspace.folder is not None
    assert scenario.workspace.folder.name == "repo-fixture"
    assert scenario.oracle is not None
    assert scenario.oracle.answers == {"colour": "red"}


def test_the_original_runs_no_tests_and_takes_no_name_for_more(tmp_path: Path) -> None:
    (scenario,) = loaded(suite(tmp_path, SCENARIO), replace(OPTIONS, ze_original=True))

    found = checks(scenario)
    assert "test" not in found
    assert found["heuristic_checks: no_blue"] == ("pattern", False)


def test_a_judge_without_categories_cannot_judge(tmp_path: Path) -> None:
    path = suite(tmp_path, {**SCENARIO, "llm_judge": {"enabled": True}})

    assert "has no categories" in loaded(path)[0].fault
    assert loaded(path, replace(OPTIONS, ze_original=True))[0].fault == ""


def test_the_judge_of_the_file_is_asked_where_nobody_names_one(tmp_path: Path) -> None:
    (scenario,) = loaded(suite(tmp_path, SCENARIO), LoadOptions(BUILTIN))

    assert scenario.asked_models == ("openrouter/acme/judge",)


def test_all_problems_are_told_with_their_lines(tmp_path: Path) -> None:
    path = suite(tmp_path, {**SCENARIO, "warmup": {"cmd": "x"}, "timeout_minutes": "long"}, L1="")

    with pytest.raises(ScenarioFileError) as caught:
        loaded(path)

    lines = path.read_text().splitlines()
    told = {lines[problem.line - 1].partition(":")[0]: problem.message for problem in caught.value.problems}
    assert "before the workspace is there" in told["warmup"]
    assert "timeout_minutes" in told["timeout_minutes"]
    assert any("'L1.md' is empty" in message for message in told.values())


def test_a_scenario_without_prompts_says_where_they_belong(tmp_path: Path) -> None:
    path = suite(tmp_path, SCENARIO)
    (tmp_path / "suites/walls/prompts/paint/L1.md").unlink()

    with pytest.raises(ScenarioFileError, match=r"walls/prompts/paint/L1-basic\.md"):
        loaded(path)


def test_keys_that_change_nothing_are_noted_and_kept(tmp_path: Path) -> None:
    notes: list[str] = []
    path = suite(tmp_path, {**SCENARIO, "difficulty": "hard", "colour_of_day": 1}, fixture=False)

    (scenario,) = loaded(path, replace(OPTIONS, note=notes.append))

    said = "\n".join(notes)
    assert "difficulty is kept as metadata" in said
    assert "colour_of_day is no key of the original" in said
    assert "the workspace is empty" in said
    kept = scenario.metadata["ze"]
    assert isinstance(kept, dict)
    assert (kept["difficulty"], kept["tier"]) == ("hard", "L1")


@pytest.mark.parametrize("name", ["values.yaml", "scenarios/paint/other.yaml"])
def test_other_files_are_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"suite": "x", "kind": "Pod"}))

    assert load(path, name, OPTIONS) is None


def test_the_document_names_each_key_with_what_becomes_of_it() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ze-benchmarks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \| (supported|metadata|refused)", text, re.MULTILINE)

    documented = {key: fate for keys, fate in rows for key in re.findall(r"`([^`]+)`", keys)}

    assert documented == dict(KEYS)


def test_no_command_reaches_the_network_unless_bench_toml_allows_it(tmp_path: Path) -> None:
    heuristics = {
        "enabled": True,
        "commands": [{"name": "builds", "command": "make"}],
        "scripts": [{"name": "sound", "script": "./look.sh", "args": ["--in", "${workspace}/src"]}],
    }
    path = suite(tmp_path, {**SCENARIO, "heuristic_checks": heuristics})

    def networks(options: LoadOptions) -> dict[str, bool]:
        (scenario,) = loaded(path, options)
        return {check.label: check.grader.network for check in scenario.checks if check.kind == "command"}  # type: ignore[attr-defined] # a CommandCheck

    names = ("install", "test", "heuristic_checks: builds", "heuristic_checks: sound")
    assert networks(OPTIONS) == dict.fromkeys(names, False)
    assert networks(replace(OPTIONS, ze_network=True)) == dict.fromkeys(names, True)


def test_scripts_and_structured_entries_are_checks(tmp_path: Path) -> None:
    heuristics = {
        "enabled": True,
        "scripts": [{"name": "sound", "script": "./look.sh", "args": ["--in", "${workspace}/src"], "weight": 2}],
        "structured": [
            {"name": "version", "file": "package.json", "json_path": "$.version"},
            {"name": "usage", "path": "NOTES.md", "section_header": "Usage"},
        ],
    }
    (scenario,) = loaded(suite(tmp_path, {**SCENARIO, "heuristic_checks": heuristics}))

    found = {check.label: check.grader for check in scenario.checks}
    script, version, usage = (found[f"heuristic_checks: {name}"] for name in ("sound", "version", "usage"))
    assert tuple(script.command) == ("./look.sh", "--in", "./src")  # type: ignore[attr-defined] # a CommandCheck
    assert (version.file, version.json_path) == ("package.json", "$.version")  # type: ignore[attr-defined] # a FileCheck
    assert (usage.file, usage.section_header) == ("NOTES.md", "Usage")  # type: ignore[attr-defined] # the same
    assert {check.label: check.weight for check in scenario.checks}["heuristic_checks: sound"] == 2


def test_an_artifact_stands_behind_the_prompt_and_has_no_commands(tmp_path: Path) -> None:
    artifact = {"type": "figma", "figma_file_id": "abc"}
    given = {**SCENARIO, "artifact": artifact, "heuristic_checks": {"enabled": False}}

    (scenario,) = loaded(suite(tmp_path, given, fixture=False))

    text = str(scenario.turns[0].messages[0].content)
    assert text == "Paint it.\n\n## Artifact Information\n\n- type: figma\n- figma_file_id: abc"
    assert list(checks(scenario)) == ["llm_judge"]
    assert (scenario.workspace, scenario.oracle) == (None, None)


def test_the_judge_is_told_the_reference(tmp_path: Path) -> None:
    path = suite(tmp_path, {**SCENARIO, "reference_path": "right.md"})
    (path.parent / "right.md").write_text("All walls are red.")

    (scenario,) = loaded(path)

    (judge,) = [check.grader for check in scenario.checks if check.kind == "judge"]
    assert "Paint the wall.\n\nReference: All walls are red." in judge.judge  # type: ignore[attr-defined] # a Judge


@pytest.mark.parametrize("written", ["none.md", "../../../outside.md"])
def test_a_reference_lies_in_the_scenarios_folder(written: str, tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "outside.md").write_text("x")
    path = suite(tmp_path, {**SCENARIO, "reference_path": written})

    with pytest.raises(ScenarioFileError, match="is no file in the scenario's folder: put it there"):
        loaded(path)


@pytest.mark.parametrize(("original", "params"), [(False, {"temperature": 0.0, "max_tokens": 900}), (True, {})])
def test_the_judges_settings_go_with_its_calls(original: bool, params: dict[str, object], tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest's
    judge = {**SCENARIO["llm_judge"], "temperature": 0.0, "max_tokens": 900}

    (scenario,) = loaded(suite(tmp_path, {**SCENARIO, "llm_judge": judge}), replace(OPTIONS, ze_original=original))

    (check,) = [check.grader for check in scenario.checks if check.kind == "judge"]
    assert check.params == params  # type: ignore[attr-defined] # a Judge
