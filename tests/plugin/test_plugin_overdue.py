"""A check that holds the interpreter is ended from outside; nothing in its own process could."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.plugin.workers.overdue import RECORD, Marks, Watchdog, overdue_in, records_path
from tests.plugin.plugin_parts import Project, json_report, right
from tests.plugin.plugin_store import requests

# Whoever looks for what is late does so more often, and bears less, than otherwise.
HOLDING = """
import re
from pytest_benchmodels import Grade, Grader
from pytest_benchmodels.plugin.workers import overdue
overdue.GRACE_S = overdue._EVERY_S = 0.5
class Backtracks(Grader, frozen=True):
    backtracks: str
    def grade(self, response): return Grade.of(bool(re.match(self.backtracks, "a" * 60 + "b")), "x")
def pytest_bench_graders(): return [Backtracks]
"""


def test_a_check_that_holds_the_interpreter_is_ended(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", HOLDING)
    project.watch(sim.url)
    requests(sim)  # it is up, so that the limit is the check's
    checks = [{"backtracks": "(a+)+$"}]
    project.suite(right("holds", checks=checks, timeout=3), right("add"), models=["watched"])

    result = project.bench_process("--bench-json=out.json", *workers)

    words = "*suite.yaml::holds[[]watched]: check 'backtracks' holds the interpreter*"
    if workers:
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        errors = {one["scenario"]: one["error"] for one in json_report(project.path / "out.json")["results"]}
        assert errors.pop("holds")["kind"] == "worker-crash"
        assert errors == {"add": None}
        result.stdout.fnmatch_lines([words])
    else:
        assert result.ret not in (0, 1)
        result.stderr.fnmatch_lines([f"!!! {words} pytest * --bench-resume"])


def _record(path: str, worker: int, *records: tuple[int, float, float]) -> None:
    packed = (RECORD.pack(index, since, until, 2, b"it") for index, since, until in records)
    Path(records_path(path)).write_bytes(worker.to_bytes(8, "little") + b"".join(packed))


def test_the_last_that_began_is_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_benchmodels.plugin.workers.overdue.time.monotonic", lambda: 100.0)
    path = str(tmp_path / "marks")
    _record(path, 7, (1, 50.0, 60.0), (2, 55.0, 94.0), (3, 56.0, 96.0), (4, 57.0, 300.0))

    worker, late = overdue_in(Path(records_path(path)))

    assert worker == 7
    assert [one.item_index for one in late] == [2, 1]


def test_a_worker_is_killed_when_it_is_late_twice_in_a_row(tmp_path: Path) -> None:
    marks = Marks.create(tmp_path / "marks")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        watchdog = Watchdog({"gw0": marks})
        _record(marks.path, worker.pid, (3, 0.0, 1.0))

        watchdog.look()
        assert worker.poll() is None
        watchdog.look()
        assert worker.wait() < 0

    assert marks.read() == {3: 255}
    assert marks.last_words() == "killed, for it"
    marks.close()


def test_a_worker_without_a_file_here_is_left_alone(tmp_path: Path) -> None:
    assert overdue_in(tmp_path / "none") == (0, [])
