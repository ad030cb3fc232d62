"""Suites of ze-benchmarks, run unchanged."""

from __future__ import annotations

import json

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results
from tests.ze_suite import SCENARIO, suite

RUN = (JSON, "--bench-allow-commands", "--bench-judge", "sim/judge", "--bench-models", "sim/steady", "suites")
NODE = "suites/walls/scenarios/paint/scenario.yaml::paint-L1[sim/steady]"
HALVES = {**SCENARIO, "llm_judge": {"enabled": False}}


def test_each_tier_is_an_item_and_a_marker(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, SCENARIO, L1="a", Lx="b")

    run = project.bench("--collect-only", "-q", "-m", "Lx", *RUN[1:], *workers)

    run.stdout.fnmatch_lines(["suites/walls/scenarios/paint/scenario.yaml::paint-Lx[[]sim/steady]"])
    run.stdout.no_fnmatch_line("*paint-L1*")


@pytest.mark.parametrize(("mode", "score"), [("true", 1.0), ("original", 0.125)])
def test_a_run_has_the_score_of_the_mode(
    mode: str,
    score: float,
    project: Project,
    workers: tuple[str, ...],
) -> None:
    passed = mode == "true"
    suite(project.path, HALVES)
    project.write("bench.toml", f'[ze]\nscore = "{mode}"\n')

    run = project.bench(*RUN, *workers)

    (result,) = results(project).values()
    assert (result["nodeid"], result["score"], result["status"] == "passed") == (NODE, score, passed)
    whole = result["checks"][-1]
    assert (whole["name"], whole["measures"]["original"]) == ("ze_score", 1.25)
    assert {check["weight"] for check in result["checks"][:-1]} == {0.0}
    said = "score 10.00 of 10, the original would say 1.25" if passed else "score 1.25 of 10"
    assert f"ze-benchmarks: sim/steady: {said}, " in " ".join(run.stdout.str().split())


def test_the_report_has_the_originals_shape(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, HALVES, L1="a", L2="b")
    project.write("bench.toml", '[ze]\nscore = "original"\n')

    project.bench("--bench-ze-json", "ze.json", *RUN, *workers)

    report = json.loads((project.path / "ze.json").read_text())
    assert list(report) == [
        "summary",
        "modelPerformance",
        "benchmarkTypeAnalysis",
        "recommendations",
        "detailedResults",
    ]
    assert (report["summary"]["totalRuns"], report["summary"]["averageScore"]) == (2, 1.25)
    assert [model["model"] for model in report["modelPerformance"]] == ["sim/steady"]
    assert [suite["type"] for suite in report["benchmarkTypeAnalysis"]] == ["walls"]
    assert "sim/steady: success rate 0%, below 70%" in report["recommendations"]
    assert sorted(row["scenario"] for row in report["detailedResults"]) == ["paint-L1", "paint-L2"]
    assert {row["originalScore"] for row in report["detailedResults"]} == {1.25}


def test_no_model_is_asked_where_the_judge_has_no_categories(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, {**SCENARIO, "llm_judge": {"enabled": True}})

    assert project.bench(*RUN, *workers).ret == 1

    (result,) = results(project).values()
    assert (result["status"], result["attempts"]) == ("error", 0)
    assert "has no categories" in result["error"]["message"]


def test_validate_says_once_what_changes_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    suite(project.path, {**SCENARIO, "difficulty": "hard"}, L1="a", L2="b")

    assert main(["validate", str(project.path / "suites")]) == 0

    out = capsys.readouterr().out
    assert "1 file, 2 scenarios: no problem" in out
    assert out.count("difficulty is kept as metadata") == 1


def test_an_empty_workspace_is_told(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, HALVES, fixture=False)

    run = project.bench(*RUN, *workers)

    assert " ".join(run.stdout.str().split()).count("no repo-fixture/ or repo/ beside scenario.yaml") == 1


def test_an_install_without_network_says_how_to_allow_it(project: Project, workers: tuple[str, ...]) -> None:
    suite(project.path, {**HALVES, "validation": {"commands": {"install": "false"}}})

    project.bench(*RUN, *workers)
    (refused,) = results(project).values()
    project.write("bench.toml", "[ze]\nnetwork = true\n")
    project.bench(*RUN, *workers)
    (allowed,) = results(project).values()

    assert "install had no network" in refused["checks"][-1]["explanation"]
    assert "network" not in allowed["checks"][-1]["explanation"]
