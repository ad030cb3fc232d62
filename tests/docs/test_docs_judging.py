"""docs/judging.md: its figures and its table are what the program says."""

from __future__ import annotations

import doctest
import re

from benchmarks.label_priors import NAMES
from benchmarks.label_priors import rows as of_priors
from benchmarks.label_simulations import FIGURES, SUITES
from benchmarks.label_simulations import rows as simulated
from tests.docs.docs_reading import PAGES, ROOT, blocks, rows

PAGE = PAGES["judging"]


def test_the_figures_in_python_are_those_that_are_shown() -> None:
    text = "\n".join(block.text for block in blocks(PAGE) if block.language == "pycon")
    example = doctest.DocTestParser().get_doctest(text, {}, "judging", str(ROOT / "docs" / "judging.md"), 0)
    reports: list[str] = []
    assert doctest.DocTestRunner().run(example, out=reports.append).failed == 0, "".join(reports)
    assert example.examples


def table() -> list[list[str]]:
    """The rows of the table of the simulations."""
    return [row for row in rows(PAGE, "what" + " " * _WIDTH) if ":" in row[0]]


_WIDTH = max(map(len, re.findall(r"^\| (what +)\|", PAGE, re.MULTILINE))) - len("what") - 1


def test_the_simulations_run_and_make_the_rows_of_the_table() -> None:
    found = list(simulated(1))
    assert not any(row.holds for row in found)  # one draw judges nothing
    made = [row.what for row in found]
    assert [row[0].strip() for row in table() if row[0].strip() not in made] == []
    assert len(table()) == len(FIGURES) * len(SUITES)


def test_the_simulations_of_suites_of_all_kinds_make_the_rows_of_their_table() -> None:
    made = [row.what for row in of_priors(1)]
    assert made == list(NAMES)
    narrow = max(map(len, made)) - len("what")
    assert [row[0].strip() for row in rows(PAGE, "what" + " " * narrow)] == made


def test_the_counts_are_those_of_the_table() -> None:
    cells: dict[str, list[tuple[float, bool]]] = {}
    for what, measured, *_ in table():
        told = re.findall(r"\d+: ([01]\.\d{3})( \(steps)?", measured)
        cells.setdefault(what.partition(":")[0].strip(), []).extend(
            (float(share), bool(steps)) for share, steps in told
        )
    counted = {
        figure: [
            len(found),
            sum(0.93 <= share <= 0.97 for share, _ in found),
            sum(share < 0.93 for share, _ in found),
            sum(share > 0.97 for share, _ in found),
            sum(steps for _, steps in found),
        ]
        for figure, found in cells.items()
    }
    said = {row[0].strip(): [int(each) for each in row[1:]] for row in rows(PAGE, "figure") if len(row) == 6}
    assert set(counted) == set(FIGURES)
    assert counted == {figure: said[figure] for figure in counted}
