"""The file: made, recognised, brought up to date; and every way in which it can fail."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.run import Session
from pytest_benchmodels.store import Extent, LockWait, Store
from pytest_benchmodels.store.schema import APPLICATION_ID, MIGRATIONS, migrate
from tests.store.store_parts import BEGINNING, record

FIRST_VERSION = Path(__file__).with_name("version1.sql")
UNPRIVILEGED = """
import os, sys
from pathlib import Path
from pytest_benchmodels.store import LockWait, Store
path = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)  # permissions do not hold root back
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def filled(path: Path, count: int = 1) -> str:
    with Store.open(path) as store:
        run_id = store.runs.begin(BEGINNING)
        store.runs.enter(run_id, Session(1.0, 20, {"m": 5}))
        store.runs.expect(run_id, Extent(unnamed=count))
        store.results.add(run_id, [record(str(number)) for number in range(count)])
    return run_id


def made_by_the_first_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_VERSION.read_text())


def add_one(path: Path) -> None:
    with Store.open(path, LockWait(0.01)) as store:
        store.results.add(store.runs.begin(BEGINNING), [record()])


def use_all_of(path: Path) -> None:
    with Store.open(path, LockWait(0.01)) as store:
        run_id = store.runs.begin(BEGINNING)
        store.results.add(run_id, [record(str(number)) for number in range(40)])
        store.responses.find_all(f"print-of-{number}" for number in range(40))
        store.results.durations()
        store.results.spending()
        store.results.latest_fingerprints()
        for run in store.runs.newest_first():
            list(store.results.records(run.id))
            store.runs.extent(run)


def test_a_folder_of_its_own_is_ignored_by_git(tmp_path: Path) -> None:
    filled(tmp_path / ".benchmodels" / "store.sqlite")
    (tmp_path / ".benchmodels" / ".gitignore").write_text("# mine\n")
    filled(tmp_path / ".benchmodels" / "store.sqlite")
    assert (tmp_path / ".benchmodels" / ".gitignore").read_text() == "# mine\n"
    filled(tmp_path / "a" / ".benchmodels" / "store.sqlite")
    assert (tmp_path / "a" / ".benchmodels" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_a_folder_of_the_users_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "results" / "store.sqlite")
    assert {file.name for file in (tmp_path / "results").iterdir()} == {"store.sqlite"}


@pytest.mark.parametrize("name", ["a?mode=ro#b%20.sqlite", ":memory:", "ünï.sqlite"])
def test_any_name_names_a_file(tmp_path: Path, name: str) -> None:
    run_id = filled(tmp_path / name)
    with Store.open_to_read(tmp_path / name) as store:
        assert store.runs.find("latest").id == run_id


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    filled(path)
    assert path.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4, "big")


def test_a_store_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    made_by_the_first_version(path)
    with Store.open(path) as store:
        (run,) = store.runs.newest_first()
        assert (run.id, run.state, run.total) == ("20260101-000000-abcdef", "finished", 3)
        assert run.sessions == ()
        assert [each.session for each in store.results.of(run.id)] == [0, 0]
        assert store.runs.extent(run).unnamed == 1
        store.runs.enter(run.id, Session(1.0, 20))
        assert store.runs.find(run.id).sessions == (Session(1.0, 20),)
        assert [(each.scenario, each.status) for each in store.results.of(run.id)] == [("a", "passed"), ("b", "failed")]
        assert set(store.responses.find_all(["print-of-a", "print-of-b"])) == {"print-of-a", "print-of-b"}
        assert store._database.row(tuple[int], "PRAGMA user_version") == (len(MIGRATIONS),)


def test_a_store_of_the_first_version_is_brought_up_to_date_by_who_only_reads(path: Path) -> None:
    made_by_the_first_version(path)
    with Store.open_to_read(path) as store:
        assert [run.id for run in store.runs.newest_first()] == ["20260101-000000-abcdef"]
        with pytest.raises(StoreError, match="it cannot be written to"):
            store.runs.enter("20260101-000000-abcdef", Session(1.0, 20))


def test_migrations_follow_each_other_from_the_version_that_the_file_has(path: Path) -> None:
    added = [
        *MIGRATIONS,
        ("ALTER TABLE runs ADD COLUMN note TEXT", "UPDATE runs SET note = id"),
        ("DROP TABLE documents",),
    ]
    run_id = filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, added)
        migrate(connection, added)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 2,)
        assert connection.execute("SELECT note FROM runs").fetchall() == [(run_id,)]


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    run_id = filled(path)
    broken = [*MIGRATIONS, ("DELETE FROM runs", "DROP TABLE results", "no such statement")]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            migrate(connection, broken)
        assert not connection.in_transaction
    with Store.open(path) as store:
        assert store.runs.find(run_id).statuses == {"passed": 1}


def test_a_newer_store_is_refused(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match=rf"it has version {len(MIGRATIONS) + 1}, .* upgrade pytest-benchmodels"):
        Store.open(path)


def test_an_older_store_cannot_be_opened_to_read_only(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match=r"written by an older version, .* open it once where you may write"):
        Store.open_to_read(path)


def test_an_older_store_that_nobody_may_write_to_is_told(shared_folder: Path) -> None:
    made_by_the_first_version(shared_folder / "store.sqlite")
    done = as_somebody_who_may_not_write("Store.open_to_read(path)", shared_folder / "store.sqlite")
    assert "it was written by an older version, and cannot be brought up to date" in done.stderr


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE accounts (name)")
        connection.commit()
    before = path.read_bytes()
    for opener in (Store.open, Store.open_to_read):
        with pytest.raises(StoreError, match="it is another program's database; name another file with --bench-store"):
            opener(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opener", [Store.open, Store.open_to_read])
def test_another_file_is_refused_and_left_alone(path: Path, opener: Callable[[Path], Store]) -> None:
    path.write_text("scenarios:\n" * 1000)
    with pytest.raises(
        StoreError, match=r"store '.*store.sqlite': it is no store but some other file .*; move it away"
    ):
        opener(path)
    assert path.read_text() == "scenarios:\n" * 1000


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"it cannot be opened .* name another file with --bench-store"):
        Store.open(tmp_path)


def test_a_store_below_a_file_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        StoreError, match=r"it cannot be opened \(File exists\); make sure that it is a file in a folder"
    ):
        Store.open(tmp_path / "file" / "store.sqlite")


def test_what_is_not_there_cannot_be_read(path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be opened"):
        Store.open_to_read(path)
    assert not path.exists()


def test_a_full_disk_is_told_and_nothing_written_is_lost(path: Path) -> None:
    with Store.open(path) as store:
        run_id = store.runs.begin(BEGINNING)
        store.results.add(run_id, [record("a")])
        store._database.row(tuple[int], "PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match=r"its disk is full .* free some space, or run `benchmodels prune`"):
            store.results.add(run_id, [record("b", text="x" * 1_000_000)])
        assert [each.scenario for each in store.results.of(run_id)] == ["a"]


def test_a_long_lock_is_told(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another process keeps it locked .* end that process"):
            add_one(path)
        with Store.open_to_read(path) as store:
            assert len(store.runs.newest_first()) == 1


def test_who_waits_for_a_lock_is_told_for_what_and_how_long(path: Path) -> None:
    filled(path)
    said: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:

        def end_it(text: str) -> None:
            said.append(text)
            other.execute("ROLLBACK")

        lock_wait = LockWait(most_s=30.0, quiet_s=0.01, tell=end_it)
        other.execute("BEGIN IMMEDIATE")
        with Store.open(path, lock_wait) as store:
            other.execute("BEGIN IMMEDIATE")
            store.results.add(store.runs.begin(BEGINNING), [record()])
    told = f"store '{path}': another process keeps it locked; waiting for it, 30 s at most"
    assert said == [told, told]


@pytest.mark.parametrize("opener", [Store.open, Store.open_to_read])
def test_a_store_that_another_program_has_for_itself_is_waited_for(
    path: Path, opener: Callable[[Path, LockWait], Store]
) -> None:
    run_id = filled(path)
    said: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")

        def end_it(text: str) -> None:
            said.append(text)
            other.close()

        with opener(path, LockWait(most_s=30.0, quiet_s=0.01, tell=end_it)) as store:
            assert store.runs.find("latest").id == run_id
    assert len(said) == 1


def test_a_lock_that_stays_is_told_while_it_is_waited_for_and_after_that(path: Path) -> None:
    filled(path)
    said: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps it locked"):
            Store.open(path, LockWait(0.02, 0.01, said.append))
    assert len(said) == 1
    assert "0.02 s at most" in said[0]


def test_shrinking_waits_for_who_writes(path: Path) -> None:
    filled(path)
    said: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def end_it(text: str) -> None:
            said.append(text)
            other.execute("ROLLBACK")

        with Store.open(path, LockWait(most_s=30.0, quiet_s=0.01, tell=end_it)) as store:
            other.execute("BEGIN IMMEDIATE")
            store.shrink()
            assert store.runs.find("latest").statuses == {"passed": 1}
    assert len(said) == 1


def test_who_waits_for_nobody_is_not_told(path: Path) -> None:
    said: list[str] = []
    with Store.open(path, LockWait(tell=said.append)) as store:
        store.results.add(store.runs.begin(BEGINNING), [record()])
    assert said == []


@pytest.mark.parametrize("harm", [b"\xff" * 4096, b"", b"\x0d\x00\x00\x01\x00" + b"\xfe" * 500])
def test_a_damaged_store_is_told(path: Path, harm: bytes) -> None:
    filled(path, count=200)
    content = bytearray(path.read_bytes())
    cut = len(content) // 4096 // 2 * 4096
    damaged = content[:4096] + harm * (cut // 4096) if harm else content[:cut]
    path.write_bytes(bytes(damaged))
    with pytest.raises(StoreError, match=r"it is damaged .* move it away to begin a new one"):
        use_all_of(path)


@given(st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_bytes_changed_it_is_either_used_or_told(path: Path, data: st.DataObject) -> None:
    path.unlink(missing_ok=True)
    filled(path, count=20)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=20)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(StoreError):
        use_all_of(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET started_at = 'yesterday'",
        "UPDATE runs SET command = x'ff'",
        "UPDATE runs SET process = x'ff'",
        "UPDATE runs SET id = CAST(x'ff' AS TEXT)",
        "UPDATE results SET status = 'excellent'",
        "UPDATE results SET nodeid = x'ff'",
        "UPDATE results SET duration_s = 'long'",
        "UPDATE documents SET data = x'ff'",
        "UPDATE responses SET created_at = 'yesterday'",
        "UPDATE sessions SET started_at = 'yesterday'",
        "UPDATE sessions SET concurrency = 0",
        "UPDATE sessions SET windows = x'ff'",
        "UPDATE extents SET nodeids = x'ff'",
    ],
)
def test_values_of_another_kind_are_damage(path: Path, statement: str) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(StoreError, match="it is damaged"):
        use_all_of(path)


def test_tables_that_are_not_there_are_damage(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE responses")
    with (
        pytest.raises(StoreError, match=r"it is damaged \(no such table: responses\)"),
        Store.open(path) as store,
    ):
        store.responses.find("any")


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach; pytest's own are for its user only."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_somebody_who_may_not_write(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    for each in (path, path.parent):
        each.chmod(each.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED + program, path], capture_output=True, text=True, check=False
    )
    path.parent.chmod(0o755)
    return done


def test_a_store_that_cannot_be_written_to_is_told(shared_folder: Path) -> None:
    path = shared_folder / "store.sqlite"
    filled(path)
    done = as_somebody_who_may_not_write("Store.open(path)", path)
    assert "StoreError: store '" in done.stderr
    assert "it cannot be written to (attempt to write a readonly database)" in done.stderr
    assert "change its folder's and its own permissions, or name another file with --bench-store" in done.stderr


def test_a_store_can_be_read_where_nobody_may_write(shared_folder: Path) -> None:
    path = shared_folder / "store.sqlite"
    run_id = filled(path)
    done = as_somebody_who_may_not_write(
        "print([run.id for run in Store.open_to_read(path).runs.newest_first()])", path
    )
    assert done.stdout == f"['{run_id}']\n", done.stderr


def test_nothing_of_the_environment_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with Store.open(path) as store:
        store.results.add(store.runs.begin(BEGINNING), [record()])
        files = [file.read_bytes() for file in path.parent.iterdir()]
    assert any(b"print-of-a" in content for content in files)
    assert not any(b"sk-very-secret" in content for content in files)
