"""A store whose file is deleted or replaced while a session uses it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.store import Recorder, Store
from tests.store.store_parts import BEGINNING, record, result

GOES_ON = "This session goes on in a new one there, with all results of its own run so far"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".benchmodels" / "store.sqlite"


def begun(path: Path, said: list[str]) -> Recorder:
    recorder = Recorder.begin(partial(Store.open, path), BEGINNING, said.append)
    recorder.add(record("a"))
    return recorder


def kept(path: Path, run_id: str | None) -> list[Result]:
    with Store.open_to_read(path) as store:
        return list(store.results.of(run_id or "none"))


def delete_all(path: Path) -> None:
    for each in path.parent.glob("store.sqlite*"):
        each.unlink()


def replace(path: Path) -> None:
    other = path.with_name("other.sqlite")
    with Store.open(other) as store:
        store.runs.begin(BEGINNING)
    other.rename(path)


def delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("lose", "what"),
    [
        (delete_all, "deleted"),
        (Path.unlink, "deleted"),
        (delete_folder, "deleted"),
        (lambda path: path.rename(path.with_name("moved.sqlite")), "deleted"),
        (replace, "replaced by another"),
    ],
    ids=["deleted", "file-alone", "folder", "moved", "replaced"],
)
def test_the_run_goes_on_in_a_new_one(path: Path, lose: Callable[[Path], None], what: str) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    run_id = recorder.run_id
    lose(path)
    recorder.add(record("b"))

    assert len(said) == 1
    assert f"its file was {what} while it was in use. {GOES_ON}" in said[0]
    assert recorder.run_id == run_id
    assert kept(path, run_id) == [result("a"), result("b")]  # at once, not only at the end
    recorder.close(finished=True)
    assert kept(path, run_id) == [result("a"), result("b")]
    with Store.open_to_read(path) as store:
        assert store.runs.find(run_id or "").state == "finished"
        assert store.responses.find("print-of-a") is not None
    assert not list(path.parent.glob("store.sqlite-*.*"))  # nothing of what was put aside is left


def test_what_is_deleted_after_the_last_result_is_noticed_at_the_end(path: Path) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    delete_all(path)
    recorder.close(finished=False)

    assert len(said) == 1
    assert kept(path, recorder.run_id) == [result("a")]
    with Store.open(path) as store:
        assert store.runs.newest_unfinished() is not None


def test_two_sessions_of_one_store_meet_in_the_new_one(path: Path) -> None:
    said: list[str] = []
    first, second = begun(path, said), begun(path, said)
    delete_all(path)
    first.add(record("b"))
    second.add(record("c"))  # closes the lost file, beside which the log of the new one has the same name
    first.add(record("d"))

    assert ["deleted" in text for text in said] == [True, False]
    assert kept(path, first.run_id) == [result("a"), result("b"), result("d")]
    assert kept(path, second.run_id) == [result("a"), result("c")]
    first.close(finished=True)
    second.close(finished=True)
    assert kept(path, first.run_id) == [result("a"), result("b"), result("d")]


def test_a_resumed_run_goes_on_with_what_it_had_before(path: Path) -> None:
    begun(path, []).close(finished=False)
    said: list[str] = []
    store = Store.open(path)
    unfinished = store.runs.newest_unfinished()
    assert unfinished is not None
    recorder = Recorder.resume(store, unfinished.id, said.append)
    delete_all(path)
    recorder.add(record("b"))
    recorder.close(finished=True)

    assert kept(path, unfinished.id) == [result("a"), result("b")]
    assert len(said) == 1


def test_the_earlier_file_that_was_put_back_keeps_the_run_too(path: Path) -> None:
    """As where a backup is restored: it has the run already, with fewer results."""
    said: list[str] = []
    recorder = begun(path, said)
    copy = path.with_name("copy.sqlite")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    recorder.add(record("b"))
    copy.rename(path)
    recorder.add(record("c"))
    recorder.close(finished=True)

    assert kept(path, recorder.run_id) == [result("a"), result("b"), result("c")]


def test_another_file_in_its_place_is_left_alone(path: Path) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    other = path.with_name("notes.txt")
    other.write_text("not a database, but notes of the user's\n")
    other.rename(path)
    recorder.add(record("b"))
    recorder.close(finished=True)

    assert "it is no store but some other file" in said[0]
    assert "This session goes on without a store" in said[0]
    assert path.read_text() == "not a database, but notes of the user's\n"
    assert list(recorder.results()) == [result("a"), result("b")]


def cut(path: Path, share: float) -> None:
    """Cut the file, not what is beside it: all of it is in there, as after a long session."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5], ids=["all", "most", "half"])
def test_a_file_that_is_cut_short_is_put_aside(path: Path, share: float) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    recorder.add(record("b"))
    cut(path, share)
    recorder.add(record("c"))
    recorder.add(record("d"))

    assert len(said) == 1
    assert "its file was cut short while it was in use (to " in said[0]
    assert GOES_ON in said[0]
    assert kept(path, recorder.run_id) == [result(name) for name in "abcd"]
    recorder.close(finished=True)
    assert kept(path, recorder.run_id) == [result(name) for name in "abcd"]
    assert path.with_name("store.sqlite.damaged").exists()


def test_a_second_damaged_file_takes_no_others_place(path: Path) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    put_aside = []
    for name in "bcd":
        recorder.add(record(name))
        cut(path, 0.5)
        put_aside.append(path.read_bytes())
        recorder.add(record(name))

    names = ["store.sqlite.damaged", "store.sqlite.damaged-2", "store.sqlite.damaged-3"]
    assert [path.with_name(name).read_bytes() for name in names] == put_aside
    for name, text in zip(names, said, strict=True):
        assert f"it is put aside as '{name}' beside it" in text
    assert kept(path, recorder.run_id) == [result(name) for name in "abcd"]
    recorder.close(finished=True)


def test_a_file_that_another_session_made_smaller_is_none_that_was_cut_short(path: Path) -> None:
    said: list[str] = []
    recorder = begun(path, said)
    with Store.open(path) as store:
        for _ in range(300):
            store.runs.finish(store.runs.begin(BEGINNING))
    recorder.add(record("b"))
    with Store.open(path) as store:
        store.shrink()
    recorder.add(record("b"))
    before = path.stat().st_size
    with Store.open(path) as store:
        store.prune(keep=1)
        store.shrink()
    assert path.stat().st_size < before
    recorder.add(record("c"))

    assert said == []
    assert kept(path, recorder.run_id) == [result("a"), result("b"), result("c")]


LOSES_ITS_LOG = """
import os, signal, sys
from functools import partial
from pathlib import Path
from pytest_benchmodels.store import Recorder, Store
from pytest_benchmodels.store.database import LockWait
from tests.store.store_parts import BEGINNING, record

path, shared, endings = Path(sys.argv[1]), sys.argv[2] == "shared", sys.argv[3:]
patience = LockWait(tell=print, most_s=0.05, quiet_s=0.05)
recorder = Recorder.begin(partial(Store.open, path, patience), BEGINNING, print)
other = Store.open(path) if shared else None
recorder.add(record("a"))
for ending in endings:
    path.with_name(path.name + ending).unlink()
recorder.add(record("b"))
recorder.add(record("c"))
print("run", recorder.run_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("sessions", ["alone", "shared"])
@pytest.mark.parametrize("endings", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="".join)
def test_a_deleted_log_costs_no_result_of_a_session_that_is_killed(
    path: Path, endings: tuple[str, ...], sessions: str
) -> None:
    command = [sys.executable, "-c", LOSES_ITS_LOG, str(path), sessions, *endings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGKILL, done.stderr
    *said, run = done.stdout.splitlines()
    assert ["was deleted while it was in use; nothing of it is lost" in line for line in said] == [True]
    assert all(f"store.sqlite{ending}" in said[0] for ending in endings)
    assert kept(path, run.removeprefix("run ")) == [result(name) for name in "abc"]
