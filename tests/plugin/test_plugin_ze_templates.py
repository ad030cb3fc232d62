"""Templates of ze-benchmarks on the command line."""

from __future__ import annotations

import json

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results
from tests.ze_suite import SCENARIO, suite

FILE = "suites/walls/scenarios/paint/scenario.yaml"
RUN = (JSON, "--bench-allow-commands", "--bench-judge", "sim/judge")
HALVES = {**SCENARIO, "llm_judge": {"enabled": False}}
TEMPLATE = """// two models
{
  preferred_models: [{model: 'sim/steady'}, {model: 'sim/judge'},],
  benchmarks: {test_suites: [{name: 'Walls', path: 'walls', type: 'functional'}]},
}
"""


def prepared(project: Project, text: str = TEMPLATE) -> None:
    suite(project.path, HALVES, L1="a", L2="b")
    project.write("templates/t.json5", text)


def test_its_suites_run_with_its_models_under_the_files_node_ids(project: Project, workers: tuple[str, ...]) -> None:
    prepared(project)

    project.bench(*RUN, "templates/t.json5", *workers)

    expected = {f"{FILE}::paint-{tier}[{model}]" for tier in ("L1", "L2") for model in ("sim/steady", "sim/judge")}
    assert {result["nodeid"] for result in results(project).values()} == expected


def test_the_command_line_names_other_models(project: Project, workers: tuple[str, ...]) -> None:
    prepared(project)

    run = project.bench("--collect-only", "-q", "--bench-models", "sim/agent", "templates/t.json5", *workers)

    run.stdout.fnmatch_lines([f"{FILE}::paint-L1[[]sim/agent]", f"{FILE}::paint-L2[[]sim/agent]"])


def test_runs_are_picked_and_repeated_as_any(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, {**HALVES, "validation": {"commands": {"install": "false"}}}, L1="a", L2="b")
    project.write("templates/t.json5", TEMPLATE)
    assert project.bench(*RUN, "templates/t.json5", "-k", "L1 and judge", *workers).ret == 1

    again = project.bench("--collect-only", "-q", "--lf", "templates/t.json5")

    assert [line for line in again.outlines if "::" in line] == [f"{FILE}::paint-L1[sim/judge]"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{\nfrom: 'none.json5'}", "templates/t.json5:2: from: 'none.json5' is no file"),
        ("{\na: yes}", "templates/t.json5:2: 'yes' is no value"),
    ],
)
def test_one_that_cannot_be_used_says_why(
    text: str,
    told: str,
    project: Project,
    workers: tuple[str, ...],
) -> None:
    prepared(project, text)

    run = project.bench(*RUN, "templates/t.json5", *workers)

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: {told}*"])


def test_one_that_names_no_suites_runs_all_of_its_project(project: Project, workers: tuple[str, ...]) -> None:
    prepared(project, "{preferred_models: [{model: 'sim/judge'}]}")

    project.bench(*RUN, "templates/t.json5", *workers)

    assert set(results(project)) == {f"paint-{tier}[sim/judge]" for tier in ("L1", "L2")}


def test_one_without_any_suites_says_so(project: Project) -> None:
    project.write("templates/t.json5", "{persona: {}}")

    run = project.bench("templates/t.json5")

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: templates/t.json5:1: this template names no suites, and its project has none*"])


def test_a_template_has_no_runs_of_its_own(project: Project) -> None:
    prepared(project)

    run = project.bench("templates/t.json5::paint-L1[sim/judge]")

    run.stderr.fnmatch_lines(["ERROR: templates/t.json5::paint-L1*: a template has no runs of its own*"])


def test_two_templates_cannot_differ_about_a_suite(project: Project) -> None:
    prepared(project)
    project.write("templates/u.json5", TEMPLATE.replace("sim/judge", "sim/agent"))

    run = project.bench("templates/t.json5", "templates/u.json5")

    told = "'templates/t.json5' and 'templates/u.json5' have 'paint' run in two ways: run them one by one"
    run.stderr.fnmatch_lines([f"ERROR: {told}"])


def test_a_reader_of_the_users_comes_first(project: Project) -> None:
    prepared(project)
    project.write(
        "conftest.py",
        "def pytest_bench_formats():\n    return {'*.json5': lambda path, text: [{'id': 'mine', 'prompt': 'x'}]}\n",
    )

    run = project.bench("--collect-only", "-q", "--bench-models", "sim/judge", "templates/t.json5")

    run.stdout.fnmatch_lines(["templates/t.json5::mine[[]sim/judge]"])


def test_validate_looks_at_templates_and_their_suites(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(project)
    good = str(project.path / "templates" / "t.json5")
    base = str(project.write("other/templates/base.json5", "{persona: {}}"))
    (project.path / "other" / "suites").mkdir()
    bad = str(project.write("templates/bad.json5", "{\nfrom: 'none'}"))

    assert main(["validate", good, base]) == 0
    told = capsys.readouterr().out
    assert "1 file, 2 scenarios: no problem" in told
    assert "base.json5 names no suites" in told

    assert main(["validate", bad]) == 1
    assert "bad.json5:2: from: 'none' is no file" in capsys.readouterr().out


WEIGHTED = """{
  preferred_models: [{model: 'sim/steady', weight: 0.5, benchmarks: {Walls: 0.5}}, {model: 'sim/judge', weight: 0.9}],
  benchmarks: {test_suites: [{name: 'Walls', path: 'walls', type: 'functional'}]},
}
"""
REPORTS = ("--bench-ze-json", "ze.json", "--bench-html", "r.html")


def test_weights_scale_the_scores_and_rank_the_models(project: Project, workers: tuple[str, ...]) -> None:
    prepared(project, WEIGHTED)

    run = project.bench(*RUN, *REPORTS, "templates/t.json5", *workers)

    models = {model["model"]: model for model in json.loads((project.path / "b.json").read_text())["models"]}
    assert (models["sim/judge"]["weighted_score"], models["sim/judge"]["weighted_rank"]) == (9.0, 1)
    assert (models["sim/steady"]["weighted_score"], models["sim/steady"]["weighted_rank"]) == (2.5, 2)
    told = " ".join(run.stdout.str().split())
    assert told.index("sim/judge: score 10.00 of 10") < told.index("sim/steady: score 10.00 of 10")
    assert "the original would say 1.25, weighted 2.50" in told
    page = (project.path / "r.html").read_text()
    assert "sim/steady: score 10.00 of 10, the original would say 1.25, weighted 2.50" in page
    report = json.loads((project.path / "ze.json").read_text())
    assert [(model["model"], model["weightedScore"]) for model in report["modelPerformance"]] == [
        ("sim/judge", 9.0),
        ("sim/steady", 2.5),
    ]
    assert [each["type"] for each in report["benchmarkTypeAnalysis"]] == ["functional"]


def test_without_weights_nothing_is_weighted(project: Project) -> None:
    prepared(project)

    run = project.bench(*RUN, "templates/t.json5")

    assert ", weighted" not in " ".join(run.stdout.str().split())
    models = json.loads((project.path / "b.json").read_text())["models"]
    assert {(model["weighted_score"], model["weighted_rank"]) for model in models} == {(None, None)}


def test_stored_runs_are_weighted_anew(project: Project) -> None:
    prepared(project, WEIGHTED)
    project.bench(*RUN, "templates/t.json5")
    project.write("templates/t.json5", WEIGHTED.replace("0.9", "0.1"))

    project.bench(*RUN, "templates/t.json5", "--bench-cache")

    models = {model["model"]: model for model in json.loads((project.path / "b.json").read_text())["models"]}
    assert models["sim/judge"]["weighted_score"] == 1.0
