"""A session goes on whatever becomes of its store."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.store import Record, Recorder, Store
from tests.store.store_parts import BEGINNING, record, result

WITHOUT = "This session goes on without a store: its reports are complete, but it cannot be resumed"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".benchmodels" / "store.sqlite"


def opening(path: Path) -> Callable[[], Store]:
    return partial(Store.open, path)


def harm(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE documents")


def test_results_are_in_the_store_and_in_the_session(path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(opening(path), BEGINNING, said.append)
    recorder.add(record("a"))
    recorder.add(record("b", "failed"))
    assert list(recorder.results()) == [result("a"), result("b", "failed")]
    with Store.open_to_read(path) as store:
        (run,) = store.runs.newest_first()
        assert (run.id, run.state, run.total) == (recorder.run_id, "running", 3)
        assert list(store.results.of(run.id)) == [result("a"), result("b", "failed")]
    recorder.close(finished=True)
    with Store.open_to_read(path) as store:
        assert store.runs.find("latest").state == "finished"
    assert said == []


def test_a_session_that_ends_early_can_be_resumed(path: Path) -> None:
    first = Recorder.begin(opening(path), BEGINNING, pytest.fail)
    first.add(record("a"))
    first.add(record("b", "error"))
    first.close(finished=False)

    store = Store.open(path)
    run = store.runs.newest_unfinished()
    assert run is not None
    second = Recorder.resume(store, run.id, pytest.fail)
    second.take_over(result("a"))
    second.add(record("b"))
    assert list(second.results()) == [result("a"), result("b")]
    second.close(finished=True)
    with Store.open_to_read(path) as reopened:
        assert [each.id for each in reopened.runs.newest_first()] == [run.id]
        assert [(each.scenario, each.status) for each in reopened.results.of(run.id)] == [
            ("a", "passed"),
            ("b", "passed"),
        ]


def test_what_cannot_be_resumed_is_an_error(path: Path) -> None:
    with Store.open(path) as store, pytest.raises(StoreError, match="there is no run 'other'"):
        Recorder.resume(store, "other", pytest.fail)


def test_a_store_that_cannot_be_opened_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(opening(tmp_path), BEGINNING, said.append)
    recorder.add(record("a"))
    recorder.close(finished=True)
    assert recorder.run_id is None
    assert list(recorder.results()) == [result("a")]
    assert len(said) == 1
    assert said[0].startswith(f"store '{tmp_path}': it cannot be opened")
    assert said[0].endswith(WITHOUT)


def test_a_store_that_fails_on_the_way_is_said_once_and_the_reports_are_complete(path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(opening(path), BEGINNING, said.append)
    recorder.add(record("a"))
    harm(path)
    recorder.add(record("b"))
    recorder.add(record("c"))
    recorder.close(finished=True)
    assert [each.scenario for each in recorder.results()] == ["a", "b", "c"]
    assert len(said) == 1
    assert "it is damaged (no such table: documents)" in said[0]
    assert said[0].endswith(WITHOUT)


def test_a_disk_that_takes_no_more_is_said_once_and_the_reports_are_complete(path: Path) -> None:
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom pytest_benchmodels.store import Recorder, Store\n"
        "from tests.store.store_parts import BEGINNING, record\n"
        "recorder = Recorder.begin(lambda: Store.open(Path(sys.argv[1])), BEGINNING, print)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "for number in range(100):\n    recorder.add(record(str(number), text='x' * 10_000))\n"
        "recorder.close(finished=True)\nprint(len(list(recorder.results())))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True, cwd=root)
    said, count = done.stdout.splitlines()
    assert "its disk reported a failure (disk I/O error); look at that disk and its free space" in said
    assert count == "100"
    with Store.open(path) as store:
        kept = [each.scenario for each in store.results.of(store.runs.find("latest").id)]
    assert 0 < len(kept) < 100
    assert kept == [str(number) for number in range(len(kept))]


def test_whatever_else_sqlite_refuses_is_said(path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(opening(path), BEGINNING, said.append)
    recorder.add(Record(result(started_at=math.nan)))
    assert len(said) == 1
    assert "SQLite refused (NOT NULL constraint failed: results.started_at); move it away to begin a new one" in said[0]
    assert len(list(recorder.results())) == 1


def test_a_question_to_a_store_that_fails_has_an_answer(path: Path) -> None:
    said: list[str] = []
    recorder = Recorder.begin(opening(path), BEGINNING, said.append)
    recorder.add(record("a"))
    known: dict[str, float] = recorder.attempt(lambda store: store.results.durations(), {})
    assert known == {"suite.yaml::a[m]": 1.0}
    harm(path)
    for _ in range(2):
        found = recorder.attempt(lambda store: list(store.results.of("latest")), [result("else")])
        assert found == [result("else")]
    assert len(said) == 1


def test_without_a_store_results_are_kept_in_silence() -> None:
    recorder = Recorder(None, None, pytest.fail)
    recorder.add(record("a", "error"))
    recorder.add(record("a"))
    recorder.close(finished=True)
    assert list(recorder.results()) == [result("a")]


def test_where_nobody_will_ask_results_are_in_the_store_alone(path: Path) -> None:
    recorder = Recorder.begin(opening(path), BEGINNING, pytest.fail, reports=False)
    recorder.add(record("a"))
    assert list(recorder.results()) == []
    recorder.close(finished=True)
    with Store.open_to_read(path) as store:
        assert list(store.results.of(store.runs.find("latest").id)) == [result("a")]


def test_text_that_no_encoder_accepts_does_not_end_a_session(path: Path) -> None:
    recorder = Recorder.begin(opening(path), BEGINNING, pytest.fail)
    recorder.add(structs.replace(record("a"), result=structs.replace(result("a"), response=Response("\ud800"))))
    recorder.close(finished=True)
    (kept,) = recorder.results()
    assert kept.response == Response("?")


def test_without_a_store_what_was_asked_is_put_aside() -> None:
    recorder = Recorder(None, None, pytest.fail)
    asked = ((Message("user", "What is 2 + 2?"),),)
    kept = structs.replace(record("a"), grade_fingerprint="", asked=asked)
    recorder.add(kept)

    assert list(recorder.records()) == [kept]
    assert list(recorder.results()) == [kept.result]
