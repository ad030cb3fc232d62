"""--bench-html, --bench-markdown: the reports are there, and hold the session's figures."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, json_report, right, wrong

FILES = ("--bench-html=out/r.html", "--bench-markdown=out/r.md", "--bench-json=b.json")


def test_they_hold_figures_gates_and_comparison(project: Project) -> None:
    project.suite(right("a"), right("b"), models=["sim/steady", "sim/flaky"])
    project.bench()
    project.suite(right("a"), wrong("b"), models=["sim/steady", "sim/flaky"])
    gate = "pass_rate >= 90% @ sim/steady"

    result = project.bench("--bench-compare=latest", f"--bench-gate={gate}", *FILES)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    page = (project.path / "out" / "r.html").read_text("utf-8")
    summary = (project.path / "out" / "r.md").read_text("utf-8")
    assert json_report(project.path / "b.json")["run"]["id"] in page
    for text in (page, summary):
        assert "2 scenarios x 2 models = 4 runs in " in text
        assert "1/2" in text
        assert "0.500 (1/2)" in text.replace("&#40;", "(").replace("&#41;", ")").replace("&#46;", ".")
        assert "suite.yaml" in text.replace("&#46;", ".")
    assert "1 of 2 gates held; 2 passed, 2 failed" in summary
    assert "### Compared with " in summary


def test_collecting_writes_none(project: Project) -> None:
    project.suite(right("a"))

    assert project.bench("--collect-only", *FILES).ret == 0
    assert not (project.path / "out").exists()


def test_they_are_complete_without_a_store(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), wrong("b"))

    project.bench("--bench-store=none", *FILES, *workers)

    assert len(json_report(project.path / "b.json")["results"]) == 2
    assert "1 passed, 1 failed" in (project.path / "out" / "r.md").read_text("utf-8")
    assert "2 scenarios x 1 model = 2 runs in " in (project.path / "out" / "r.html").read_text("utf-8")
