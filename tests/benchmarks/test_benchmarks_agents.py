"""The figures of command-line agents: what they are made of."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.agent_figures import AGENT_FIGURES, agent_durations_s, remains
from benchmarks.contest import Work
from benchmarks.scale import QUICK

LISTENS = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
open("left.txt", "w").close()
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_agents_take_a_hundredth_of_what_real_ones_took() -> None:
    takes = sorted(each for some in agent_durations_s(Work(387, 3), 100) for each in some)

    assert len(takes) == 1161
    assert statistics.median(takes) == pytest.approx(0.71, rel=0.1)
    assert takes[int(0.9 * len(takes))] == pytest.approx(2.4, rel=0.1)
    assert takes[-1] <= 6.0
    assert agent_durations_s(Work(387, 3), 100) == agent_durations_s(Work(387, 3), 100)


def test_what_remains_is_seen(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").touch()
    before = remains(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        left = remains(tmp_path).beyond(before)
        process.stdin.close()

    kinds = [each.partition(": ")[0] for each in left]
    assert sorted(kinds) == ["files", "ports", "processes"]
    assert f"ports: {port}" in left
    assert "files: left.txt" in left
    assert remains(tmp_path).beyond(before) == ["files: left.txt"]


def test_the_figure_is_measured(tmp_path: Path) -> None:
    rows = AGENT_FIGURES["agents"](QUICK, tmp_path)

    assert [row.holds for row in rows] == [None] * 5 + [True]
    assert rows[-1].measured.startswith("0 (")
