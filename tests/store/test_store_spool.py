"""Texts that are put aside come back whole, wherever they are kept."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.store.recorder import ResultLog

LARGE = "x" * 600_000


@given(st.lists(st.text(max_size=20), max_size=20), st.integers(0, 20))
def test_texts_come_back_in_their_order_as_often_as_they_are_asked_for(texts: list[str], place: int) -> None:
    texts.insert(min(place, len(texts)), LARGE * 2)
    result_log = ResultLog()
    for text in texts:
        result_log.append(text)

    assert list(result_log) == texts
    result_log.append("one more")
    assert list(result_log) == [*texts, "one more"]
    result_log.close()


def test_most_of_it_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result_log = ResultLog()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        result_log.append(LARGE)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    assert list(tmp_path.iterdir()) == []
    assert sum(text == LARGE for text in result_log) == 200
    result_log.close()


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses to let a file grow beyond 1.5 MB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_files")
def test_what_the_disk_does_not_take_stays_in_memory() -> None:
    result_log = ResultLog()
    texts = [f"{number}{LARGE}" for number in range(8)]
    for text in texts:
        result_log.append(text)

    assert list(result_log) == texts
    result_log.close()


def test_without_a_folder_for_it_all_of_it_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    result_log = ResultLog()
    for _ in range(4):
        result_log.append(LARGE)

    assert list(result_log) == [LARGE] * 4
