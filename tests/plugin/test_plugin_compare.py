"""--bench-compare: what got better and what worse, and whether chance explains it."""

from __future__ import annotations

import re

import pytest

from tests.plugin.plugin_parts import Project, broken, json_report, right, wrong
from tests.plugin.plugin_store import stored_runs

SCENARIOS = 200


def model(project: Project, accuracy: float, seed: int = 0) -> None:
    """The model as it is now."""
    params = f"params = {{sim = {{accuracy = {accuracy}, seed = {seed}}}}}"
    project.write("bench.toml", f'models = ["m"]\n[model.m]\nprovider = "sim"\nname = "steady"\n{params}\n')


def large_suite(project: Project) -> None:
    scenarios = (
        right(f"s{number}", prompt=f"What is {number} + 5?", checks=[{"equals": str(number + 5)}])
        for number in range(SCENARIOS)
    )
    project.suite(*scenarios, models=[])


def test_a_real_regression_is_told(project: Project) -> None:
    large_suite(project)
    model(project, 0.95)
    project.bench()
    before = stored_runs(project)[0].id
    model(project, 0.7)

    result = project.bench(f"--bench-compare={before}", "--bench-json=b.json", "--tb=no")

    result.stdout.fnmatch_lines(["*- comparison -*", f"*run {before}*", "m *-* pp *worse"])
    comparison = json_report(project.path / "b.json")["comparison"]
    (compared,) = comparison["models"]
    assert comparison["baseline"] == f"run {before}"
    assert (compared["model"], compared["verdict"]) == ("m", "worse")
    assert compared["p_value"] < 0.001
    assert compared["rate"]["scenarios"] == SCENARIOS
    assert compared["rate"]["difference_ci95"][1] < 0
    assert len(compared["worse"]) > len(compared["better"])


def test_noise_is_told_to_be_noise_and_how_much_more_would_be_needed(project: Project) -> None:
    large_suite(project)
    model(project, 0.9, seed=1)
    project.bench("--bench-json=before.json")
    model(project, 0.9, seed=2)

    result = project.bench("--bench-compare=before.json", "--bench-json=b.json", "--tb=no")

    told = re.search(r"inconclusive: about (\d+) more scenarios? would be needed", result.stdout.str())
    assert told is not None
    (compared,) = json_report(project.path / "b.json")["comparison"]["models"]
    assert compared["verdict"] == "inconclusive"
    assert compared["more_scenarios_needed"] == int(told[1]) > 0
    assert compared["more_trials_needed"] is None  # one trial does not tell what a second would do
    assert compared["p_value"] > 0.05


def test_each_scenario_that_changed_is_named(project: Project) -> None:
    project.suite(right("a"), wrong("b"), right("c"), right("gone"))
    project.bench()
    project.suite(wrong("a"), right("b"), broken("c"), right("new"))

    result = project.bench("--bench-compare=latest", "--bench-json=b.json")

    (compared,) = json_report(project.path / "b.json")["comparison"]["models"]
    named = {kind: [change["scenario"] for change in compared[kind]] for kind in ("worse", "better", "newly_errs")}
    assert named == {"worse": ["suite.yaml::a"], "better": ["suite.yaml::b"], "newly_errs": ["suite.yaml::c"]}
    assert (compared["only_before"], compared["only_after"]) == (["suite.yaml::gone"], ["suite.yaml::new"])
    for title, name in (("got worse", "a"), ("got better", "b"), ("newly errs", "c")):
        result.stdout.fnmatch_lines([f"sim/steady: {title}: 1 scenario", f"  suite.yaml::{name} *"])


@pytest.mark.parametrize("name", ["latest", "-1", "-2", "2"])
def test_a_stored_run_has_several_names(project: Project, name: str) -> None:
    project.suite(right("a"))
    project.bench()
    project.bench()
    newest, before = stored_runs(project)

    result = project.bench(f"--bench-compare={before.id if name == '2' else name}")

    assert result.ret == 0
    expected = newest.id if name in ("latest", "-1") else before.id
    result.stdout.fnmatch_lines([f"*run {expected}*"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nonsense", "there is no run 'nonsense'*; there are 1, the newest is *"),
        ("suite.yaml", "file *suite.yaml' is no file that --bench-json wrote: *"),
    ],
)
def test_a_run_that_does_not_exist_is_a_usage_error(project: Project, name: str, reason: str) -> None:
    project.suite(right("a"))
    project.bench()

    result = project.bench(f"--bench-compare={name}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --bench-compare: {reason}"])


def test_without_a_store_there_is_no_run_to_find(project: Project) -> None:
    project.suite(right("a"))

    for option in ("--bench-store=none", "--bench-store=fresh.db"):
        result = project.bench("--bench-compare=latest", option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: --bench-compare: there is no file 'latest', and no store to look for a run"]
        )


def test_without_a_comparison_json_says_null(project: Project) -> None:
    project.suite(right("a"))

    project.bench("--bench-json=b.json")

    document = json_report(project.path / "b.json")
    assert (document["comparison"], document["gates"]) == (None, [])
