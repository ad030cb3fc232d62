"""Each status of a run as pytest, JUnit and pytest-json-report show it."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import (
    Project,
    broken,
    hanging,
    json_report,
    junit_cases,
    properties,
    right,
    scenario,
    wrong,
)

HOSTILE = "\x1b[2J\x07 nul:\x00 ]]> \u202e \ud800 <script>&amp; " + "y" * 100_000
ALWAYS = {
    *("bench.scenario", "bench.model", "bench.trial", "bench.status", "bench.attempts"),
    *("bench.latency_s", "bench.wait_s"),
}
TIMED = {"bench.retry_s", "bench.connect_s", "bench.client_s"}
"""Not known of every run, nor from every provider."""


def write_all(project: Project) -> None:
    project.suite(
        right("passes"),
        wrong("fails"),
        hanging("is-late"),
        broken("breaks"),
        right("is-skipped", skip="not now"),
        wrong("fails-as-known", xfail="too hard"),
        right("passes-unexpectedly", xfail="too hard"),
        broken("breaks-all-the-same", xfail="too hard"),
        name="s.yaml",
    )


def test_each_status_has_its_outcome(project: Project, workers: tuple[str, ...]) -> None:
    write_all(project)

    result = project.bench("-ra", *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {
        "passed": 1,
        "failed": 2,
        "errors": 2,
        "skipped": 1,
        "xfailed": 1,
        "xpassed": 1,
    }
    result.stdout.fnmatch_lines_random(
        [
            "FAILED s.yaml::fails[[]sim/steady[]] - 1 of 1 check failed: equals '4'*",
            "FAILED s.yaml::is-late[[]sim/steady[]] - Timeout (>0.3s): *",
            "ERROR s.yaml::breaks[[]sim/steady[]] - bad-request: HTTP 400*",
            "ERROR s.yaml::breaks-all-the-same[[]sim/steady[]] - bad-request: HTTP 400*",
            "SKIPPED [[]1[]] s.yaml: not now",
            "XFAIL s.yaml::fails-as-known[[]sim/steady[]] - too hard",
            "XPASS s.yaml::passes-unexpectedly[[]sim/steady[]] - too hard",
        ]
    )


def test_a_failures_text_is_its_own_and_no_traceback(project: Project) -> None:
    write_all(project)

    shown = project.bench().stdout.str()

    assert "failed  equals '4': expected '4', got " in shown
    assert "Traceback" not in shown
    assert ".py:" not in shown


def test_junit_tells_them_apart_with_durations_and_properties(project: Project, workers: tuple[str, ...]) -> None:
    write_all(project)

    project.bench("--junitxml=j.xml", *workers)

    cases = junit_cases(project.path / "j.xml")
    inside = {
        name.partition("[")[0]: [part.tag for part in case if part.tag != "properties"] for name, case in cases.items()
    }
    assert inside == {
        "passes": [],
        "fails": ["failure"],
        "is-late": ["failure"],
        "breaks": ["error"],
        "is-skipped": ["skipped"],
        "fails-as-known": ["skipped"],
        "passes-unexpectedly": [],
        "breaks-all-the-same": ["error"],
    }
    assert 0.3 <= float(cases["is-late[sim/steady]"].attrib["time"]) < 60
    assert properties(cases["fails[sim/steady]"]).keys() - TIMED == ALWAYS | {
        "bench.score",
        "bench.input_tokens",
        "bench.output_tokens",
        "bench.cost_usd",
        "bench.known_cost_usd",
    }
    statuses = {name.partition("[")[0]: properties(case)["bench.status"] for name, case in cases.items()}
    assert statuses["is-late"] == "timeout"
    assert statuses["breaks"] == statuses["breaks-all-the-same"] == "error"
    assert statuses["is-skipped"] == "skipped"


def test_json_report_has_the_same_facts(project: Project, workers: tuple[str, ...]) -> None:
    write_all(project)

    project.bench("--json-report", "--json-report-file=r.json", *workers)

    tests = {test["nodeid"]: test for test in json_report(project.path / "r.json")["tests"]}
    metadata = tests["s.yaml::fails[sim/steady]"]["metadata"]
    assert (metadata["scenario"], metadata["model"], metadata["trial"]) == ("fails", "sim/steady", 1)
    assert (metadata["status"], metadata["score"], metadata["attempts"]) == ("failed", 0.0, 1)
    assert tests["s.yaml::breaks[sim/steady]"]["metadata"]["status"] == "error"


def test_a_hostile_answer_breaks_nothing(project: Project) -> None:
    project.suite(scenario("hostile", {"text": HOSTILE.replace("\ud800", "")}), right("passes"))

    result = project.bench("-rA", "--junitxml=j.xml", "--json-report", "--bench-json=b.json")

    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    shown = result.stdout.str()
    assert "\\x1b[2J" in shown
    assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(shown)
    assert len(shown) < 50_000
    assert len(junit_cases(project.path / "j.xml")) == 2
    assert len(json_report(project.path / ".report.json")["tests"]) == 2
    assert len(json_report(project.path / "b.json")["results"]) == 2
