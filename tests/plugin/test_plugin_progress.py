"""Momentary figures, and the line that shows them."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.plugin.session.progress import Progress, progress_line
from tests.core.made_results import made

LINE = re.compile(r"bench: (\d+)/(\d+) done, (\d+) in flight, (\d+\.\d) runs/min, ETA (-|\S+)")


class Since(Progress):
    """A progress that began a known time ago."""

    def elapsed_s(self) -> float:
        return 30.0


def result(status: Status) -> Result:
    return made("s.yaml::a[m]", "a", "m", 1, status, started_at=0.0, duration_s=1.0)


def test_nothing_is_known_before_anything_ended() -> None:
    progress = Since(total=10)

    assert progress.eta_s() is None
    assert progress.runs_per_min() == 0
    assert progress_line(progress) == "bench: 0/10 done, 0 in flight, 0.0 runs/min, ETA -"


@pytest.mark.parametrize(
    ("status", "answered"), [("passed", 1), ("failed", 1), ("timeout", 1), ("error", 0), ("skipped", 0)]
)
def test_every_end_counts_as_done_and_work_as_throughput(status: Status, answered: int) -> None:
    progress = Since(total=2)

    progress.count(result(status))

    assert (progress.done, progress.answered) == (1, answered)
    assert progress.runs_per_min() == 2 * answered


def test_the_line_says_how_far_how_fast_and_how_long() -> None:
    progress = Since(total=40)
    for status in ("passed", "failed", "error", "passed"):
        progress.count(result(status))
    progress.in_flight = lambda: 7

    assert progress_line(progress) == "bench: 4/40 done, 7 in flight, 6.0 runs/min, ETA 4.5min"


def test_the_beginning_sets_the_clock() -> None:
    progress = dataclasses.replace(Progress(), start=-1e9)
    assert progress.elapsed_s() > 1e8

    progress.begin(5, lambda: 3)

    assert progress.elapsed_s() < 1e8
    assert (progress.total, progress.in_flight()) == (5, 3)


@given(total=st.integers(0, 10**6), ends=st.lists(st.sampled_from(["passed", "error", "skipped"]), max_size=30))
def test_the_line_has_one_shape_whatever_the_figures(total: int, ends: list[Status]) -> None:
    progress = Progress()
    progress.begin(max(total, len(ends)), lambda: 0)
    for status in ends:
        progress.count(result(status))

    found = LINE.fullmatch(progress_line(progress))

    assert found is not None
    assert int(found[1]) == len(ends)
    assert (found[5] == "-") == (not ends)
