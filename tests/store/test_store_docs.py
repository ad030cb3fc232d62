"""docs/store.md: what it says is so."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from pytest_benchmodels.core.fingerprint import PARTS
from pytest_benchmodels.store import Record, Store
from pytest_benchmodels.store.database import BUSY_S
from tests.core.made_results import changed
from tests.store.store_parts import BEGINNING, record, result

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")


def test_the_query_works_as_shown(tmp_path: Path) -> None:
    (query,) = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    with Store.open(tmp_path / "store.sqlite") as store:
        store.results.add(store.runs.begin(BEGINNING), [record("old")])
        run_id = store.runs.begin(BEGINNING)
        costing = [Record(changed(result(name), cost_usd=0.25)) for name in ("a", "b")]
        store.results.add(run_id, [*costing, record("c", "failed")])
        with closing(sqlite3.connect(store.path)) as connection:
            assert connection.execute(query).fetchall() == [("m", "failed", 1, None), ("m", "passed", 2, 0.5)]


def test_each_table_and_each_part_of_a_fingerprint_is_named(tmp_path: Path) -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    with Store.open(tmp_path / "store.sqlite") as store:
        tables = [
            name for (name,) in store._database.rows(tuple[str], "SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
    assert named == [*tables, *PARTS]


def test_the_wait_for_another_process_is_named() -> None:
    assert f"locked by another process for more than {BUSY_S:g} seconds" in PAGE
