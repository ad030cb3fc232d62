"""The harness starts agents that try to outlive their limit, and sees those that do."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.outlive import living
from benchmarks.outlive_figures import OUTLIVE_FIGURES, outlive
from benchmarks.scale import QUICK


@pytest.mark.parametrize(("way", "survive"), [("limits", False), ("killpg", True)])
def test_survivors_are_seen(way: str, survive: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    mark = f"outlive-{secrets.token_hex(8)}"
    words = [sys.executable, "-m", "benchmarks.outlive", way, "8", str(tmp_path), mark]

    ended = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)

    try:
        assert (json.loads(ended.stdout)["survivors"] > 0) == survive
        assert bool(living(mark)) == survive
    finally:
        for process in living(mark):
            os.kill(process, signal.SIGKILL)


def test_the_figure_is_measured(tmp_path: Path) -> None:
    rows = outlive(QUICK, tmp_path)

    assert [row.holds for row in rows] == [None, None, None]
    assert [row.measured.startswith("0; ") for row in rows] == [True, True, False]
    assert list(OUTLIVE_FIGURES) == ["outlive"]
