"""--bench-json, --bench-html, --bench-markdown: a file that cannot be written is said, as soon as that can be known."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, by_both, json_report, junit_cases, right

GOES_AWAY = """
import pathlib

def pytest_bench_result(result):
    pathlib.Path("{name}").mkdir()
"""


@pytest.mark.parametrize("place", ["folder", "file/r"], ids=["a-folder", "below-a-file"])
def test_before_the_first_call_all_are_said_and_nothing_is_touched(
    project: Project, sim: SimServer, place: str
) -> None:
    project.watch(sim.url)
    (project.path / "folder").mkdir()
    project.write("file", "mine")
    project.suite(right("add"), models=["watched"])
    options = ("--bench-json", "--bench-html", "--bench-markdown")

    # The same file for two reports is an error of its own.
    for option in options:
        result = project.bench(f"{option}={place}", "--junitxml=j.xml")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {option} '*{place}' cannot be written: *; name a file in a folder *"])

    assert sim.stats() == {}
    assert not (project.path / "j.xml").exists()
    assert (project.path / "file").read_text(encoding="utf-8") == "mine"


@by_both("option", "--bench-html", "--bench-markdown", "--bench-json")
def test_one_that_cannot_be_written_any_more_is_said_below_the_summary(
    project: Project, option: str, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", GOES_AWAY.format(name="r"))
    project.suite(right("add"))

    result = project.bench(f"{option}=r", "--junitxml=j.xml", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        [
            "makespan *",
            "*1 passed*",
            f"ERROR: {option} '{project.path}/r' cannot be written: Is a directory; name a file *",
        ]
    )
    assert len(junit_cases(project.path / "j.xml")) == 1


def test_the_other_reports_are_written_all_the_same(project: Project) -> None:
    project.write("conftest.py", GOES_AWAY.format(name="b.html"))
    project.suite(right("add"))

    result = project.bench("--bench-json=b.json", "--bench-html=b.html", "--bench-markdown=b.md")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [entry["status"] for entry in json_report(project.path / "b.json")["results"]] == ["passed"]
    assert "sim/steady" in (project.path / "b.md").read_text(encoding="utf-8")
