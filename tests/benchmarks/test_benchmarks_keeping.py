"""The harness kills what it says it kills, and sees what is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.contest import Work
from benchmarks.keeping_figures import KEEPING_FIGURES
from benchmarks.keeping_kills import Kills, kill_and_resume
from benchmarks.scale import QUICK

WHOLE = Kills(Work(10, 2), kills=2, requests=30, results=20, distinct=20, sessions=1, integrity="ok")


def test_a_run_is_killed_and_comes_to_its_end(tmp_path: Path) -> None:
    done = kill_and_resume(tmp_path, Work(60, 2), [20, 0])

    # The first comes before there is a result; the second is too late where this process gets no time for a while.
    assert done.kills in {1, 2}
    assert done.is_whole
    assert 0 <= done.more_a_kill <= 40


def test_requests_beyond_one_for_each_run_are_told_by_the_kill() -> None:
    assert WHOLE.more_a_kill == 5


@pytest.mark.parametrize(
    "changed",
    [{"results": 19}, {"distinct": 19}, {"results": 21, "distinct": 21}, {"sessions": 2}, {"integrity": "no"}],
)
def test_a_result_that_is_lost_or_twice_there_is_seen(changed: dict[str, object]) -> None:
    assert WHOLE.is_whole
    assert not replace(WHOLE, **changed).is_whole  # type: ignore[arg-type] # fields of several types


@pytest.mark.parametrize("name", KEEPING_FIGURES)
def test_each_figure_is_measured(name: str, tmp_path: Path) -> None:
    (row,) = KEEPING_FIGURES[name](QUICK, tmp_path)

    assert row.holds is None
    assert any(character.isdigit() for character in row.measured)
