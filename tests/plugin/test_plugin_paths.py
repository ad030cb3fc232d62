"""Paths of options: what cannot be is said before the first call, and none of them moves the rootdir."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right

LONG = "a" * 300


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (f"--bench-store={LONG}", "--bench-store 'aaa*': File name too long; give another path"),
        (f"--bench-compare={LONG}", "--bench-compare 'aaa*': File name too long; give another path"),
        (f"--bench-config={LONG}", "--bench-config 'aaa*': File name too long; give another path"),
        ("--bench-json=/", "--bench-json '/' cannot be written: Is a directory; *"),
        ("--bench-html=folder", "--bench-html '*folder' cannot be written: Is a directory; *"),
        ("--bench-markdown=suite.yaml/m.md", "--bench-markdown '*' cannot be written: *"),
        ("--bench-json=", "--bench-json names no file: give a path"),
        ("--bench-store=", "--bench-store names no file: give a path"),
        ("--bench-json=bench.toml", "--bench-json and the configuration are one file, *: name another one"),
        ("--bench-config=/", "/: cannot be read: *"),
        ("--timeout=nan", "--timeout: 'nan' is no number of seconds; 0 is no limit"),
    ],
)
def test_a_path_that_cannot_be_is_a_usage_error(project: Project, sim: SimServer, option: str, said: str) -> None:
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])
    (project.path / "folder").mkdir()
    result = project.bench("suite.yaml", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])
    assert sim.stats() == {}


def test_a_shard_of_unthinkably_many_is_as_empty_as_others(project: Project) -> None:
    project.suite(right("a"), right("b"))
    project.bench("suite.yaml", "--bench-shard=2/99999999999").assert_outcomes(passed=1, deselected=1)
    assert project.bench("suite.yaml", "--bench-shard=9/99999999999").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_missing_folders_of_a_report_are_made(project: Project) -> None:
    project.suite(right("a"))
    project.bench("suite.yaml", "--bench-json=new/folder/bench.json").assert_outcomes(passed=1)
    assert [path.name for path in (project.path / "new" / "folder").iterdir()] == ["bench.json"]


def test_two_reports_are_two_files(project: Project) -> None:
    project.suite(right("a"))
    result = project.bench("suite.yaml", "--bench-json=out", "--bench-html=out")
    result.stderr.fnmatch_lines(["*--bench-html and --bench-json are one file, *"])


def test_a_report_that_is_there_already_moves_no_rootdir(project: Project, tmp_path: Path) -> None:
    project.suite(right("a"))
    report = tmp_path / "elsewhere" / "bench.json"
    for _ in range(2):
        result = project.bench("suite.yaml", "--bench-json", str(report))
        result.stdout.fnmatch_lines([f"rootdir: {project.path}"])
    assert '"suite.yaml::a[sim/steady]"' in report.read_text(encoding="utf-8").replace(" ", "")
    assert (project.path / ".benchmodels" / "store.sqlite").is_file()


def test_a_configuration_that_an_options_value_brought_is_refused(project: Project, tmp_path: Path) -> None:
    project.suite(right("a"))
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "pytest.ini").write_text("[pytest]\n")
    (other / "bench.json").write_text("{}")
    result = project.bench("--bench-json", str(other / "bench.json"))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*write option and value as one word (--bench-json=FILE), or give --rootdir*"])
