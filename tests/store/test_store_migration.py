"""Stores that released versions wrote: opened, brought up to date, and nothing of them is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.plain_result import to_plain
from pytest_benchmodels.store import Store
from pytest_benchmodels.store.schema import MIGRATIONS

HERE = Path(__file__).parent
OLD = range(1, len(MIGRATIONS))
Rows = list[dict[str, Any]]


def written_by(version: int, path: Path) -> dict[str, Rows]:
    """Make the file that a version left behind; return all rows of all its tables."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((HERE / f"version{version}.sql").read_text(encoding="utf-8"))
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        return all_rows(connection)


def all_rows(connection: sqlite3.Connection) -> dict[str, Rows]:
    connection.row_factory = sqlite3.Row
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}  # noqa: S608 - our own names


def holds(new: object, old: object) -> bool:
    """Whether all that the old document says is said by the new one, which may say more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and holds(new[key], old[key]) for key in old)
    if isinstance(old, list):
        if not isinstance(new, list | tuple) or len(new) != len(old):
            return False
        return all(holds(one, other) for one, other in zip(new, old, strict=True))
    return new == old


@pytest.mark.parametrize("version", OLD)
def test_each_released_version_has_a_store_here(version: int) -> None:
    with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(":memory:")) as kept:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                made.execute(statement)
        kept.executescript((HERE / f"version{version}.sql").read_text(encoding="utf-8"))
        columns = "SELECT m.name, c.name, c.type FROM sqlite_master AS m, pragma_table_info(m.name) AS c ORDER BY 1, 2"
        assert kept.execute(columns).fetchall() == made.execute(columns).fetchall()


@pytest.mark.parametrize("version", OLD)
def test_no_row_is_lost_or_changed(version: int, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    before = written_by(version, path)

    Store.open(path).close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        after = all_rows(connection)
    assert sum(map(len, before.values())) > 5
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows, table
    assert all(after[table] == [] for table in after.keys() - before.keys())


@pytest.mark.parametrize("version", OLD)
def test_each_result_says_all_that_it_said(version: int, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    before = written_by(version, path)
    documents = {row["result"]: json.loads(row["data"]) for row in before["documents"]}
    runs = {row["number"]: row["id"] for row in before["runs"]}

    with Store.open(path) as store:
        for row in before["results"]:
            result = store.results.one(runs[row["run"]], row["nodeid"])
            assert result is not None
            assert holds(to_plain(result), documents[row["id"]]), row["nodeid"]
            assert (result.status, result.score, result.cost_usd) == (row["status"], row["score"], row["cost_usd"])


@pytest.mark.parametrize("version", OLD)
def test_each_answer_is_found(version: int, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    before = written_by(version, path)

    with Store.open(path) as store:
        for row in before["responses"]:
            found = store.responses.find(row["fingerprint"])
            assert found is not None
            assert (found.model, found.created_at, len(found.answers)) == (
                row["model"],
                row["created_at"],
                row["turns"],
            )
            assert holds(msgspec.to_builtins(found.answers), json.loads(row["data"]))
            assert holds(msgspec.to_builtins(found.asked), json.loads(row["asked"]))


@pytest.mark.parametrize("version", [version for version in OLD if version > 1])
def test_each_session_is_known(version: int, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    before = written_by(version, path)

    with Store.open(path) as store:
        for run in before["runs"]:
            known = store.runs.find(run["id"])
            told = [row for row in before["sessions"] if row["run"] == run["number"]]
            assert [(each.started_at, each.concurrency, dict(each.windows)) for each in known.sessions] == [
                (row["started_at"], row["concurrency"], json.loads(row["windows"])) for row in told
            ]
            (extent,) = [row for row in before["extents"] if row["run"] == run["number"]]
            assert store.runs.extent(known).nodeids == set(json.loads(extent["nodeids"]))


@pytest.mark.parametrize("version", OLD)
def test_what_an_old_store_has_can_be_pruned_and_merged(version: int, tmp_path: Path) -> None:
    before = written_by(version, tmp_path / "old.sqlite")

    with Store.open(tmp_path / "old.sqlite") as old, Store.open(tmp_path / "new.sqlite") as new:
        new.merge(old)
        assert new.prune(keep=len(before["runs"])).runs == ()
        for store in (old, new):
            assert len(list(store.responses.each())) == len(before["responses"])
            assert sum(len(list(store.results.of(run.id))) for run in store.runs.newest_first()) == len(
                before["results"]
            )
