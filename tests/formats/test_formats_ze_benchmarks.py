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
