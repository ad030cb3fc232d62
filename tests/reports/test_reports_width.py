"""No line passes the terminal's width, whatever models are called and whatever their figures are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels.reports.comparison import comparison_lines, comparison_table
from pytest_benchmodels.reports.summary import summary_lines, summary_table, wrapped
from pytest_benchmodels.reports.units import shortened
from pytest_benchmodels.reports.verdicts import ranking_lines, ranking_table
from pytest_benchmodels.statistics.comparison import compare
from pytest_benchmodels.statistics.metrics import Figures, ModelFigures, Tally
from pytest_benchmodels.statistics.outcomes import Outcome
from pytest_benchmodels.statistics.ranking import rank
from tests.reports.reports_parts import result

WIDTHS = st.sampled_from([60, 80, 120])
NAMES = st.lists(st.text("abc/-. 0", min_size=1, max_size=150).map("m".__add__), min_size=1, max_size=3, unique=True)
COUNTS = st.integers(0, 1_000_000)  # of runs: a session has no more, unless told


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    """Those of some runs, with other numbers put in."""
    tally = Tally()
    for name in draw(NAMES):
        for number in range(3):
            tally.add(result(f"s{number}", name))
    made = tally.figures(20)
    return replace(made, models=tuple(draw(others(model)) for model in made.models))


@st.composite
def others(draw: st.DrawFn, model: ModelFigures) -> ModelFigures:
    return replace(
        model,
        passed=draw(COUNTS),
        failed=draw(COUNTS),
        errors=draw(COUNTS),
        timeouts=draw(COUNTS),
        skipped=draw(COUNTS),
        truncated=draw(COUNTS),
        input_tokens=draw(st.none() | COUNTS),
        known_input_tokens=draw(COUNTS),
        cost_usd=draw(st.none() | st.floats(0, 1e6)),
        known_cost_usd=draw(st.floats(0, 1e6)),
    )


def assert_fits(lines: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> None:
    """No line is longer, and each figure of a table stands uncut in some line."""
    assert [line for line in lines if len(line) > width] == []
    text = " ".join(lines)
    assert [cell for row in cells for cell in row[1:] if cell not in text] == []


@settings(max_examples=30)
@given(figures(), WIDTHS)
def test_the_summary_fits(made: Figures, width: int) -> None:
    assert_fits(summary_lines(made, width), summary_table(made.models)[1], width)


def outcomes(name: str, passes: str) -> list[Outcome]:
    return [
        Outcome(f"suite.yaml::{name[:90]}{number}", name, 1, "passed" if passed == "1" else "failed", float(passed))
        for number, passed in enumerate(passes)
    ]


@settings(max_examples=20)
@given(NAMES, st.text("01", min_size=4, max_size=4), WIDTHS)
def test_ranking_and_comparison_fit(names: list[str], passes: str, width: int) -> None:
    before = [outcome for name in names for outcome in outcomes(name, "1010")]
    after = [outcome for name in names for outcome in outcomes(name, passes)]
    ranking, comparison = rank(after), compare(before, after)

    ranked = [part for line in ranking_lines(ranking, width) for part in wrapped(line, width)]
    compared = [part for line in comparison_lines(comparison, "b" * 90, width) for part in wrapped(line, width)]

    assert_fits(ranked, [row[1:] for row in ranking_table(ranking)[1]], width)
    assert_fits(compared, comparison_table(comparison)[1], width)


@pytest.mark.parametrize("limit", [16, 17, 56])
def test_a_long_name_keeps_both_ends(limit: int) -> None:
    assert shortened("a" * limit, limit) == "a" * limit
    cut = shortened("provider/" + "x" * 99 + "-v2", limit)
    assert len(cut) == limit
    assert cut.startswith("provid")
    assert cut.endswith("-v2")
    assert "..." in cut
