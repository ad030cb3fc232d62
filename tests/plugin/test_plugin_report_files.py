"""--bench-json, --bench-html, --bench-markdown: a file that cannot be written is said, and costs nothing else."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, json_report, right


@pytest.mark.parametrize("option", ["--bench-json", "--bench-html", "--bench-markdown"])
def test_a_report_that_cannot_be_written_is_said_below_the_summary(
    project: Project, option: str, workers: tuple[str, ...]
) -> None:
    project.suite(right("add"))

    result = project.bench(f"{option}=.", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        [
            "makespan *",
            "*1 passed*",
            f"ERROR: {option} '{project.path}' cannot be written: Is a directory; name a file *",
        ]
    )


def test_the_other_reports_are_written_all_the_same(project: Project) -> None:
    project.suite(right("add"))

    result = project.bench("--bench-json=b.json", "--bench-html=.", "--bench-markdown=b.md")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [entry["status"] for entry in json_report(project.path / "b.json")["results"]] == ["passed"]
    assert "sim/steady" in (project.path / "b.md").read_text(encoding="utf-8")
