"""The harness measures what it says it measures."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Work
from benchmarks.figures import FIGURES
from benchmarks.latency_server import latency_s
from benchmarks.measure import MeasureError, alternate, measure, median_difference, median_ratio, slope
from benchmarks.scale import QUICK
from benchmarks.server import Server
from benchmarks.table import Row, render

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"
BUSY_GRANDCHILD = """
import subprocess, sys
work = "import time\\nb = bytearray(80_000_000)\\nwhile time.process_time() < 0.1: pass\\nprint(time.process_time())"
subprocess.run([sys.executable, "-c", work], check=True)
"""


def test_a_slope_leaves_out_what_is_the_same_in_both() -> None:
    assert slope((1_000, 3.5), (3_000, 7.5)) == pytest.approx(0.002)


def test_medians_are_taken_over_pairs_not_over_sides() -> None:
    pairs = [(2.0, 1.0), (30.0, 10.0), (8.0, 2.0)]
    assert median_ratio(pairs) == 3.0
    assert median_difference(pairs) == 6.0


def test_alternating_takes_turns() -> None:
    order: list[str] = []
    assert len(alternate(lambda: order.append("a"), lambda: order.append("b"), 2)) == 2
    assert order == ["a", "b", "a", "b"]


def test_a_cost_counts_the_processes_of_a_process(tmp_path: Path) -> None:
    cost = measure([sys.executable, "-c", BUSY_GRANDCHILD], tmp_path)
    assert cost.cpu_s >= float(cost.output) >= 0.1
    assert cost.peak_mb > 80


def test_a_command_runs_as_on_a_users_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    show = "import os, sys; print(sys.dont_write_bytecode, os.environ.get('BENCH_URL'))"
    assert measure([sys.executable, "-c", show], tmp_path, {"BENCH_URL": "http://x"}).output == "False http://x\n"


def test_a_command_that_fails_has_no_cost(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"exit status 3\nno such thing"):
        measure([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], tmp_path)


def test_latency_depends_on_model_and_prompt_only() -> None:
    latencies = [latency_s(0.5, 0.6, "m", f"prompt {number}") for number in range(2_000)]
    assert latency_s(0.5, 0.6, "m", "prompt 7") == latencies[7] != latency_s(0.5, 0.6, "n", "prompt 7")
    assert statistics.median(latencies) == pytest.approx(0.5, rel=0.1)
    assert latency_s(0.0, 0.6, "m", "prompt 7") == 0.0


def test_contenders_do_the_same_work(tmp_path: Path) -> None:
    with Server(0.01) as server:
        contest = Contest(tmp_path, server, Work(4, 2))
        ours, theirs = contest.plugin("-p", "no:cacheprovider"), contest.bare_loop()
        written = contest.handwritten()
    assert ours.seen.requests == theirs.seen.requests == written.seen.requests == 8
    assert written.seen.most_in_flight == 1
    assert 0 < theirs.start_up_s < theirs.cost.wall_s


@pytest.mark.parametrize(
    ("name", "limits"), [("aiohttp", ["0.5 x", "2.5 x", "-"]), ("workers", ["3 x"]), ("wide", ["1.1 x"])]
)
def test_clients_are_held_against_ours(tmp_path: Path, name: str, limits: list[str]) -> None:
    rows = FIGURES[name](QUICK, tmp_path)
    assert [(row.limit, row.holds) for row in rows] == [(limit, None) for limit in limits]
    assert all(" x" in row.measured for row in rows)


def test_workers_are_held_against_one_process_and_one_worker(tmp_path: Path) -> None:
    wall, first = FIGURES["ready"](QUICK, tmp_path)
    assert "-n 2 / in one process" in wall.what
    assert "-n 2 / -n 1" in first.what
    assert (wall.limit, first.limit) == ("1.35 x", "2.5 x")


def test_a_contender_that_leaves_work_out_is_refused(tmp_path: Path) -> None:
    with Server(0.0) as server:
        contest = Contest(tmp_path, server, Work(3, 1))
        with pytest.raises(MeasureError, match=r"^1 requests for 3 runs:"):
            contest.plugin("-k", "s1")


def test_a_table_lines_up() -> None:
    table = render([Row("wall", "1.01 x", "1.03 x", holds=True), Row("memory", "1,000 MB", "5 MB", holds=False)])
    assert table.splitlines() == [
        "| what   | measured | limit  | holds |",
        "|--------|----------|--------|-------|",
        "| wall   | 1.01 x   | 1.03 x | yes   |",
        "| memory | 1,000 MB | 5 MB   | NO    |",
    ]


def test_the_command_writes_its_table(tmp_path: Path) -> None:
    output = tmp_path / "table.md"
    command = [sys.executable, str(RUN), "--quick", "--only", "import", "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    table = output.read_text().partition("\n| what")[2]
    assert table in done.stdout
    assert "| pytest --co -q without --bench / -p no:benchmodels | " in table
    assert " ms CPU on " in table
    assert "| +15 ms | -     |" in table


def test_a_figure_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "--only", "speed"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "choose from" in done.stderr
    assert "startup" in done.stderr
