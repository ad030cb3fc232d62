"""Runs: begun, ended, resumed, found by what a user types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.run import Pool, Session
from pytest_benchmodels.store import Beginning, Extent, Store, StoredRun
from pytest_benchmodels.store.runs import is_alive, this_process
from tests.store.store_parts import BEGINNING, record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


def add(store: Store, run_id: str, started_at: float = 1.0) -> str:
    return store.runs.insert(StoredRun(run_id, started_at, None, "interrupted", ("pytest",), "0.1.0"))


def test_a_run_comes_back_as_it_began(store: Store) -> None:
    run_id = store.runs.begin(Beginning(("pytest", "--bench", "a b"), "0.1.0", 7, "2/3"))
    store.results.add(run_id, [record("a"), record("b", "failed"), record("c")])
    (run,) = store.runs.newest_first()
    assert (run.id, run.command, run.plugin_version) == (run_id, ("pytest", "--bench", "a b"), "0.1.0")
    assert (run.total, run.shard, run.state, run.finished_at) == (7, "2/3", "running", None)
    assert run.statuses == {"passed": 2, "failed": 1}


def test_an_id_tells_the_time_and_is_unlike_others(store: Store) -> None:
    ids = {store.runs.begin(BEGINNING) for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", run_id) for run_id in ids)


def test_the_total_may_come_later(store: Store) -> None:
    run_id = store.runs.begin(Beginning(("pytest",), "0.1.0"))
    assert store.runs.find(run_id).total is None
    store.runs.expect(run_id, Extent(unnamed=12))
    assert store.runs.find(run_id).total == 12


def test_the_sessions_of_a_run_are_told_in_their_order(store: Store) -> None:
    run_id, other = store.runs.begin(BEGINNING), store.runs.begin(BEGINNING)
    first, second = Session(2.0, 20, {"m": 5}, (Pool(("a", "b"), 3),)), Session(1.0, 10)
    store.runs.enter(run_id, first)
    store.runs.enter(other, Session(3.0, 1))
    store.runs.enter(run_id, second)
    assert store.runs.find(run_id).sessions == (first, second)


def test_windows_that_somebody_damaged_are_left_out(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs.enter(run_id, Session(1.0, 20, {"m": 5}))
    for damaged in ("no json", '{"m": 0}', '["m"]'):
        store.runs._database.write("UPDATE sessions SET windows = ?", (damaged,))
        assert store.runs.find(run_id).sessions == (Session(1.0, 20),)


def test_a_run_is_to_have_what_it_was_asked_for_and_what_it_has(store: Store) -> None:
    run_id = store.runs.begin(Beginning(("pytest",), "0.1.0"))
    store.runs.expect(run_id, Extent(frozenset(("suite.yaml::a[m]", "\ud800"))))
    store.results.add(run_id, [record("a"), record("b")])
    run = store.runs.find(run_id)
    assert run.total == 2
    assert store.runs.extent(run) == Extent(frozenset(("suite.yaml::a[m]", "suite.yaml::b[m]", "?")))


def test_a_run_that_knows_numbers_only_lacks_what_cannot_be_named(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.results.add(run_id, [record("a")])
    assert store.runs.extent(store.runs.find(run_id)) == Extent(frozenset(("suite.yaml::a[m]",)), unnamed=2)


def test_node_ids_that_somebody_damaged_name_nothing(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs.expect(run_id, Extent(frozenset("abc")))
    store.runs._database.write("UPDATE extents SET nodeids = 'no json'")
    assert store.runs.extent(store.runs.find(run_id)) == Extent(unnamed=3)


def test_a_run_is_finished_when_it_is_said_so(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs.finish(run_id)
    run = store.runs.find(run_id)
    assert run.state == "finished"
    assert run.finished_at is not None
    assert run.finished_at >= run.started_at
    assert store.runs.newest_unfinished() is None


def test_a_run_whose_process_has_gone_is_interrupted(store: Store) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom pytest_benchmodels.store import Beginning, Store\n"
        "print(Store.open(Path(sys.argv[1])).runs.begin(Beginning(('pytest',), '0.1.0')))"
    )
    done = subprocess.run([sys.executable, "-c", program, store.path], capture_output=True, text=True, check=True)
    assert store.runs.find(done.stdout.strip()).state == "interrupted"


def test_the_newest_that_can_be_resumed_is_neither_finished_nor_running(store: Store) -> None:
    add(store, "older", started_at=1.0)
    add(store, "newer", started_at=2.0)
    store.runs.finish(store.runs.begin(BEGINNING))
    store.runs.begin(BEGINNING)
    found = store.runs.newest_unfinished()
    assert found is not None
    assert found.id == "newer"


def test_an_interrupted_run_goes_on(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs.interrupt(run_id)
    assert store.runs.find(run_id).state == "interrupted"
    store.runs.resume(run_id)
    assert store.runs.find(run_id).state == "running"


def test_a_finished_run_can_go_on_too(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs.finish(run_id)
    store.runs.resume(run_id)
    assert store.runs.find(run_id).state == "running"


def test_a_run_that_is_not_there_cannot_be_resumed(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    with pytest.raises(StoreError, match=f"there is no run 'other'; there are 1, the newest is {run_id}"):
        store.runs.resume("other")


def test_an_id_of_a_hostile_store_does_not_steer_the_terminal(store: Store) -> None:
    add(store, "\x1b[2J", started_at=2.0)
    add(store, "\x1b[3J", started_at=1.0)
    with pytest.raises(StoreError, match=r"begins the names of 2 runs \(\\x1b\[2J, \\x1b\[3J\)"):
        store.runs.find("\x1b")
    with pytest.raises(StoreError, match=r"there is no run 'x'; there are 2, the newest is \\x1b\[2J"):
        store.runs.find("x")


def test_a_run_of_a_living_process_cannot_be_resumed_by_another(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    program = (
        "import sys\nfrom pathlib import Path\nfrom pytest_benchmodels.store import Store\n"
        "Store.open(Path(sys.argv[1])).runs.resume(sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, store.path, run_id], capture_output=True, text=True, check=False
    )
    assert f"run {run_id} is still running, as process {os.getpid()} on " in done.stderr
    assert "wait for its end, or end it" in done.stderr
    assert store.runs.find(run_id).state == "running"


@pytest.mark.parametrize("name", ["20260101-b", "20260101-bb", "latest", "-1"])
def test_a_run_is_found_by_what_is_typed(store: Store, name: str) -> None:
    add(store, "20260101-aa", started_at=1.0)
    add(store, "20260101-bb", started_at=2.0)
    assert store.runs.find(name).id == "20260101-bb"


def test_the_one_before_is_found(store: Store) -> None:
    add(store, "old", started_at=1.0)
    add(store, "new", started_at=2.0)
    assert store.runs.find("-2").id == "old"


def test_a_whole_id_is_no_prefix(store: Store) -> None:
    add(store, "one")
    add(store, "one-more")
    assert store.runs.find("one").id == "one"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("20260101", r"'20260101' begins the names of 6 runs \(20260101-0, .*-4, ...\): type more of it"),
        (
            "20260101-9",
            r"there is no run '20260101-9'; did you mean '20260101-\d'\?; there are 6, the newest is 20260101-0",
        ),
        ("-7", "there is no run '-7'; there are 6"),
        ("", "there is no run ''; there are 6"),
        ("%", "there is no run '%'; there are 6"),
    ],
)
def test_a_name_of_no_run_or_several_is_told(store: Store, name: str, message: str) -> None:
    for number in range(6):
        add(store, f"20260101-{number}", started_at=-number)
    with pytest.raises(StoreError, match=message):
        store.runs.find(name)


def test_an_empty_store_says_so(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no run 'latest': this store has none"):
        store.runs.find("latest")


def test_a_command_that_somebody_damaged_is_shown_as_it_is(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.runs._database.write("UPDATE runs SET command = 'no json'")
    assert store.runs.find(run_id).command == ("no json",)


@pytest.mark.parametrize(
    "process", ["", "host", "host/1/2", f"{os.uname().nodename}/x/1", f"{os.uname().nodename}/{10**30}/1"]
)
def test_a_process_that_cannot_be_known_is_not_alive(process: str) -> None:
    assert not is_alive(process)


def test_a_number_that_was_used_again_is_another_process() -> None:
    assert is_alive(this_process())
    assert not is_alive(this_process() + "0")


def test_a_process_of_another_user_is_alive() -> None:
    first = Path("/proc/1/stat")
    began = first.read_text().rpartition(")")[2].split()[19] if first.exists() else ""
    assert is_alive(f"{os.uname().nodename}/1/{began}")


def test_a_run_gets_an_id_that_no_other_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["aaaaaa", "aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    with Store.open(tmp_path / "store.sqlite") as store:
        beginning = replace(BEGINNING, began_at=1_800_000_000.0)
        ids = [store.runs.begin(beginning) for _ in range(2)]

    assert [name[-6:] for name in ids] == ["aaaaaa", "bbbbbb"]
