"""The examples of docs/gates.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.reports.verdicts import gate_line
from pytest_benchmodels.statistics.gates import Metric, parse_gate
from pytest_benchmodels.statistics.metrics import ModelFigures
from pytest_benchmodels.statistics.verdict import Measured, judge

_TEXT = (Path(__file__).parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
_MODEL = "openai/gpt-4o-mini"


def block(name: str) -> list[str]:
    found = re.search(rf"^```{name}\n(.*?)^```$", _TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1].splitlines()


def measured(run: str) -> Measured:
    """The table's line of this run."""
    row = next(line for line in _TEXT.splitlines() if line.startswith(f"| {run} |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
    passed, failed, timeouts, errors, skipped = map(int, cells[:5])
    score, p50, p95, cost = map(float, cells[5:])
    figures = [
        ModelFigures(
            *(model, passed, failed, timeouts, errors, skipped, score, p50, p95, None, None, cost),
            latency_runs=passed + failed,
        )
        for model in ("*", _MODEL)
    ]
    return Measured(figures[0], (figures[1],))


@pytest.mark.parametrize("line", block("verdicts"))
def test_each_gate_gives_the_verdict_that_is_shown(line: str) -> None:
    expression = re.fullmatch(r"gate (?:held  |failed) (.*?)(?: \([^)]*\))?: .*", line)
    assert expression is not None
    verdicts = judge(parse_gate(expression[1]), measured("this run"), measured("baseline"))
    assert [gate_line(verdict) for verdict in verdicts] == [line]


@pytest.mark.parametrize("line", block("mistakes"))
def test_each_mistake_gives_the_message_that_is_shown(line: str) -> None:
    expression = re.match(r"gate '(.*?)', column", line)
    assert expression is not None
    with pytest.raises(ConfigError) as refused:
        parse_gate(expression[1])
    assert str(refused.value) == line


@pytest.mark.parametrize("metric", get_args(Metric))
def test_each_metric_is_explained(metric: str) -> None:
    table = _TEXT.partition("| metric | meaning | unit |")[2].partition("\n\n")[0]
    assert f"`{metric}`" in table
