"""Many results at once are kept as one by one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.exchange import Response, Usage
from pytest_benchmodels.store import Record, Store
from pytest_benchmodels.store.inserting import Table, insert_rows
from tests.store.store_parts import BEGINNING, record, result

NUMBERS = Table("INSERT INTO numbers", ("number", "square"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store.sqlite")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 31, 32, 33, 63, 64, 100, 1000])
def test_each_row_is_inserted_once_and_in_its_order(count: int) -> None:
    rows = [(number, number**2) for number in range(count)]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE numbers (number, square)")

        insert_rows(connection.cursor(), NUMBERS, iter(rows))

        assert connection.execute("SELECT number, square FROM numbers ORDER BY rowid").fetchall() == rows


def test_few_statements_insert_many_rows() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (number, square)")
        executed: list[str] = []
        connection.set_trace_callback(executed.append)

        insert_rows(connection.cursor(), NUMBERS, ((number, 0) for number in range(71)))

        assert [statement.count("), (") + 1 for statement in executed] == [32, 32, 4, 2, 1]


def test_no_table_of_a_store_has_more_values_than_the_oldest_sqlite_takes() -> None:
    from pytest_benchmodels.store import inserting, results

    tables = [table for table in vars(results).values() if isinstance(table, Table)]
    assert len(tables) == 3
    assert max(len(table.columns) for table in tables) * inserting._MOST_ROWS <= 999


def test_of_two_results_with_one_node_id_the_later_is_kept_in_its_place(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    first, other, last = record("a", text="first"), record("b"), record("a", text="last")

    store.results.add(run_id, (first, other, last))

    assert list(store.results.of(run_id)) == [other.result, last.result]
    assert store.runs.find(run_id).statuses == {"passed": 2}


def test_the_answers_of_both_are_weighed_as_one_after_another(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    two = (Response("one", "stop", Usage(1, 1), 1.0), Response("two", "stop", Usage(1, 1), 1.0))
    longer = Record(result("a"), two, "by these checks")

    store.results.add(run_id, (longer, record("a", text="half of it")))

    found = store.responses.find("print-of-a")
    assert found is not None
    assert found.answers == two


def test_thousands_at_once_are_all_there_and_a_later_batch_replaces_them(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    names = [f"s{number}" for number in range(1201)]
    store.results.add(run_id, (record(name) for name in names))

    store.results.add(run_id, (record(name, "failed", "5") for name in names))

    assert [found.scenario for found in store.results.of(run_id)] == names
    assert store.runs.find(run_id).statuses == {"failed": 1201}


def test_a_store_that_has_no_number_left_says_so_and_keeps_none_of_them(store: Store, tmp_path: Path) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.results.add(run_id, (record("a"),))
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as other, other:
        other.execute("UPDATE documents SET result = ?", (2**63 - 2,))
        other.execute("UPDATE results SET id = ?", (2**63 - 2,))

    with pytest.raises(StoreError, match="has the number 9223372036854775806, after which there is no room"):
        store.results.add(run_id, (record("b"), record("c")))

    assert [found.scenario for found in store.results.of(run_id)] == ["a"]
