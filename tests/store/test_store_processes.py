"""Several processes on one store, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_benchmodels.store import Store
from pytest_benchmodels.store.runs import is_alive, this_process

WRITER = """
import sys
from pathlib import Path
from pytest_benchmodels.store import Store
from tests.store.store_parts import BEGINNING, record
print("starting", flush=True)
store = Store.open(Path(sys.argv[1]))
run_id = store.runs.begin(BEGINNING)
for number in range(int(sys.argv[2])):
    store.results.add(run_id, [record(str(number), text="x" * 3000)])
    print(run_id, number, flush=True)
"""
ROOT = Path(__file__).parents[2]


def writer(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def reported(output: str) -> set[tuple[str, str]]:
    """What whole lines say: a process may be killed within one."""
    lines = [line.split() for line in output.split("\n")[:-1] if line != "starting"]
    return {(run_id, number) for run_id, number in lines}


def stored(path: Path) -> set[tuple[str, str]]:
    with Store.open(path) as store:
        return {(run.id, each.scenario) for run in store.runs.newest_first() for each in store.results.of(run.id)}


def test_two_sessions_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    writers = [writer(path, 150) for _ in range(2)]
    outputs = [process.communicate() for process in writers]
    assert [errors for _, errors in outputs] == ["", ""]
    assert [process.returncode for process in writers] == [0, 0]
    seen = set().union(*(reported(output) for output, _ in outputs))
    assert len(seen) == 300
    assert stored(path) == seen


def test_many_sessions_make_one_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".benchmodels" / "store.sqlite"
    writers = [writer(path, 1) for _ in range(5)]
    assert [process.communicate()[1] for process in writers] == [""] * 5
    assert len(stored(path)) == 5


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_loses_nothing_that_was_reported(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "store.sqlite"
    moments = random.Random(seed)  # noqa: S311 - moments, not secrets
    seen: set[tuple[str, str]] = set()
    for _ in range(5):
        process = writer(path, 100_000)
        assert process.stdout is not None
        # After so many lines, and while the next is being made; the first line comes before the file is opened.
        head = [process.stdout.readline() for _ in range(moments.choice([1, 1, 2, 20, 150]))]
        for _ in range(moments.randrange(2000)):
            os.getpid()
        process.send_signal(signal.SIGKILL)
        tail, errors = process.communicate()
        assert (process.returncode, errors) == (-signal.SIGKILL, "")
        seen |= reported("".join(head) + tail)
    assert seen <= stored(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store.open(path) as store:
        assert {run.state for run in store.runs.newest_first()} == {"interrupted"}


def test_a_killed_process_that_nobody_waited_for_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        name = this_process().split("/")
        began = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
        process = f"{name[0]}/{child.pid}/{began}"
        assert is_alive(process)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(process)
