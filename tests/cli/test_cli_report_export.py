"""`benchmodels report` and `benchmodels export`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_benchmodels.reports.export import COLUMNS
from pytest_benchmodels.store import Store
from tests.cli.cli_parts import made_run, made_store, result, run_command, run_process, usual_store

Capture = pytest.CaptureFixture[str]


def junit_suite(path: Path) -> ET.Element:
    return ET.parse(path).getroot()[0]  # noqa: S314 - a file of our own


@pytest.fixture
def run_id(folder: Path) -> str:
    (run_id,) = made_store(usual_store(folder), [result("a"), result("b", "failed"), result("c", "error")])
    return run_id


def test_all_reports_are_made_again(run_id: str, folder: Path, capsys: Capture) -> None:
    done = run_command(
        capsys,
        *("report", "latest", "--html", "r.html", "--markdown", "r.md", "--json", "r.json", "--junitxml", "deep/r.xml"),
    )

    assert done == (0, "", "")
    suite = junit_suite(folder / "deep" / "r.xml")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "skipped": "0",
    }
    document = json.loads((folder / "r.json").read_text())
    assert [each["nodeid"] for each in document["results"]] == [f"suite.yaml::{name}[m]" for name in "abc"]
    assert document["run"]["id"] == run_id
    assert (document["run"]["exit_status"], document["run"]["concurrency"]) == (1, 3)
    assert document["run"]["started_at"] == "2001-09-09T01:46:40.000Z"
    for name in ("r.html", "r.md"):
        assert "suite.yaml::b" in (folder / name).read_text().replace("&#58;", ":").replace("&#46;", ".")


def test_a_report_of_a_report_is_the_same(run_id: str, folder: Path, capsys: Capture) -> None:
    run_command(capsys, "report", run_id, "--json", "one.json")

    assert run_command(capsys, "report", "one.json", "--json", "two.json").status == 0
    assert json.loads((folder / "two.json").read_text()) == json.loads((folder / "one.json").read_text())


def test_a_report_shows_gates_and_a_comparison(run_id: str, folder: Path, capsys: Capture) -> None:
    done = run_command(
        capsys,
        *("report", "latest", "--junitxml", "r.xml", "--markdown", "r.md", "--json", "r.json"),
        *("--compare", run_id, "--gate", "pass_rate >= baseline", "--gate", "score > 0", "--gate", "graded > 60%"),
    )

    assert done == (0, "", "")
    names = [case.get("name") for case in junit_suite(folder / "r.xml")]
    assert names[3:] == ["pass_rate >= baseline", "score > 0", "graded > 60%"]
    assert "inconclusive" in (folder / "r.md").read_text()
    document = json.loads((folder / "r.json").read_text())
    assert [gate["held"] for gate in document["gates"]] == [True, True, True]
    assert document["comparison"]["models"][0]["verdict"] == "inconclusive"
    # As in a session, gates decide in place of the results.
    assert document["run"]["exit_status"] == 0


def test_an_interrupted_runs_report_says_so(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        made_run(store, [result("a")], finished=False)

    run_command(capsys, "report", "latest", "--json", "r.json")

    assert json.loads((folder / "r.json").read_text())["run"]["exit_status"] == 2
    assert "interrupted" in run_command(capsys, "show", "r.json").out.splitlines()[0]


def test_a_rule_against_a_baseline_that_is_not_named(run_id: str, capsys: Capture) -> None:
    done = run_command(capsys, "report", run_id, "--json", "r.json", "--gate", "score >= baseline")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: gate 'score >= baseline': there is no baseline; name one with --compare RUN\n"
    )


def test_a_report_has_to_be_asked_for(run_id: str, capsys: Capture) -> None:
    done = run_command(capsys, "report", run_id)

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: no report was asked for: name a file with --html, --markdown, --json, --junitxml, "
        "--report NAME=FILE\n"
    )


@pytest.mark.parametrize("form", ["html", "markdown", "json", "junitxml"])
def test_a_report_that_cannot_be_written(form: str, run_id: str, folder: Path, capsys: Capture) -> None:
    (folder / "file").touch()

    done = run_command(capsys, "report", run_id, f"--{form}", "file/r")

    assert done.status == 2
    assert f"--{form} 'file/r' cannot be written: " in done.err


def test_csv_on_standard_output(run_id: str, capsys: Capture) -> None:
    done = run_command(capsys, "export", run_id, "--format", "csv")

    titles, *rows = csv.reader(io.StringIO(done.out))
    assert titles == list(COLUMNS)
    assert [row[titles.index("status")] for row in rows] == ["passed", "failed", "error"]


def test_json_lines_into_a_file(run_id: str, folder: Path, capsys: Capture) -> None:
    assert run_command(capsys, "export", run_id, "--format", "jsonl", "-o", "deep/rows.jsonl") == (0, "", "")

    rows = [json.loads(line) for line in (folder / "deep" / "rows.jsonl").read_text().splitlines()]
    assert [row["scenario"] for row in rows] == ["a", "b", "c"]


def test_parquet_through_a_pipe(run_id: str, folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    pyarrow = pytest.importorskip("pyarrow", exc_type=ImportError)

    done = run_process(folder, "export", run_id, "--format", "parquet")

    assert done.returncode == 0, done.stderr
    table = parquet.read_table(pyarrow.BufferReader(done.stdout))
    assert table.column("status").to_pylist() == ["passed", "failed", "error"]


def test_parquet_is_not_for_a_terminal(run_id: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    done = run_command(capsys, "export", run_id, "--format", "parquet")

    assert (done.status, done.out) == (2, "")
    assert done.err == "benchmodels: error: parquet is no text for a terminal; name a file with --output FILE\n"


def test_a_format_has_to_be_named(run_id: str, capsys: Capture) -> None:
    assert "the following arguments are required: --format" in run_command(capsys, "export", run_id).err
