"""Where the command begins and ends: help, usage errors, closed pipes, encodings, colours."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_benchmodels.cli import main
from pytest_benchmodels.cli import source as location
from pytest_benchmodels.cli.commands import SUMMARIES, load
from pytest_benchmodels.cli.output import Output
from tests.cli.cli_parts import made_by_the_first_version, made_store, result, run_command, run_process, usual_store

Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_help_names_each_command_and_imports_none(folder: Path) -> None:
    dear = "{'msgspec', 'sqlite3', 'asyncio', 'dataclasses', 'pytest'}"
    code = (
        "import sys; from pytest_benchmodels.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit as end: print(end.code, {dear}.isdisjoint(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)

    assert done.stdout.splitlines()[-1] == "0 True"
    for name in SUMMARIES:
        assert f"\n    {name} " in done.stdout


@pytest.mark.parametrize("name", SUMMARIES)
def test_each_command_has_help(name: str, capsys: Capture) -> None:
    done = run_command(capsys, name, "--help")

    assert done.status == 0
    assert f"usage: benchmodels {name}" in done.out
    assert "--no-color" in done.out
    assert load(name).run.__module__ == f"pytest_benchmodels.cli.commands.{name}"


def test_it_says_its_version(capsys: Capture) -> None:
    assert run_command(capsys, "--version").out == f"benchmodels {version('pytest-benchmodels')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "benchmodels: error: the following arguments are required: COMMAND"),
        (["frob"], "benchmodels: error: argument COMMAND: invalid choice: 'frob'"),
        (["list", "--frob"], "benchmodels: error: unrecognized arguments: --frob; see 'benchmodels --help'"),
        (
            ["list", "--newest", "x"],
            "'x' is no whole number from 0; write one, such as 20; see 'benchmodels list ",
        ),
        (["show"], "benchmodels show: error: the following arguments are required: RUN"),
        (["list", "--\x1b[31m"], r"unrecognized arguments: --\x1b[31m"),
    ],
)
def test_arguments_that_cannot_be_are_one_line(words: list[str], said: str, capsys: Capture) -> None:
    done = run_command(capsys, *words)

    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_there_is_no_store(capsys: Capture) -> None:
    done = run_command(capsys, "list")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: no store .benchmodels/store.sqlite in this folder or above; "
        "run `pytest --bench` first, or name one with --store\n"
    )


def test_the_named_store_is_not_there(capsys: Capture) -> None:
    done = run_command(capsys, "list", "--store", "other.sqlite")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: --store 'other.sqlite': there is no such file; name a store that pytest --bench made\n"
    )


def test_the_store_is_found_upwards(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    (run_id,) = made_store(usual_store(folder), [result("a")])
    (folder / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "down")

    assert run_id in run_command(capsys, "list").out


def test_a_damaged_store_is_said_so(folder: Path, capsys: Capture) -> None:
    made_store(folder / "s.sqlite", [result("a")])
    content = (folder / "s.sqlite").read_bytes()
    (folder / "s.sqlite").write_bytes(content[:100] + b"\xff" * (len(content) - 100))

    done = run_command(capsys, "list", "--store", "s.sqlite")

    assert done.status == 2
    assert "benchmodels: error: store 's.sqlite': it is damaged" in done.err


def test_a_store_of_an_older_version_is_brought_up_to_date(folder: Path, capsys: Capture) -> None:
    made_by_the_first_version(folder / "s.sqlite")

    done = run_command(capsys, "list", "--store", "s.sqlite")

    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[1].split()[3:5] == ["finished", "2/3"]


@pytest.mark.parametrize("words", [("list",), ("prune", "--keep", "1")])
def test_it_says_that_it_waits_for_another_process(
    words: tuple[str, ...], folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_store(folder / "s.sqlite", [result("a")])
    monkeypatch.setattr(location, "_LOCK_WAIT", replace(location._LOCK_WAIT, most_s=0.02, quiet_s=0.01))
    with closing(sqlite3.connect(folder / "s.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        done = run_command(capsys, *words, "--store", "s.sqlite")

    assert done.status == 2
    waits, ends = done.err.splitlines()
    assert waits == ("benchmodels: store 's.sqlite': another process keeps it locked; waiting for it, 0.02 s at most")
    assert ends.startswith("benchmodels: error: store 's.sqlite': another process keeps it locked (database is locked)")


def test_an_empty_file_does_not_become_a_store(folder: Path, capsys: Capture) -> None:
    (folder / "s.sqlite").touch()

    assert run_command(capsys, "list", "--store", "s.sqlite").status == 2
    assert (folder / "s.sqlite").read_bytes() == b""


def test_a_folder_in_place_of_a_file_is_a_line(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a")])

    done = run_command(capsys, "export", "latest", "--format", "csv", "-o", str(folder))

    assert done.status == 2
    assert done.err.startswith("benchmodels: error: --output ")
    assert "cannot be written" in done.err


def test_a_closed_pipe_is_quiet(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_benchmodels.cli", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate()

    assert (process.returncode, said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_a_line(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_benchmodels.cli", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=folder,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith(b"benchmodels: error: No space left on device; see whether")
    assert done.stderr.count(b"\n") == 1


def test_an_interrupt_is_quiet(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(load("schema"), "run", interrupted)

    assert run_command(capsys, "schema") == (130, "", "")


def test_where_only_ascii_is_known_all_else_is_escaped(folder: Path) -> None:
    made_store(usual_store(folder), [result("größe", "failed", text="日本")])

    done = run_process(folder, "show", "latest", "[m]", environ={"PYTHONIOENCODING": "ascii"})

    assert done.returncode == 0, done.stderr
    assert rb"suite.yaml::gr\xf6\xdfe[m]" in done.stdout
    assert rb": \u65e5\u672c" in done.stdout


def test_stored_texts_steer_no_terminal(folder: Path, capsys: Capture) -> None:
    hostile = "\x1b[2J\x9b31m\u202e"
    made_store(usual_store(folder), [result(f"a{hostile}", "failed", model=f"m{hostile}", text=hostile)])

    for words in (["list"], ["show", "latest"], ["show", "latest", "a"], ["compare", "latest", "latest"]):
        shown = run_command(capsys, *words).out
        assert r"\x1b[2J\x9b31m\u202e" in shown
        assert not {"\x1b", "\x9b", "\u202e"} & {*shown}


def test_json_is_ascii_without_what_json_cannot_say(folder: Path) -> None:
    stream = io.StringIO()

    Output(stream).document({"text": "ä\x9b", "number": float("nan"), "list": (1.5, float("inf"))})

    assert stream.getvalue().isascii()
    assert '"text": "\\u00e4\\u009b"' in stream.getvalue()
    assert '"number": null' in stream.getvalue()
    assert "Infinity" not in stream.getvalue()


def test_a_terminal_shows_colours_unless_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")

    def shown(*, allows_colour: bool = True, terminal: bool = True) -> str:
        stream = Terminal() if terminal else io.StringIO()
        Output(stream, allows_colour=allows_colour).line("worse", "bad")
        return stream.getvalue()

    assert shown() == "\x1b[31mworse\x1b[0m\n"
    assert shown(allows_colour=False) == "worse\n"
    assert shown(terminal=False) == "worse\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown() == "worse\n"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert shown() == "worse\n"


def test_no_color_reaches_the_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_store(usual_store(folder), [result("a")])
    monkeypatch.setenv("TERM", "xterm")

    shown = []
    for words in (["list"], ["list", "--no-color"]):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(words) == 0
        shown.append(terminal.getvalue())

    assert "\x1b[1m" in shown[0]
    assert "\x1b" not in shown[1]
