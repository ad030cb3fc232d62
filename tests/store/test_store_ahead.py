"""Results that are written together, before each of them is counted."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pytest_benchmodels.store import Recorder, Store
from tests.store.store_parts import BEGINNING, record, result


def test_what_is_written_ahead_is_durable_before_it_counts(tmp_path: Path) -> None:
    recorder = Recorder.begin(partial(Store.open, tmp_path / "store.sqlite"), BEGINNING, pytest.fail)

    recorder.add_ahead([record("a"), record("b", "failed")])

    assert list(recorder.results()) == []
    with Store.open_to_read(tmp_path / "store.sqlite") as store:
        assert list(store.results.of(store.runs.find("latest").id)) == [result("a"), result("b", "failed")]
    recorder.take_over(result("a"))
    assert list(recorder.results()) == [result("a")]
    recorder.close(finished=False)


def test_a_store_that_fails_at_it_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(partial(Store.open, tmp_path), BEGINNING, said.append)

    recorder.add_ahead([record("a")])
    recorder.take_over(result("a"))

    assert len(said) == 1
    assert list(recorder.results()) == [result("a")]
