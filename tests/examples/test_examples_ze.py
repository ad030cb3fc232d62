"""The suite of examples/ze: each kind of check of ze-benchmarks, run by the suite and by its template."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results

ZE = Path(__file__).parents[2] / "examples" / "ze"
OPTIONS = ("--bench-allow-commands", "--bench-judge=sim/judge")
NAMES = {"discount-L0", "discount-L1", "discount-Lx", "release-notes-L1"}


@pytest.fixture
def ze(project: Project) -> Project:
    shutil.copytree(ZE, project.path / "ze")
    return project


def test_it_passes_with_the_scripted_agent(ze: Project, workers: tuple[str, ...]) -> None:
    result = ze.bench("ze", *OPTIONS, "--bench-models=sim/agent", JSON, "--bench-html=b.html", *workers)

    result.assert_outcomes(passed=4)
    found = results(ze)
    assert {name.partition("[")[0] for name in found} == NAMES
    checks = {check["name"]: check for check in found["discount-L1[sim/agent]"]["checks"]}
    heuristics = {name.removeprefix("heuristic_checks: ") for name in checks if name.startswith("heuristic_checks: ")}
    assert heuristics == {
        "prices_can_be_sourced",
        "changelog_is_there",
        "no_cents",
        "package_names_its_notes",
        "changelog_has_a_section",
        "prices_are_right",
    }
    assert all(check["passed"] for check in checks.values())
    measures = checks["ze_score"]["measures"]
    assert measures["true"] == 10.0
    # There, what `no_cents` looks for has to be found: of the heuristics 6 of 7 count, of two parts that is one.
    assert measures["original"] == pytest.approx(10 * (1 + 6 / 7) / 2)
    changed = [change["path"] for change in found["discount-L1[sim/agent]"]["response"]["changes"]]
    assert changed == ["CHANGELOG.md", "package.json", "shop/prices.sh"]
    page = (ze.path / "b.html").read_text("utf-8")
    assert "Reference: A discount is a percentage of the price" in page
    assert "## Artifact Information" in page
    assert "- figma_file_id: shop-release-7" in page


def test_what_the_agent_leaves_out_fails(ze: Project, workers: tuple[str, ...]) -> None:
    path = ze.path / "ze/suites/shop/scenarios/discount/scenario.yaml"
    text = path.read_text("utf-8")
    spoilt = {'"release": {"notes"': '"releases": {"notes"', "## Fixed": "## Changed", " * (100": " - (100"}
    for old, new in spoilt.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text, "utf-8")

    result = ze.bench("ze", *OPTIONS, "--bench-models=sim/agent", "-m", "L1", "-k", "discount", JSON, *workers)

    result.assert_outcomes(failed=1)
    (run,) = results(ze).values()
    assert {check["name"] for check in run["checks"] if not check["passed"]} == {
        "ze_score",
        "test",
        "heuristic_checks: package_names_its_notes",
        "heuristic_checks: changelog_has_a_section",
        "heuristic_checks: prices_are_right",
    }


def test_its_template_runs_it_with_weights(ze: Project, workers: tuple[str, ...]) -> None:
    result = ze.bench("ze/templates/shop.json5", *OPTIONS, JSON, *workers)

    result.assert_outcomes(passed=4)
    for run in results(ze).values():
        (score,) = [check for check in run["checks"] if check["name"] == "ze_score"]
        assert score["measures"]["weight"] == pytest.approx(0.45)


def test_without_a_judge_and_models_it_is_left_out(ze: Project, workers: tuple[str, ...]) -> None:
    assert ze.bench("ze", *workers).ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert ze.bench("ze", "--bench-judge=sim/judge", *workers).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_its_files_are_valid(ze: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(ze.path / "ze"), str(ze.path / "ze/templates/shop.json5")]) == 0
    assert "no problem" in capsys.readouterr().out
