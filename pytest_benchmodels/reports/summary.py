"""The benchmark summary: what stands in the terminal after pytest's own output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from pytest_benchmodels.core.text import clip
from pytest_benchmodels.reports.units import (
    UNKNOWN,
    dollars,
    duration,
    fraction,
    full_name,
    name_limit,
    one_line,
    parts,
    percent,
    plural,
    short_name,
    tokens,
)
from pytest_benchmodels.statistics.intervals import Interval
from pytest_benchmodels.statistics.metrics import Figures, ModelFigures
from pytest_benchmodels.statistics.outcomes import ErrorGroup

__all__ = [
    "asked_lines",
    "cause_lines",
    "closing_lines",
    "cost_lines",
    "cut_lines",
    "doubt_lines",
    "interval_lines",
    "position_lines",
    "rerun_lines",
    "served_lines",
    "stream_lines",
    "summary_lines",
    "summary_table",
    "timing_lines",
    "tool_lines",
    "wait_lines",
    "wrapped",
]

_GAP = "  "
_ERROR_LINES = 5
_COMMAND = "to finish this run: "
_WAIT_SHARE = 0.1
_LEAST_WAIT_S = 1.0
_DELAY_SHARE = 0.1
_LEAST_DELAY_S = 0.02
_SECOND = 0.9995  # where milliseconds would round up to 1000
_CAUSE_LIMIT = 400
_NOTE = len("... (1234567 more characters)")
_LEAST_WIDTH = 40
_MOST_SERVED = 5


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
    """The table, the causes of errors, what was cut off and waited for, doubts about latencies, `notes`, closing lines.

    All but commands is fitted to `width` characters.
    """
    return [
        *_table(figures.models, max(width, _LEAST_WIDTH)),
        *cause_lines(figures.errors, width),
        *(part for line in (*doubt_lines(figures), *notes, *closing_lines(figures)) for part in wrapped(line, width)),
    ]


def wrapped(line: str, width: int) -> list[str]:
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
    for row, model in zip(rows, models, strict=True):
        row[0] = short_name(model.model, name_limit(width))
    cells = [column.cells(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return [_GAP.join(line).rstrip() for part in parts(cells[:1], cells[1:], width) for line in zip(*part, strict=True)]


def _columns_and_rows(models: Sequence[ModelFigures]) -> tuple[list[_Column], list[list[str]]]:
    columns, rows = list(_COLUMNS), [_row(model) for model in models]
    if any(model.skipped for model in models):
        columns.insert(_BEFORE_LATENCY, _SKIPPED)
        for row, model in zip(rows, models, strict=True):
            row.insert(_BEFORE_LATENCY, str(model.skipped))
    return columns, rows


def _row(model: ModelFigures) -> list[str]:
    return [
        full_name(model.model),
        f"{model.passed}/{model.graded}",
        percent(model.rate),
        _interval(model),
        fraction(model.score),
        str(model.errors),
        str(model.timeouts),
        duration(model.p50_s),
        duration(model.p95_s),
        _tokens(model),
        dollars(model.cost_usd, model.known_cost_usd),
    ]


def _interval(model: ModelFigures) -> str:
    interval = model.interval
    if interval is None:
        return UNKNOWN
    return f"{percent(interval.low).removesuffix('%')}-{percent(interval.high)}"


def interval_lines(figures: Figures) -> Iterator[str]:
    """The 95 % intervals that the table has no column for, one line a model; a figure with too few runs says so."""
    for model in figures.models:
        told = [
            _figure_interval("score", model.score, model.score_interval, fraction),
            _figure_interval("p50", model.p50_s, model.p50_interval, duration),
            _figure_interval("p95", model.p95_s, model.p95_interval, duration),
        ]
        if any(told):
            yield f"95% CI: {full_name(model.model)}: {', '.join(filter(None, told))}"


def stream_lines(figures: Figures) -> Iterator[str]:
    """How soon and how fast streamed answers came, one line a model that streams."""
    for model in figures.models:
        if model.streamed:
            speed = "" if model.tokens_per_s is None else f", {model.tokens_per_s:.3g} tokens/s"
            first = f"first token p50 {duration(model.ttft_p50)}, p95 {duration(model.ttft_p95)}"
            yield f"stream: {full_name(model.model)}: {first}{speed} (over {plural(model.streamed, 'answer')})"


def _figure_interval(
    name: str, value: float | None, interval: Interval | None, shown: Callable[[float | None], str]
) -> str:
    if value is None:
        return ""
    return f"{name} {shown(interval.low)}-{shown(interval.high)}" if interval else f"{name} has too few runs"


def _tokens(model: ModelFigures) -> str:
    sent = tokens(model.input_tokens, model.known_input_tokens)
    written = tokens(model.output_tokens, model.known_output_tokens)
    return UNKNOWN if sent == written == UNKNOWN else f"{sent}/{written}"


def doubt_lines(figures: Figures) -> Iterator[str]:
    """Who answered, what was cut off and waited for, what is doubtful of latencies, run again, or asked by checks."""
    yield from served_lines(figures)
    yield from cut_lines(figures)
    yield from wait_lines(figures)
    yield from timing_lines(figures)
    yield from rerun_lines(figures)
    yield from asked_lines(figures)


def asked_lines(figures: Figures) -> Iterator[str]:
    """What checks asked other models, and what that took: no part of the table's figures; who judged itself."""
    for asked in figures.asked:
        unanswered = asked.calls - asked.answered
        sent = tokens(asked.input_tokens, asked.known_input_tokens)
        written = tokens(asked.output_tokens, asked.known_output_tokens)
        said = [
            plural(asked.calls, "call"),
            *([f"{unanswered} not answered"] if unanswered else []),
            *([f"{asked.cached} cached"] if asked.cached else []),
            *([f"p50 {duration(asked.p50_s)}"] if asked.p50_s is not None else []),
            f"tokens {sent}/{written}",
            f"cost {dollars(asked.cost_usd, asked.known_cost_usd)}",
        ]
        yield f"{asked.purpose}: {full_name(asked.model)}: {', '.join(said)}"
    for judge in figures.judges:
        if judge.own_answers:
            yield f"judge: {full_name(judge.model)} judged {plural(judge.own_answers, 'answer')} of its own"


def position_lines(figures: Figures) -> Iterator[str]:
    """How often the order of a pair decided, where judges compared two answers."""
    for judge in figures.judges:
        if judge.pairs:
            swayed = judge.for_first + judge.for_second
            decided = (
                f"the order decided {swayed} of {plural(judge.pairs, 'pair')} ({percent(swayed / judge.pairs, 0)})"
            )
            sides = f": {judge.for_first} for the first, {judge.for_second} for the second" if swayed else ""
            yield f"judge: {full_name(judge.model)}: {decided}{sides}"


def cause_lines(groups: Sequence[ErrorGroup], width: int) -> Iterator[str]:
    """The most frequent causes of errors, each on as many lines of `width` characters as its remedy takes."""
    shown = groups if len(groups) <= _ERROR_LINES else groups[: _ERROR_LINES - 1]
    for group in shown:
        start = f"errors: {full_name(group.model)}: {group.count} x {full_name(group.kind)}: "
        # Escapes take several characters for one.
        cause = start + clip(one_line(group.message, _CAUSE_LIMIT), _CAUSE_LIMIT + _NOTE)
        yield from wrap(cause, max(width, _LEAST_WIDTH), subsequent_indent=_GAP, break_on_hyphens=False)
    if rest := groups[len(shown) :]:
        yield f"errors: {sum(group.count for group in rest)} more of {len(rest)} further causes"


def cut_lines(figures: Figures) -> Iterator[str]:
    """Which model's answers were cut off: what is wrong with them may be no more than that."""
    for model in figures.models:
        if model.truncated:
            counted = f"{model.truncated} of {plural(model.answered, 'answer')}"
            yield f"cut off: {full_name(model.model)}: {counted} ended at max_tokens"


def tool_lines(figures: Figures) -> Iterator[str]:
    """How many calls of tools were wrong: `openai/x: 2 of 14 tool calls rejected (no such tool, wrong arguments)`."""
    for model in figures.models:
        if model.rejected_calls:
            counted = f"{model.rejected_calls} of {plural(model.tool_calls, 'tool call')} rejected"
            yield f"{full_name(model.model)}: {counted} (no such tool, or arguments that do not fit)"


def served_lines(figures: Figures) -> Iterator[str]:
    """Who answered in place of the model that was asked: `openrouter/x: answered by y (12), z (3)`."""
    for model in figures.models:
        told = [f"{full_name(name)} ({count})" for name, count in list(model.answered_by.items())[:_MOST_SERVED]]
        if rest := len(model.answered_by) - len(told):
            told.append(f"{rest} more")
        if told:
            yield f"{full_name(model.model)}: answered by {', '.join(told)}"


def wait_lines(figures: Figures) -> Iterator[str]:
    """Which model waited how long for what, where it was a tenth of the makespan or more, all its runs together."""
    least = max(_WAIT_SHARE * figures.makespan_s, _LEAST_WAIT_S)
    for model in figures.models:
        waits = sorted(model.waits_s.items(), key=lambda wait: -wait[1])
        told = [f"{duration(seconds)} for {full_name(reason)}" for reason, seconds in waits if seconds >= least]
        if told:
            yield f"waited: {full_name(model.model)}: {', '.join(told)} (all its runs together)"


def timing_lines(figures: Figures) -> Iterator[str]:
    """What a reader of p50 and p95 has to know: which runs they leave out, and whether this machine was too busy."""
    left_out = [
        f"{full_name(model.model)}: {model.latency_timeouts} of {plural(model.graded, 'run')}"
        for model in figures.models
        if model.latency_timeouts
    ]
    if left_out:
        yield f"p50 and p95 leave out timeouts: {', '.join(left_out)}"
    overstated = [model.client_p95_s for model in figures.models if _is_overstated(model)]
    if overstated:
        delay = _delay(max(filter(None, overstated)))
        yield f"latency is overstated: this machine was busy (p95 of its own delay {delay})"


def _is_overstated(model: ModelFigures) -> bool:
    """Whether this machine's own delay is more than scheduling always costs, and no small part of the latency."""
    if model.client_p95_s is None or model.p50_s is None:
        return False
    return model.client_p95_s >= max(_LEAST_DELAY_S, _DELAY_SHARE * model.p50_s)


def _delay(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < _SECOND else f"{seconds:.1f} s"


def cost_lines(figures: Figures) -> Iterator[str]:
    """What each run that passed cost, where anything cost anything; and what was run again."""
    for model in figures.models:
        if model.known_cost_per_passed_usd:
            each = dollars(model.cost_per_passed_usd, model.known_cost_per_passed_usd)
            yield f"cost per passed run: {full_name(model.model)}: {each}"


def rerun_lines(figures: Figures) -> Iterator[str]:
    """How many runs another plugin had made again."""
    for model in figures.models:
        if model.reruns:
            again = plural(model.reruns, "run")
            yield f"run again: {full_name(model.model)}: {again}; all are paid, the last verdict counts"


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
