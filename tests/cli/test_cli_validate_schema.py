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


def test_a_model_that_is_compared_with_itself(folder: Path, capsys: Capture) -> None:
    pair = "  - {judge: Which?, against: AGAINST}\n"
    (folder / "a.yaml").write_text(
        "id: a\nprompt: 2 + 2?\nmodels: [x/y, x/z]\nchecks:\n" + pair.replace("AGAINST", "x/z")
    )
    (folder / "b.yaml").write_text("id: b\nprompt: 2 + 2?\nchecks:\n" + pair.replace("AGAINST", "x/a"))
    (folder / "c.yaml").write_text("id: c\nprompt: 2 + 2?\nchecks:\n" + pair.replace("AGAINST", "x/b"))
    (folder / "bench.toml").write_text('models = ["x/a"]\n')

    done = run_command(capsys, "validate", ".", "--config", "bench.toml")

    first, second, counts = done.out.splitlines()
    assert first.startswith(
        "a.yaml:5: check 'judge': against: 'x/z' answers this scenario itself: its answers would be"
    )
    assert second.startswith(
        "b.yaml:4: check 'judge': against: 'x/a' answers this scenario itself: its answers would be"
    )
    assert counts.endswith("2 problems in 2 files")


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


def write_suite_with_data_beside(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "records.jsonl").write_text('{"question": "2 + 2?"}\n')
    (folder / "suite").mkdir()
    suite = "scenarios:\n  - {id: a, prompt: '{{ question }}', dataset: {file: ../data/records.jsonl}}\n"
    (folder / "suite" / "s.yaml").write_text(suite)


NO_PROBLEM = (0, "1 file, 1 scenario: no problem\n", "")


def test_datasets_come_from_where_it_is_allowed(folder: Path, capsys: Capture) -> None:
    write_suite_with_data_beside(folder)

    refused = run_command(capsys, "validate", "suite")
    allowed = run_command(capsys, "validate", "suite", "--allow-path", "data")

    assert (refused.status, "../data/records.jsonl" in refused.out) == (1, True)
    assert allowed == NO_PROBLEM


def test_the_bench_toml_that_pytest_finds_allows_them(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_suite_with_data_beside(folder)
    (folder / "pytest.ini").touch()
    (folder / "bench.toml").write_text('allow_paths = ["data"]\n')

    assert run_command(capsys, "validate", "suite") == NO_PROBLEM
    monkeypatch.chdir(folder / "suite")
    assert run_command(capsys, "validate", "s.yaml") == NO_PROBLEM


def test_a_named_configuration_takes_its_place(folder: Path, capsys: Capture) -> None:
    write_suite_with_data_beside(folder)
    (folder / "bench.toml").write_text('allow_paths = ["data"]\n')
    (folder / "etc").mkdir()
    (folder / "etc" / "strict.toml").write_text("")
    (folder / "etc" / "other.toml").write_text('allow_paths = ["../data"]\n')

    assert run_command(capsys, "validate", "suite", "--config", "etc/strict.toml").status == 1
    assert run_command(capsys, "validate", "suite", "--config", "etc/other.toml") == NO_PROBLEM


def test_a_configuration_that_is_wrong_is_said(folder: Path, capsys: Capture) -> None:
    (folder / "one.yaml").write_text(RIGHT)
    (folder / "bench.toml").write_text('models = ["sim/steady"]\nallow_path = ["data"]\n')

    found = run_command(capsys, "validate", "one.yaml")
    missing = run_command(capsys, "validate", "one.yaml", "--config", "nowhere.toml")

    said = "bench.toml:2: unknown key 'allow_path'; did you mean 'allow_paths'?"
    assert (found.status, found.err) == (2, f"benchmodels: error: {said}\n")
    assert missing.status == 2
    assert missing.err.startswith("benchmodels: error: nowhere.toml: cannot be read: ")


OWN_CHECKS = "scenarios:\n  - {id: a, prompt: hi, checks: [{polite: yes}, courteous, {exuals: hi}]}\n"
NOTE = "; validate runs no code: `pytest --bench --collect-only` knows the checks of conftest.py too"


@pytest.mark.parametrize("place", [".", "suite", "suite/deep"])
def test_a_check_may_be_one_of_a_conftest_which_is_not_run(folder: Path, capsys: Capture, place: str) -> None:
    (folder / "suite" / "deep").mkdir(parents=True)
    (folder / "suite" / "deep" / "s.yaml").write_text(OWN_CHECKS)
    (folder / "pytest.ini").touch()
    (folder / place / "conftest.py").write_text("raise AssertionError('this is code')\n")

    done = run_command(capsys, "validate", "suite")

    assert (done.status, done.err) == (1, "")
    assert sorted(line.partition(": ")[2] for line in done.out.splitlines()[:3]) == [
        f"unknown check 'courteous'{NOTE}",
        f"unknown check 'exuals'; did you mean 'equals'?{NOTE}",
        f"unknown check 'polite'{NOTE}",
    ]


@pytest.mark.parametrize("place", ["..", "beside"])
def test_a_conftest_that_pytest_would_not_load_is_not_spoken_of(folder: Path, capsys: Capture, place: str) -> None:
    (folder / "top" / "beside").mkdir(parents=True)
    (folder / "top" / "s.yaml").write_text(OWN_CHECKS)
    (folder / "top" / "pytest.ini").touch()
    (folder / "top" / place / "conftest.py").touch()

    assert "conftest.py" not in run_command(capsys, "validate", "top/s.yaml").out


def test_the_schema_is_the_one_that_ships(capsys: Capture) -> None:
    shipped = Path(pytest_benchmodels.__file__).with_name("scenario.schema.json")

    assert run_command(capsys, "schema").document == json.loads(shipped.read_text(encoding="utf-8"))
