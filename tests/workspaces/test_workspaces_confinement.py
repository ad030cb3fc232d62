"""How processes are confined: what holds is tried, what does not is told, and any command may run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_benchmodels.workspaces import Confinement, Limits, UnconfinedError, find_confinement
from pytest_benchmodels.workspaces import confinement as module
from tests.workspaces.runners import confinement


def run(way: str, folder: Path, command: list[str], limits: Limits | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command confined, without standard input."""
    made = confinement(way, folder)
    return subprocess.run(
        made.command(command, limits or Limits()),
        env=made.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def shell(way: str, folder: Path, script: str, limits: Limits | None = None) -> str:
    result = run(way, folder, ["/bin/sh", "-c", script], limits)
    return result.stdout + result.stderr


def test_bubblewrap_leaves_nothing_open(scratch: Path) -> None:
    found = confinement("bubblewrap", scratch)

    assert (found.open, found.told()) == ((), "by bubblewrap")


def test_what_is_left_open_is_told(scratch: Path) -> None:
    found = Confinement("limits", sys.executable, str(scratch), open=("it can read files of yours", "it can fly"))

    assert found.told() == "by limits; NOT confined: it can read files of yours, it can fly"


def test_limits_alone_leave_open_what_they_cannot_hold(scratch: Path) -> None:
    """As on a kernel without namespaces and Landlock: the probe tells what it could do."""
    python = confinement("kernel", scratch).python
    found = module.probed(Confinement("limits", python, str(scratch), namespaces=False, files=False))

    assert (found["reads"], found["writes"], found["forks"]) == (True, True, False)
    assert module.left_open(found)[:2] == ("it can read files of yours", "it can write files of yours")


def test_without_a_limit_on_processes_nothing_runs() -> None:
    with pytest.raises(UnconfinedError, match="the number of processes cannot be limited"):
        module._confined({"reads": False, "writes": False, "network": False, "signals": False, "forks": True})


def test_a_python_that_does_not_start_is_told_with_a_remedy(scratch: Path) -> None:
    with pytest.raises(UnconfinedError, match=r"install bubblewrap .*/no/such/python"):
        find_confinement(str(scratch), "/no/such/python")


def test_a_command_sees_no_variable_of_ours(way: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    printed = shell(way, scratch, "export")

    assert "PATH" in printed
    assert "very-secret" not in printed


def test_a_command_has_its_own_exit_status(way: str, scratch: Path) -> None:
    assert run(way, scratch, ["/bin/sh", "-c", "exit 7"]).returncode == 7


def test_a_command_works_in_a_folder_of_its_own_that_is_gone_afterwards(way: str, scratch: Path) -> None:
    script = 'echo hello > file && cat "$HOME/file" && pwd && echo "$TMPDIR"'

    word, here, temporary = shell(way, scratch, script).split()

    assert (word, here) == ("hello", temporary)
    assert list(scratch.iterdir()) == []


def test_that_folder_has_an_end(way: str, scratch: Path) -> None:
    script = "for n in 1 2 3 4 5 6 7 8 9; do head -c 10000000 /dev/zero > $n || exit 3; done"

    assert run(way, scratch, ["/bin/sh", "-c", script]).returncode == 3


def test_a_file_has_a_greatest_size(way: str, scratch: Path) -> None:
    assert run(way, scratch, ["/bin/sh", "-c", "head -c 3000000 /dev/zero > big"], Limits(file_mb=2)).returncode != 0
    assert run(way, scratch, ["/bin/sh", "-c", "head -c 3000000 /dev/zero > big"], Limits(file_mb=4)).returncode == 0


def test_processor_time_ends(way: str, scratch: Path) -> None:
    assert run(way, scratch, ["/bin/sh", "-c", "while :; do :; done"], Limits(cpu_s=1)).returncode != 0


def test_what_is_named_can_be_read_and_nothing_beside_it(way: str, scratch: Path) -> None:
    made = confinement(way, scratch)
    folder = Path(__file__).parent
    script = f"cat {folder}/attacks.yaml > /dev/null && ! cat {folder}/conftest.py"
    command = made.command(["/bin/sh", "-c", script], Limits(), [f"{folder}/attacks.yaml"])

    ended = subprocess.run(command, env=made.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    assert ended.returncode == 0, ended.stderr


def test_nobody_but_itself_is_seen(way: str, scratch: Path) -> None:
    assert run(way, scratch, ["/bin/sh", "-c", f"kill -0 {os.getpid()}"]).returncode != 0
