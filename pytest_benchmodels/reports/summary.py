"""The benchmark summary: what stands in the terminal after pytest's own output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from pytest_benchmodels.core.metrics import ErrorGroup, Figures, ModelFigures
from pytest_benchmodels.core.text import clip

from .units import UNKNOWN, dollars, duration, fraction, one_line, percent, plural, tokens

__all__ = ["cause_lines", "closing_lines", "summary_lines", "summary_table", "wait_lines"]

_GAP = "  "
_ERROR_LINES = 5
_COMMAND = "to finish this run: "
_WAIT_SHARE = 0.1
_LEAST_WAIT_S = 1.0
_MODEL_LIMIT = 120
_CAUSE_LIMIT = 400
_NOTE = len("... (1234567 more characters)")
_LEAST_WIDTH = 40


@dataclass(frozen=True, slots=True)
class _Column:
    """`title` holds the spaces that put it over its values; `width` is the least one."""

    title: str
    width: int
    left: bool = False

    def cells(self, values: Sequence[str]) -> list[str]:
        width = max(self.width, *map(len, values))
        pad = str.ljust if self.left else str.rjust
        return [pad(cell, width) for cell in (self.title, *values)]


_COLUMNS = (
    _Column("model", 22, left=True),
    _Column("passed", 7),
    _Column("rate", 8),
    _Column("95% CI", 11, left=True),
    _Column("score", 5),
    _Column("errors", 6),
    _Column("timeouts", 8),
    _Column(" p50 ", 5),
    _Column(" p95 ", 5),
    _Column(" tokens  ", 9),
    _Column("cost ", 5),
)
_SKIPPED = _Column("skipped", 7)
_BEFORE_LATENCY = 7


def summary_lines(figures: Figures, width: int, notes: Iterable[str] = ()) -> list[str]:
    """The table, the causes of errors, what was waited for, `notes`, and the three closing lines.

    All but commands and the closing lines is fitted to `width` characters.
    """
    return [
        *_table(figures.models, max(width, _LEAST_WIDTH)),
        *cause_lines(figures.errors, width),
        *(part for line in wait_lines(figures) for part in _wrapped(line, width)),
        *(part for line in notes for part in _wrapped(line, width)),
        *closing_lines(figures),
    ]


def _wrapped(line: str, width: int) -> list[str]:
    """A line for a reader; a command stays one, for whoever copies it."""
    if line.startswith(_COMMAND):
        return [line]
    return wrap(line, max(width, _LEAST_WIDTH), subsequent_indent=_GAP, break_on_hyphens=False, break_long_words=False)


def summary_table(models: Sequence[ModelFigures]) -> tuple[list[str], list[list[str]]]:
    """The titles, and one row of as many cells for each model."""
    columns, rows = _columns_and_rows(models)
    return [column.title.strip() for column in columns], rows


def _table(models: Sequence[ModelFigures], width: int) -> list[str]:
    """One row a model; on a screen too narrow for that, one in each of as many parts as it takes."""
    if not models:
        return []
    columns, rows = _columns_and_rows(models)
    cells = [column.cells(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return [_GAP.join(line).rstrip() for part in _parts(cells, width) for line in zip(*part, strict=True)]


def _parts(cells: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    """The columns in parts that fit, each with the models' names in front; a last one that ends in blanks may do so."""
    names, *others = cells
    part = [names]
    for column in others:
        taken = sum(len(other[0]) + len(_GAP) for other in part)
        if len(part) > 1 and taken + max(len(cell.rstrip()) for cell in column) > width:
            yield part
            part = [names]
        part.append(column)
    yield part


def _columns_and_rows(models: Sequence[ModelFigures]) -> tuple[list[_Column], list[list[str]]]:
    columns, rows = list(_COLUMNS), [_row(model) for model in models]
    if any(model.skipped for model in models):
        columns.insert(_BEFORE_LATENCY, _SKIPPED)
        for row, model in zip(rows, models, strict=True):
            row.insert(_BEFORE_LATENCY, str(model.skipped))
    return columns, rows


def _row(model: ModelFigures) -> list[str]:
    return [
        one_line(model.model, _MODEL_LIMIT),
        f"{model.passed}/{model.graded}",
        percent(model.rate),
        _interval(model),
        fraction(model.score),
        str(model.errors),
        str(model.timeouts),
        duration(model.p50_s),
        duration(model.p95_s),
        _tokens(model),
        dollars(model.cost_usd),
    ]


def _interval(model: ModelFigures) -> str:
    interval = model.interval
    if interval is None:
        return UNKNOWN
    return f"{percent(interval.low).removesuffix('%')}-{percent(interval.high)}"


def _tokens(model: ModelFigures) -> str:
    if model.input_tokens is None and model.output_tokens is None:
        return UNKNOWN
    return f"{tokens(model.input_tokens)}/{tokens(model.output_tokens)}"


def cause_lines(groups: Sequence[ErrorGroup], width: int) -> Iterator[str]:
    """The most frequent causes of errors, each on as many lines of `width` characters as its remedy takes."""
    shown = groups if len(groups) <= _ERROR_LINES else groups[: _ERROR_LINES - 1]
    for group in shown:
        start = f"errors: {one_line(group.model, _MODEL_LIMIT)}: {group.count} x {one_line(group.kind, _MODEL_LIMIT)}: "
        # Escapes take several characters for one.
        cause = start + clip(one_line(group.message, _CAUSE_LIMIT), _CAUSE_LIMIT + _NOTE)
        yield from wrap(cause, max(width, _LEAST_WIDTH), subsequent_indent=_GAP, break_on_hyphens=False)
    if rest := groups[len(shown) :]:
        yield f"errors: {sum(group.count for group in rest)} more of {len(rest)} further causes"


def wait_lines(figures: Figures) -> Iterator[str]:
    """Which model waited how long for what, where it was a tenth of the makespan or more, all its runs together."""
    least = max(_WAIT_SHARE * figures.makespan_s, _LEAST_WAIT_S)
    for model in figures.models:
        waits = sorted(model.waits_s.items(), key=lambda wait: -wait[1])
        told = [
            f"{duration(seconds)} for {one_line(reason, _MODEL_LIMIT)}" for reason, seconds in waits if seconds >= least
        ]
        if told:
            yield f"waited: {one_line(model.model, _MODEL_LIMIT)}: {', '.join(told)} (all its runs together)"


def closing_lines(figures: Figures) -> list[str]:
    """What ran, the throughput, and how well the time was used."""
    scenarios, runs = f"{figures.scenarios_per_min:.1f}", f"{figures.runs_per_min:.1f}"
    makespan, bound = f"{figures.makespan_s:.1f} s", f"{figures.lower_bound_s:.1f} s"
    return [
        f"{_product(figures)} in {figures.makespan_s / 60:.2f} min",
        f"throughput: {scenarios} scenarios/min, {runs} model runs/min{_not_counted(figures)}",
        f"makespan {makespan}, lower bound {bound} ({percent(figures.efficiency, 0)})",
    ]


def _product(figures: Figures) -> str:
    """`387 scenarios x 3 models = 1161 runs`; a `-k`, or models and trials of a scenario's own, leave holes in it."""
    factors = [plural(figures.scenarios, "scenario"), plural(len(figures.models), "model")]
    trials = [plural(figures.trials, "trial")] if figures.trials > 1 else []
    runs = plural(figures.runs, "run")
    if figures.runs == figures.scenarios * len(figures.models) * figures.trials:
        return f"{' x '.join(factors + trials)} = {runs}"
    return f"{' x '.join(factors)} = {runs} ({' has '.join(['not every pair', *trials])})"


def _not_counted(figures: Figures) -> str:
    """A run that did no work is no throughput: say how many there are."""
    statuses = figures.statuses
    parts = [plural(statuses["error"], "error")] if statuses["error"] else []
    parts += [f"{statuses['skipped']} skipped"] if statuses["skipped"] else []
    parts += [f"{figures.cached} cached"] if figures.cached else []
    return f" ({', '.join(parts)} not counted)" if parts else ""
