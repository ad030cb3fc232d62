"""What the shell is offered, through the protocol of argcomplete."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cli_parts import made_store, result, run_command, run_process, usual_store


def completed(folder: Path, line: str) -> list[str]:
    answer = folder / "answer"
    environ = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_COMP_WORDBREAKS": "",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    done = run_process(folder, environ=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return [word.strip() for word in answer.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def _needs_argcomplete() -> None:
    pytest.importorskip("argcomplete")


def test_commands(folder: Path) -> None:
    assert completed(folder, "benchmodels s") == ["show", "schema"]


def test_options(folder: Path) -> None:
    assert completed(folder, "benchmodels prune --o") == ["--older-than"]


def test_runs(folder: Path) -> None:
    old, new = made_store(usual_store(folder), [result("a")], [result("a")])

    assert {old, new} <= {*completed(folder, "benchmodels show 20")}
    assert completed(folder, "benchmodels show lat") == ["latest"]
    assert completed(folder, f"benchmodels compare latest {new[:-2]}") == [new]
    assert completed(folder, f"benchmodels gate latest --baseline {new[:-2]}") == [new]


def test_files_in_place_of_runs(folder: Path) -> None:
    (folder / "bench.json").touch()

    assert completed(folder, "benchmodels compare be") == ["bench.json"]


def test_node_ids_of_the_run_that_was_typed(folder: Path) -> None:
    made_store(usual_store(folder), [result("a")], [result("b"), result("c")])

    assert completed(folder, "benchmodels show latest su") == [r"suite.yaml::b\[m\]", r"suite.yaml::c\[m\]"]
    assert completed(folder, "benchmodels show -2 suite") == [r"suite.yaml::a\[m\]"]


def test_nothing_where_there_is_no_store(folder: Path) -> None:
    assert completed(folder, "benchmodels show 20") == []
    assert completed(folder, "benchmodels show latest su") == []


def test_without_the_shell_nothing_is_different(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(capsys, "show", "20").status == 2
