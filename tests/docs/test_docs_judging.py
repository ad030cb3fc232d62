"""docs/judging.md: its figures and its table are what the program says."""

from __future__ import annotations

import doctest
import re

from benchmarks.label_simulations import rows as simulated
from tests.docs.docs_reading import PAGES, ROOT, blocks, rows

PAGE = PAGES["judging"]


def test_the_figures_in_python_are_those_that_are_shown() -> None:
    text = "\n".join(block.text for block in blocks(PAGE) if block.language == "pycon")
    example = doctest.DocTestParser().get_doctest(text, {}, "judging", str(ROOT / "docs" / "judging.md"), 0)
    reports: list[str] = []
    assert doctest.DocTestRunner().run(example, out=reports.append).failed == 0, "".join(reports)
    assert example.examples


def test_the_simulations_run_and_make_the_rows_of_the_table() -> None:
    table = {row[0].strip(): row for row in rows(PAGE, "what" + " " * 94)}
    found = list(simulated(1))
    assert not any(row.holds for row in found)  # one draw judges nothing
    assert [row.what for row in found] == list(table)


def test_what_is_said_of_the_table_is_in_it() -> None:
    shares: dict[str, list[float]] = {}
    for what, measured, *_ in rows(PAGE, "what" + " " * 94):
        shares.setdefault(what.partition(":")[0], []).extend(map(float, re.findall(r"(?<=: )[01]\.\d{3}", measured)))
    within = {figure: sum(0.93 <= share <= 0.97 for share in found) for figure, found in shares.items()}
    assert {figure: len(found) for figure, found in shares.items()} == dict.fromkeys(shares, 48)
    assert within == {
        "corrected rate": 44,
        "agreement": 44,
        "kappa": 47,
        "sensitivity": 39,
        "specificity": 26,
        "kappa of one of several judges": 32,
        "alpha": 32,
    }
    assert sorted(share for share in shares["corrected rate"] if not 0.93 <= share <= 0.97) == [
        0.972,
        0.974,
        0.979,
        0.984,
    ]
