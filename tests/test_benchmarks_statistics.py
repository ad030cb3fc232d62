from __future__ import annotations

from pathlib import Path

from benchmarks.statistics_simulations import contradictions, rows

_DOCUMENT = Path(__file__).parents[1] / "docs" / "statistics.md"


def test_the_simulations_run_and_make_the_rows_of_the_documents_table() -> None:
    found = list(rows(2))
    assert not any(row.holds for row in found)  # two draws judge nothing
    document = _DOCUMENT.read_text(encoding="utf-8")
    assert [row.what for row in found if row.what not in document] == []


def test_no_interval_contradicts_its_verdict() -> None:
    assert contradictions(20) == 0
