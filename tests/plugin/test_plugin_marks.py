"""Marks outlive the process that made them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.plugin.workers.overdue import Marks

MARK_AND_DIE = """
import os, sys
from pytest_benchmodels.plugin.workers.overdue import Marks

marks = Marks.open(sys.argv[1])
with marks.marked(1):
    pass
with marks.marked(70_000), marks.marked(3):
    os._exit(3)
"""


def test_nothing_is_marked_at_first(tmp_path: Path) -> None:
    assert Marks.create(tmp_path / "m").read() == {}


def test_a_mark_is_seen_by_another_holder_of_the_file_and_goes_away(tmp_path: Path) -> None:
    reader = Marks.create(tmp_path / "m")
    writer = Marks.open(reader.path)

    with writer.marked(4), writer.marked(0):
        assert reader.read() == {0: 1, 4: 1}
    assert reader.read() == {}


def test_a_mark_goes_away_by_an_exception_too(tmp_path: Path) -> None:
    marks = Marks.create(tmp_path / "m")

    with pytest.raises(KeyboardInterrupt), marks.marked(2):
        raise KeyboardInterrupt

    assert marks.read() == {}


def test_a_process_that_ends_leaves_what_it_was_at(tmp_path: Path) -> None:
    marks = Marks.create(tmp_path / "m")

    ended = subprocess.run([sys.executable, "-c", MARK_AND_DIE, marks.path], check=False)

    assert ended.returncode == 3
    assert marks.read() == {3: 1, 70_000: 1}


def test_the_file_is_nobody_elses_business(tmp_path: Path) -> None:
    assert Path(Marks.create(tmp_path / "m").path).stat().st_mode & 0o777 == 0o600


def test_a_closed_file_cannot_be_read(tmp_path: Path) -> None:
    marks = Marks.create(tmp_path / "m")
    marks.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        marks.read()


@given(inside=st.sets(st.integers(0, 500), max_size=8), before=st.sets(st.integers(0, 500), max_size=8))
def test_exactly_those_inside_are_marked(
    tmp_path_factory: pytest.TempPathFactory, inside: set[int], before: set[int]
) -> None:
    from contextlib import ExitStack

    marks = Marks.create(tmp_path_factory.mktemp("marks") / "m")
    for index in before:
        with marks.marked(index):
            pass

    with ExitStack() as stack:
        for index in inside:
            stack.enter_context(marks.marked(index))
        assert set(marks.read()) == inside
    marks.close()


def test_who_judges_is_more_suspect_than_who_is_reported(tmp_path: Path) -> None:
    marks = Marks.create(tmp_path / "m")
    with marks.marked(1), marks.marked(2, suspicion=2):
        assert marks.read() == {1: 1, 2: 2}
    marks.close()
