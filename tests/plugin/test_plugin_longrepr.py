"""How pytest and its reports show a run that is no success: the reason on one line first, the whole text once."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tests.plugin.plugin_parts import Project, right, wrong

REASON = "1 of 1 check failed: equals '4'"


def failing(project: Project) -> None:
    project.suite(right("a"), wrong("b"), wrong("c"))


@pytest.mark.parametrize("ci", ["", "true"])
def test_the_whole_text_is_shown_once(project: Project, monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    monkeypatch.setenv("CI", ci)
    failing(project)

    lines = project.bench().outlines

    assert sum(line.lstrip().startswith("answer:") for line in lines) == 2
    short = [line for line in lines if line.startswith("FAILED ")]
    assert len(short) == 2
    assert all(REASON in line for line in short)


def test_one_line_a_failure(project: Project, workers: tuple[str, ...]) -> None:
    failing(project)

    lines = project.bench("--tb=line", "-rN", *workers).outlines

    told = [line for line in lines if REASON in line]
    assert len(told) == 2
    assert all(line.startswith("suite.yaml:1: ") for line in told)
    assert not [line for line in lines if line.lstrip().startswith("answer:")]


def test_junit_has_the_reason_as_message_and_the_text_within(project: Project) -> None:
    failing(project)
    project.bench("--tb=line", "--junitxml=junit.xml")

    failures = list(ET.parse(project.path / "junit.xml").getroot().iter("failure"))  # noqa: S314 - the test's own file

    assert len(failures) == 2
    for failure in failures:
        assert (failure.get("message") or "").startswith(REASON)
        assert "\n" not in (failure.get("message") or "")
        assert "answer:" in (failure.text or "")


def test_json_report_knows_where_it_stands_and_why(project: Project) -> None:
    failing(project)
    project.bench("--json-report")

    document = json.loads((project.path / ".report.json").read_text())

    crashes = [test["call"]["crash"] for test in document["tests"] if test["outcome"] == "failed"]
    assert len(crashes) == 2
    assert all(crash["path"] == "suite.yaml" and crash["message"].startswith(REASON) for crash in crashes)
    texts = [test["call"]["longrepr"] for test in document["tests"] if test["outcome"] == "failed"]
    assert all("answer:" in text for text in texts)


def test_an_error_counts_as_one_at_setup(project: Project) -> None:
    project.suite(right("a", params={"sim": {"status": 400}}), right("b"))

    result = project.bench("--bench-retries=0")

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*ERROR at setup of a*"])
