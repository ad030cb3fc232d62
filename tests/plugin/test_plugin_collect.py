"""Items of odd names: what is shown can be typed again, and selects the same."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugin.plugin_parts import Project, by_both, json_report, right, scenario

ODD = [
    "two words",
    "v1.2.3",
    "über-größe",
    "日本語",
    "\U0001f600",
    "a/b/c",
    "../up",
    "/etc/passwd",
    "suite.yaml",
    "c:\\windows",
    "100%",
    "-x",
    "--bench-models=x",
    "@file",
    "a=b,c;d|e&f",
    "'quoted' \"twice\"",
    "$HOME `ls` *",
    "a{b}c",
    "#1",
    "not and or",
    "l" * 1000,
]
"""Ids that an author may well choose, and some that look like something else."""


def chosen(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def collected(project: Project, *arguments: str) -> list[str]:
    result = project.bench("--collect-only", "-q", *arguments)
    assert result.ret == pytest.ExitCode.OK
    return chosen(result)


def test_what_is_shown_selects_the_same(project: Project) -> None:
    project.write("suite.json", json.dumps({"scenarios": [right(name, models=["sim/steady"]) for name in ODD]}))

    shown = collected(project)

    assert shown == [f"suite.json::{name}[sim/steady]" for name in ODD]
    for nodeid in shown:
        assert collected(project, nodeid) == [nodeid]


def test_all_of_them_run_and_are_reported_by_their_names(project: Project, workers: tuple[str, ...]) -> None:
    project.write("suite.json", json.dumps({"scenarios": [right(name, models=["sim/steady"]) for name in ODD]}))

    result = project.bench("--bench-json=b.json", "--junitxml=j.xml", *workers)

    assert result.parseoutcomes() == {"passed": len(ODD)}
    names = {f"{name}[sim/steady]" for name in ODD}
    cases = ET.parse(project.path / "j.xml").getroot().iter("testcase")  # noqa: S314 - a file that the test has just made
    assert {case.attrib["name"] for case in cases} == names
    told = json_report(project.path / "b.json")["results"]
    assert {run["nodeid"] for run in told} == {f"suite.json::{name}" for name in names}
    assert {run["scenario"] for run in told} == set(ODD)


@by_both("name", "a/b/c", "l" * 1000, "über größe")
def test_a_failure_of_an_odd_name_is_run_again(project: Project, workers: tuple[str, ...], name: str) -> None:
    failing = scenario(name, {"accuracy": 0}, models=["sim/steady"])
    project.write("suite.json", json.dumps({"scenarios": [right("other", models=["sim/steady"]), failing]}))
    project.bench(*workers)

    again = project.bench("--lf", *workers)

    assert again.parseoutcomes() == {"failed": 1}


@pytest.mark.parametrize("file", ["with space.yaml", "größe/süß.yaml", "a.b.c.yaml", "--odd.yaml", "x=y,z.yaml"])
def test_files_of_odd_names_are_selected_too(project: Project, file: str) -> None:
    project.suite(right("add"), right("more"), name=f"scenarios/{file}")

    shown = collected(project)

    assert shown == [f"scenarios/{file}::{name}[sim/steady]" for name in ("add", "more")]
    assert collected(project, shown[0]) == shown[:1]
    assert collected(project, f"scenarios/{file}") == shown


@pytest.mark.parametrize("name", ["a::b", "a[b]", "a[b", "a]b", "line\nbreak", "tab\tstop", "\x1b[31mred", "", " pad "])
def test_an_id_that_could_not_be_typed_again_is_refused_or_can_be(project: Project, name: str) -> None:
    project.write("suite.json", json.dumps({"scenarios": [right(name, models=["sim/steady"])]}))

    result = project.bench("--collect-only", "-q")

    if result.ret == pytest.ExitCode.OK:
        (nodeid,) = chosen(result)
        assert collected(project, nodeid) == [nodeid]
    else:
        assert result.parseoutcomes() == {"errors": 1}
        result.stdout.fnmatch_lines(["suite.json:1: *id*"])
        assert "\x1b" not in result.stdout.str()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.text(st.characters(codec="utf-8"), max_size=12))
def test_any_id_is_refused_or_can_be_selected(project: Project, name: str) -> None:
    project.write("suite.json", json.dumps({"scenarios": [right(name, models=["sim/steady"])]}))

    result = project.bench("--collect-only", "-q")

    if result.ret == pytest.ExitCode.OK:
        assert chosen(result) == [f"suite.json::{name}[sim/steady]"]
        assert collected(project, f"suite.json::{name}") == [f"suite.json::{name}[sim/steady]"]
    else:
        assert result.parseoutcomes() == {"errors": 1}
        result.stdout.fnmatch_lines(["suite.json:1: *"])


def test_a_prefix_selects_nothing_and_a_scenario_all_its_runs(project: Project) -> None:
    project.suite(right("a", repeat=2), right("ab"), models=["sim/steady", "sim/flaky"])

    assert collected(project, "suite.yaml::a") == [
        f"suite.yaml::a[sim/{model}#{trial}]" for model in ("steady", "flaky") for trial in (1, 2)
    ]
    assert collected(project, "suite.yaml::a[sim/flaky#2]") == ["suite.yaml::a[sim/flaky#2]"]
    assert project.bench("suite.yaml::a[sim/flaky]").ret == pytest.ExitCode.USAGE_ERROR


def test_files_outside_the_rootdir_are_told_apart_and_run(project: Project, workers: tuple[str, ...]) -> None:
    """For a file that was named itself pytest has no node id then: a controller took its runs for ordinary tests."""
    project.write("inner/pytest.ini", "[pytest]\n")
    outside = [f"outer/{name}.yaml" for name in ("one", "two")]
    for name in outside:
        project.suite(right("add"), name=name)

    result = project.bench(
        "--rootdir=inner", "-c", "inner/pytest.ini", "--bench-timeout=20", "--bench-json=b.json", *outside, *workers
    )

    assert result.parseoutcomes() == {"passed": 2}
    told = json_report(project.path / "b.json")["results"]
    assert sorted(run["nodeid"] for run in told) == [f"../{name}::add[sim/steady]" for name in outside]
