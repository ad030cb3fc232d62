"""Formats, checks and reports of a project's own in `benchmodels validate` and `benchmodels report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cli_parts import made_store, result, run_command, usual_store

Capture = pytest.CaptureFixture[str]

CONFTEST = """
from pathlib import Path

import pytest_benchmodels
from helper import SUFFIX

class Polite(pytest_benchmodels.Grader, frozen=True):
    polite: bool
    def grade(self, response):
        return pytest_benchmodels.Grade.of("please" in response.text)

def read(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        yield {"id": f"l{number}", "line": number, "prompt": line, "checks": [{line: True}]}

def names(path, evaluation):
    path.write_text(" ".join(result.scenario for result in evaluation.results()))

def broken(path, evaluation):
    raise OSError("disk of mine")

Path(__file__).with_name("ran").touch()

def pytest_bench_graders():
    return [Polite]

def pytest_bench_formats():
    return {SUFFIX: read}

def pytest_bench_reports():
    return {"names": names, "broken": broken}
"""


def write_project(folder: Path) -> None:
    (folder / "pytest.ini").touch()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "helper.py").write_text("SUFFIX = '.txt'\n")


def test_validate_runs_no_code_and_says_what_it_did_not_check(folder: Path, capsys: Capture) -> None:
    write_project(folder)
    (folder / "a.txt").write_text("polite\n")
    (folder / "b.yaml").write_text("id: a\nprompt: Who?\n")

    done = run_command(capsys, "validate", ".")
    named = run_command(capsys, "validate", "a.txt")

    told = "not checked: files of formats that conftest.py defines; --with-conftest runs it, and checks them\n"
    assert done == (0, f"1 file, 1 scenario: no problem\n{told}", "")
    assert named.out.startswith("a.txt:1: no format of ours reads .txt; --with-conftest runs conftest.py")
    assert named.status == 1
    assert not (folder / "ran").exists()


def test_validate_knows_them_where_it_may_run_code(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    write_project(folder)
    (folder / "deep").mkdir()
    (folder / "deep" / "a.txt").write_text("polite\npolit\n")
    (folder / "b.yaml").write_text("id: a\nprompt: Who?\nchecks: [{polite: true}]\n")

    done = run_command(capsys, "validate", "--with-conftest", ".")

    *problems, counts = done.out.splitlines()
    assert [problem.partition(";")[0] for problem in problems] == ["deep/a.txt:2: unknown check 'polit'"]
    assert (done.status, counts) == (1, "2 files, 1 scenario: 1 problem in 1 file")
    assert (folder / "ran").exists()


def test_a_conftest_that_crashes_is_said_with_its_line(folder: Path, capsys: Capture) -> None:
    (folder / "conftest.py").write_text("\nimport json\njson.loads('{')\n")
    (folder / "b.yaml").write_text("id: a\nprompt: Who?\n")

    done = run_command(capsys, "validate", "--with-conftest", ".")

    assert done.status == 2
    assert done.err.startswith(f"benchmodels: error: {folder}/conftest.py cannot be imported: JSONDecodeError: ")
    assert done.err.endswith(" (conftest.py:3)\n")


def test_report_writes_those_of_the_project(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    made_store(usual_store(folder), [result("a"), result("b", "failed")])
    write_project(folder)

    words = ("report", "latest", "--report", "broken=b.txt", "--report", "names=n.txt", "--markdown", "r.md")
    done = run_command(capsys, *words)

    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "benchmodels: error: --report broken 'b.txt' cannot be written: the report 'broken' crashed: "
        "OSError: disk of mine (conftest.py:20)\n"
    )
    assert (folder / "n.txt").read_text() == "a b"
    assert (folder / "r.md").exists()


def test_no_code_runs_for_reports_of_ours(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a")])
    write_project(folder)

    assert run_command(capsys, "report", "latest", "--report", "markdown=r.md").status == 0
    assert (folder / "r.md").exists()
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("names", "--report 'names': write NAME=FILE, such as history=history.csv"),
        ("=x", "--report '=x': write NAME=FILE, such as history=history.csv"),
        ("htm=x", "there is no report 'htm'; did you mean 'html'?; reports are json, html, markdown, junitxml"),
    ],
)
def test_a_report_that_is_none_is_said(folder: Path, capsys: Capture, given: str, said: str) -> None:
    made_store(usual_store(folder), [result("a")])

    done = run_command(capsys, "report", "latest", "--report", given)

    assert done.status == 2
    assert said in done.err
