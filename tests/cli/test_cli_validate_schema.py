"""`benchmodels validate` and `benchmodels schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pytest_benchmodels
from tests.cli.cli_parts import run_command

Capture = pytest.CaptureFixture[str]

RIGHT = "scenarios:\n  - {id: a, prompt: 2 + 2?, checks: [{equals: '4'}]}\n  - {id: b, prompt: 1 + 1?}\n"
WRONG = "scenarios:\n  - id: a\n    promt: 2 + 2?\n  - id: b\n    prompt: 1 + 1?\n    checks: [{exuals: '2'}]\n"


def test_files_without_a_problem(folder: Path, capsys: Capture) -> None:
    (folder / "one.yaml").write_text(RIGHT)
    (folder / "other.json").write_text('{"name": "not a scenario file"}')

    assert run_command(capsys, "validate", ".") == (0, "1 file, 2 scenarios: no problem\n", "")


def test_each_problem_has_its_line(folder: Path, capsys: Capture) -> None:
    (folder / "suite").mkdir()
    (folder / "suite" / "right.yml").write_text(RIGHT)
    (folder / "suite" / "wrong.yaml").write_text(WRONG)

    done = run_command(capsys, "validate", "suite")

    assert (done.status, done.err) == (1, "")
    *problems, counts = done.out.splitlines()
    assert [problem.partition(": ")[0] for problem in problems] == [
        *("suite/wrong.yaml:2", "suite/wrong.yaml:3", "suite/wrong.yaml:6"),
    ]
    assert "did you mean 'prompt'?" in problems[1]
    assert "did you mean 'equals'?" in problems[2]
    assert counts == "2 files, 2 scenarios: 3 problems in 1 file"


def test_problems_as_annotations(folder: Path, capsys: Capture) -> None:
    (folder / "a,b%.yaml").write_text("scenarios:\n  - {id: a, prompt: hi, 50%: 1}\n")

    first, _ = run_command(capsys, "validate", ".", "--format", "github").out.splitlines()

    assert first.startswith("::error file=a%2Cb%25.yaml,line=2::unknown key '50%25'")


def test_a_file_that_was_named_has_to_be_one(folder: Path, capsys: Capture) -> None:
    (folder / "other.json").write_text('{"name": "x"}')

    done = run_command(capsys, "validate", "other.json")

    assert done.status == 1
    assert done.out.startswith("other.json:1: no format recognises this file")


def test_each_file_is_checked_once(folder: Path, capsys: Capture) -> None:
    (folder / "one.yaml").write_text(RIGHT)

    assert run_command(capsys, "validate", "one.yaml", ".", "./one.yaml").out.startswith("1 file, ")


def test_folders_that_pytest_leaves_out_are_left_out(folder: Path, capsys: Capture) -> None:
    for name in (".git", "node_modules", "suite"):
        (folder / name).mkdir()
        (folder / name / "f.yaml").write_text(RIGHT)

    assert run_command(capsys, "validate", ".").out.startswith("1 file, ")
    assert run_command(capsys, "validate", ".git").out.startswith("1 file, ")


def test_a_path_that_is_not_there(capsys: Capture) -> None:
    done = run_command(capsys, "validate", "nope")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: 'nope': there is no such file or folder; name scenario files or folders of them\n"
    )


def test_a_folder_with_nothing_to_check(folder: Path, capsys: Capture) -> None:
    done = run_command(capsys, "validate", str(folder))

    assert done.status == 2
    assert "no file in it ends in .yaml, .yml, .json, .jsonl; name another folder" in done.err


def test_datasets_come_from_where_it_is_allowed(folder: Path, capsys: Capture) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "records.jsonl").write_text('{"question": "2 + 2?"}\n')
    (folder / "suite").mkdir()
    suite = "scenarios:\n  - {id: a, prompt: '{{ question }}', dataset: {file: ../data/records.jsonl}}\n"
    (folder / "suite" / "s.yaml").write_text(suite)

    refused = run_command(capsys, "validate", "suite")
    allowed = run_command(capsys, "validate", "suite", "--allow-path", "data")

    assert (refused.status, "../data/records.jsonl" in refused.out) == (1, True)
    assert allowed == (0, "1 file, 1 scenario: no problem\n", "")


def test_the_schema_is_the_one_that_ships(capsys: Capture) -> None:
    shipped = Path(pytest_benchmodels.__file__).with_name("scenario.schema.json")

    assert run_command(capsys, "schema").document == json.loads(shipped.read_text(encoding="utf-8"))
