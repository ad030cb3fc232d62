"""pytest_bench_reports and --bench-report: reports that users bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, junit_cases, right, wrong

REPORTS = """
import csv
import os

class History:
    \"\"\"Adds a row for each model.\"\"\"
    def write(self, path, evaluation):
        with path.open("a", newline="") as file:
            rows = csv.writer(file)
            for model in evaluation.figures.models:
                rows.writerow([model.model, model.passed, model.graded, evaluation.run.exit_status])
        print("written by", os.environ.get("PYTEST_XDIST_WORKER", "controller"))

def names(path, evaluation):
    twice = [[result.scenario for result in evaluation.results()] for _ in range(2)]
    assert twice[0] == twice[1]
    path.write_text("\\n".join(sorted(twice[0])), encoding="utf-8")
    path.with_suffix(".side").write_text("beside", encoding="utf-8")

def broken(path, evaluation):
    path.write_text("half", encoding="utf-8")
    {}["nothing"]

def pytest_bench_reports():
    return {"history": History, "names": names, "broken": broken, "silent": lambda path, evaluation: None}
"""
BROKEN_LINE = next(number for number, line in enumerate(REPORTS.split("\n"), 1) if 'nothing"]' in line)


def left_over(project: Project) -> list[Path]:
    """What of a report's way to its place is still there."""
    return [
        path for path in project.path.rglob(".*") if path.name not in {".benchmodels", ".pytest_cache", ".gitignore"}
    ]


def test_a_report_of_the_users_gets_what_ours_get(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", REPORTS)
    project.write("out/history.csv", "before\r\n")
    project.suite(right("add"), wrong("bad"))

    result = project.bench(
        "--bench-report=history=out/history.csv",
        "--bench-report",
        "names=new/names.txt",
        "--bench-json=b.json",
        *workers,
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (project.path / "out/history.csv").read_bytes() == b"before\r\nsim/steady,1,2,1\r\n"
    assert (project.path / "new/names.txt").read_text(encoding="utf-8") == "add\nbad"
    assert (project.path / "new/names.side").read_text(encoding="utf-8") == "beside"
    assert len(json_report(project.path / "b.json")["results"]) == 2
    assert result.stdout.str().count("written by controller") == 1
    assert left_over(project) == []


def test_one_that_crashes_is_said_with_its_line_and_costs_nothing_else(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", REPORTS)
    project.write("old.txt", "old")
    project.suite(right("add"))

    result = project.bench(
        "--bench-report=broken=old.txt",
        "--bench-report=names=n.txt",
        "--bench-html=r.html",
        "--junitxml=j.xml",
        *workers,
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    crashed = f"the report 'broken' crashed: KeyError: 'nothing' (conftest.py:{BROKEN_LINE})"
    result.stdout.fnmatch_lines(
        ["*1 passed*", f"ERROR: --bench-report broken '{project.path}/old.txt' cannot be written: {crashed}"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert (project.path / "old.txt").read_text() == "old"
    assert (project.path / "n.txt").read_text() == "add"
    assert (project.path / "r.html").exists()
    assert len(junit_cases(project.path / "j.xml")) == 1
    assert left_over(project) == []


@pytest.mark.parametrize("raised", ["pytest.fail('no')", "pytest.skip('no')", "raise SystemExit(0)", "sys.exit()"])
def test_what_is_no_exception_of_the_usual_kind_is_a_crash_too(
    project: Project, workers: tuple[str, ...], raised: str
) -> None:
    project.write(
        "conftest.py",
        f"import sys\nimport pytest\n\ndef write(path, evaluation):\n    {raised}\n\n"
        "def pytest_bench_reports():\n    return {'mine': write}\n",
    )
    project.suite(right("add"))

    result = project.bench("--bench-report=mine=m.txt", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: --bench-report mine * the report 'mine' crashed: * (conftest.py:5)"])


def test_one_that_writes_nothing_is_said(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", REPORTS)
    project.suite(right("add"))

    result = project.bench("--bench-report=silent=s.txt", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: --bench-report silent '*s.txt': the report 'silent' wrote no file: *"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("names", "--bench-report 'names': write NAME=FILE, such as html=report.html"),
        ("=x", "--bench-report '=x': write NAME=FILE, such as html=report.html"),
        ("names=", "--bench-report names names no file: give a path"),
        ("name=x", "there is no report 'name'; did you mean 'names'?; reports are json, html, markdown, junitxml, *"),
        ("names=folder", "--bench-report names '*folder' cannot be written: Is a directory; *"),
        ("names=suite.yaml/x", "--bench-report names '*' cannot be written: *"),
        ("names=bench.toml", "--bench-report names=*bench.toml and the configuration are one file, *"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_first_call(
    project: Project, sim: SimServer, workers: tuple[str, ...], option: str, said: str
) -> None:
    project.watch(sim.url)
    project.write("conftest.py", REPORTS)
    (project.path / "folder").mkdir()
    project.suite(right("add"), models=["watched"])

    result = project.bench(f"--bench-report={option}", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    result.stderr.no_fnmatch_line("*Traceback*")
    assert sim.stats() == {}


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("return [1]", "pytest_bench_reports returned [[]1]: give a mapping of names to reports*"),
        ("return {'a b': print}", "pytest_bench_reports: 'a b' is no name of a report: use letters*"),
        ("return {'html': print}", "pytest_bench_reports: there is a report 'html' already; give yours another name"),
        (
            "return {'mine': 3}",
            "pytest_bench_reports: the report 'mine' is 3: a report is a function (path, evaluation)*",
        ),
        ("return {'mine': lambda path: 0}", "pytest_bench_reports: the report 'mine' cannot be called so *"),
        (
            "return {'mine': type('R', (), {'__init__': lambda self: 1 / 0})}",
            "*'mine' cannot be made: ZeroDivisionError*",
        ),
        ("1 / 0", "pytest_bench_reports() crashed: ZeroDivisionError: division by zero (conftest.py:3)"),
    ],
)
def test_what_is_no_report_is_said_before_the_first_call(
    project: Project, sim: SimServer, workers: tuple[str, ...], hook: str, said: str
) -> None:
    project.watch(sim.url)
    project.write("conftest.py", f"\ndef pytest_bench_reports():\n    {hook}\n")
    project.suite(right("add"), models=["watched"])

    result = project.bench("--bench-report=mine=x", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert sim.stats() == {}


def test_it_may_stand_in_the_ini_file_and_name_ours(project: Project, workers: tuple[str, ...]) -> None:
    project.write("pytest.ini", "[pytest]\naddopts = --bench-report=markdown=a.md --bench-report=markdown=b.md\n")
    project.suite(right("add"))

    project.bench(*workers)

    texts = [(project.path / name).read_text(encoding="utf-8") for name in ("a.md", "b.md")]
    assert texts[0] == texts[1]
    assert "1 passed" in texts[0]


def test_a_plugin_that_comes_late_may_bring_one(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        "class Late:\n    def pytest_bench_reports(self):\n"
        "        return {'late': lambda path, _: path.write_text('x')}\n\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(Late())\n",
    )
    project.suite(right("add"))

    result = project.bench("--bench-report=late=l.txt", *workers)

    assert result.ret == pytest.ExitCode.OK
    assert (project.path / "l.txt").read_text() == "x"


def test_to_collect_alone_writes_none(project: Project) -> None:
    project.write("conftest.py", REPORTS)
    project.suite(right("add"))

    project.bench("--collect-only", "--bench-report=names=n.txt")

    assert not (project.path / "n.txt").exists()


def test_results_that_stay_in_no_store_are_there_for_it(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", REPORTS)
    project.suite(right("add"))

    project.bench("--bench-store=none", "--bench-report=names=n.txt", *workers)

    assert (project.path / "n.txt").read_text() == "add"
