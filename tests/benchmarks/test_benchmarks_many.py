"""The figures of many runs: what they are made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Done, Work
from benchmarks.latency_server import Seen
from benchmarks.many_figures import MANY_FIGURES, Growth
from benchmarks.measure import Cost, measure
from benchmarks.memory import Watch
from benchmarks.scale import QUICK
from benchmarks.server import Server

HOLDS_80_MB = "b = bytearray(b'x' * 80_000_000); print(flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS_80_MB!r}], check=True)"


def done(cpu_s: float, peak_mb: float, together_mb: float) -> Done:
    return Done(Cost(10.0, cpu_s, peak_mb, 100.0, together_mb=together_mb), Seen(1, 1, 101.0, 107.5))


def test_growth_is_that_between_the_two_larger_sessions() -> None:
    growth = Growth.of((1, done(1.0, 40, 50)), (1_001, done(2.0, 44, 60)), (11_001, done(14.0, 104, 260)))
    assert growth.each_kb == pytest.approx(6.0)
    assert growth.together_kb == pytest.approx(20.0)
    assert growth.cpu_ms == pytest.approx(1.2)
    assert growth.cpu_ratio == pytest.approx(1.2)


def test_the_time_after_the_last_answer_ends_with_the_command() -> None:
    assert done(1.0, 40, 50).after_s == pytest.approx(2.5)


def test_one_scenario_in_so_many_is_wrong() -> None:
    assert (Work(25, 2, wrong_every=10).failed, Work(25, 2, wrong_every=10).passed) == (6, 44)
    assert (Work(25, 2).failed, Work(25, 2).passed) == (0, 50)


def test_the_memory_of_a_processs_child_counts() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with Watch(process.pid) as watch:
            process.communicate("\n")
    assert watch.together_mb > 80


def test_a_process_that_is_gone_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with Watch(process.pid) as watch:
            pass
    assert watch.together_mb == 0


def test_a_status_that_is_expected_is_no_failure(tmp_path: Path) -> None:
    cost = measure([sys.executable, "-c", "raise SystemExit(1)"], tmp_path, status=1, watched=True)
    assert cost.wall_s > 0
    assert cost.ended_at == cost.started_at + cost.wall_s


def test_wrong_answers_are_part_of_the_work(tmp_path: Path) -> None:
    with Server(0.0) as server:
        ended = Contest(tmp_path, server, Work(10, 2, wrong_every=5)).watched("-p", "no:cacheprovider")
    assert "4 failed, 16 passed" in ended.cost.output
    assert ended.seen.first_at <= ended.seen.last_at <= ended.cost.ended_at
    assert ended.after_s > 0


def test_sessions_and_commands_are_measured(tmp_path: Path) -> None:
    rows = MANY_FIGURES["many"](QUICK, tmp_path)
    assert {row.holds for row in rows} == {None}
    assert [row.limit for row in rows if "from the last answer" in row.what] == ["5 s", "5 s"]
    commands = [row for row in rows if "stored runs" in row.what]
    assert [row.what.partition(" with ")[0] for row in commands] == [
        "--bench-resume, all runs there",
        "--bench-regrade",
        "benchmodels list",
        "benchmodels show",
        "benchmodels compare",
        "benchmodels report",
    ]
    assert all(row.measured.endswith(", 0 requests") for row in commands)
