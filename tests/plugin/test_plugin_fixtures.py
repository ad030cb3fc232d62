"""Folders that scenario files name as workspaces: what lies in them is the agents', and no part of the session."""

from __future__ import annotations

import json

import pytest

from tests.plugin.plugin_parts import Project, right, scenario

BROKEN = 'raise RuntimeError("collected")\n'
WORKED_ON = {**scenario("a"), "workspace": "fixtures/shop"}


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with tests, a conftest.py and a scenario file of its own."""
    for name in ("conftest.py", "test_prices.py", "tests/test_more.py"):
        project.write(f"suites/fixtures/shop/{name}", BROKEN)
    project.suite(right("inner"), name="suites/fixtures/shop/inner.yaml")
    return project


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.yaml", json.dumps(WORKED_ON)),
        ("many.yaml", json.dumps({"scenarios": [scenario("b"), WORKED_ON]})),
        ("defaults.yaml", json.dumps({"defaults": {"workspace": "fixtures/shop"}, "scenarios": [scenario("b")]})),
        ("plain.json", json.dumps({"scenarios": [WORKED_ON]})),
        ("lines.jsonl", f"{json.dumps(scenario('b'))}\n{json.dumps(WORKED_ON)}\n"),
    ],
)
def test_what_lies_in_a_workspaces_folder_is_not_collected(shop: Project, name: str, text: str) -> None:
    shop.write(f"suites/{name}", text)

    result = shop.bench("--bench-models=sim/steady", "--collect-only", "-q", "suites")

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*fixtures/shop*")
    result.stdout.fnmatch_lines([f"suites/{name}::*"])


def test_nor_is_it_by_workers(shop: Project, workers: tuple[str, ...]) -> None:
    shop.suite(right("a") | {"workspace": "fixtures/shop"}, name="suites/s.yaml", models=["sim/steady"])

    shop.bench("--bench-allow-commands", "suites", *workers).assert_outcomes(passed=1)


def test_what_the_command_line_names_is_collected(shop: Project) -> None:
    shop.suite(WORKED_ON, name="suites/s.yaml")
    shop.write("suites/fixtures/shop/conftest.py", "")

    result = shop.bench("--bench-models=sim/steady", "--collect-only", "-q", "suites/fixtures/shop/inner.yaml")

    result.stdout.fnmatch_lines(["suites/fixtures/shop/inner.yaml::inner*"])


def test_other_folders_are_collected(project: Project) -> None:
    project.suite(scenario("a"), name="suites/s.yaml")
    project.suite(scenario("workspace"), name="suites/fixtures/shop/t.yaml")

    result = project.bench("--bench-models=sim/steady", "--collect-only", "-q", "suites")

    result.stdout.fnmatch_lines(["suites/fixtures/shop/t.yaml::workspace*"])


def test_the_fixture_of_a_ze_benchmarks_scenario_is_not_collected(project: Project) -> None:
    there = "suites/web/scenarios/button"
    project.write(f"{there}/scenario.yaml", "id: button\nsuite: web\ntitle: A button\n")
    project.write("suites/web/prompts/button/L1-basic.md", "Make a button.")
    project.write(f"{there}/repo-fixture/test_button.py", BROKEN)

    result = project.bench("--bench-models=sim/steady", "--collect-only", "-q", "suites")

    result.stdout.no_fnmatch_line("*test_button*")
    result.stdout.fnmatch_lines(["suites/web/scenarios/button/scenario.yaml::*"])


def test_a_file_that_is_broken_names_none_and_tells_of_itself_only(project: Project) -> None:
    project.write("suites/s.yaml", "scenarios: [{workspace: shop}\n")
    project.write("suites/bin.yaml", "\0workspace: [a, {")
    project.write("suites/odd.yaml", 'workspace: 3\nscenarios: [1, {workspace: ["a"], id: x, prompt: y}]\n')
    project.suite(scenario("b"), name="suites/shop/t.yaml")

    result = project.bench("--bench-models=sim/steady", "--collect-only", "-q", "suites")

    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.fnmatch_lines(["suites/s.yaml:*"])
