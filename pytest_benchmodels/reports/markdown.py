"""A summary in GitHub's Markdown: for a comment on a pull request, or a job's summary page.

What comes from outside stands in `<code>` as character references, or in a fence: it breaks no table, shows no HTML,
makes no link and notifies nobody. A backslash would not do for the last: GitHub looks for names in what it rendered.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.checks import check_lines
from pytest_benchmodels.reports.comparison import change_lines, comparison_lines, comparison_table, incomparable_lines
from pytest_benchmodels.reports.failure import failure_headline
from pytest_benchmodels.reports.summary import (
    cause_lines,
    closing_lines,
    cost_lines,
    doubt_lines,
    interval_lines,
    position_lines,
    stream_lines,
    summary_table,
    tool_lines,
)
from pytest_benchmodels.reports.units import one_line, plural
from pytest_benchmodels.reports.verdicts import gate_line, ranking_lines, ranking_table
from pytest_benchmodels.reports.work import work_lines
from pytest_benchmodels.statistics.comparison import Comparison
from pytest_benchmodels.statistics.ranking import Ranking
from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["write_markdown"]

_SIZE_LIMIT = 60_000  # GitHub takes 65,536 characters for a comment
_FAILURES = 20
_ROWS = 50
_FOLDED_LINES = 100
_LINE_LIMIT = 200

_TEXT_COLUMNS = frozenset(("model", "run", "what"))
_LEFT = _TEXT_COLUMNS | {"95% CI", "verdict", "status"}
# A full stop means something in `www.` only.
_MAY_MEAN = re.compile(r"(?<=[Ww]{3})\.|[^A-Za-z0-9 /,;%=?.\x80-\U0010ffff-]")

# A wrong answer tells more of the model than one that came late, and an error nothing.
_WORST_FIRST: Mapping[Status, int] = {"failed": 0, "timeout": 1, "error": 2}


def write_markdown(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the summary in UTF-8, as much of it as fits into a comment: what is left out is the last.

    `results` are read once, and no more than the twenty worst of them kept.
    """
    size = 0
    for section in _sections(evaluation, results):
        data = "\n".join([*section, "", ""]).encode()
        size += len(data)
        if size > _SIZE_LIMIT:
            stream.write(b"The rest is left out: it would be longer than a comment may be.\n")
            return
        stream.write(data)


def _sections(evaluation: Evaluation, results: Iterable[Result]) -> Iterator[Sequence[str]]:
    figures = evaluation.figures
    yield [f"## Benchmark: {_headline(evaluation)}"]
    if figures.models:
        yield _table(*summary_table(figures.models))
    yield _fenced(
        [
            *cause_lines(figures.errors, _LINE_LIMIT),
            *doubt_lines(figures),
            *cost_lines(figures),
            *interval_lines(figures),
            *position_lines(figures),
            *stream_lines(figures),
            *tool_lines(figures),
            *check_lines(figures.checks, details=True),
            *closing_lines(figures),
        ]
    )
    if evaluation.gates:
        yield ["### Gates", "", *_gates(evaluation.gates)]
    if evaluation.comparison is not None:
        yield from _comparison(evaluation.comparison, evaluation.baseline or "another run")
    worst = _worst(results)
    yield from _failures(worst, figures.statuses)
    if evaluation.ranking is not None and evaluation.ranking.models:
        yield from _ranking(evaluation.ranking)
    # Last, for diffs are long: what does not fit into a comment is to be one of these.
    for result in worst:
        if result.work is not None or result.changes:
            told = [clip(plain(line), _LINE_LIMIT) for line in work_lines(result)]
            yield _folded(f"What {_code(one_line(result.nodeid, _LINE_LIMIT))} did in its workspace", told)


def _headline(evaluation: Evaluation) -> str:
    """What a reader wants to know first."""
    counts = [f"{count} {status}" for status, count in evaluation.figures.statuses.items() if count]
    told = ", ".join(counts) or "nothing ran"
    if not evaluation.gates:
        return told
    held = sum(bool(verdict.held) for verdict in evaluation.gates)
    return f"{held} of {plural(len(evaluation.gates), 'gate')} held; {told}"


def _gates(verdicts: Sequence[GateVerdict]) -> Iterator[str]:
    ordered = sorted(verdicts, key=lambda verdict: bool(verdict.held))
    for verdict in ordered[:_ROWS]:
        yield f"- {'✅' if verdict.held else '❌'} {_code(' '.join(gate_line(verdict).split()))}"
    if (more := len(ordered) - _ROWS) > 0:
        yield f"- and {more} more"


def _comparison(comparison: Comparison, baseline: str) -> Iterator[Sequence[str]]:
    yield [f"### Compared with {_code(one_line(baseline, _LINE_LIMIT))}"]
    if comparison.models:
        yield _table(*comparison_table(comparison))
    if told := [*incomparable_lines(comparison.changes), *change_lines(comparison.changes)]:
        yield [f"- {_code(line)}" for line in told]
    yield _folded("What changed", comparison_lines(comparison, baseline))


def _worst(results: Iterable[Result]) -> list[Result]:
    failures = (result for result in results if result.status in _WORST_FIRST)
    return heapq.nsmallest(_FAILURES, failures, key=lambda result: (_WORST_FIRST[result.status], result.score or 0.0))


def _failures(worst: Sequence[Result], statuses: Mapping[Status, int]) -> Iterator[Sequence[str]]:
    if not worst:
        return
    total = sum(statuses[status] for status in _WORST_FIRST)
    yield ["### Failures" if total <= _FAILURES else f"### The worst {_FAILURES} of {total} failures"]
    yield _table(["status", "run", "what"], list(map(_failure, worst)))


def _failure(result: Result) -> list[str]:
    return [result.status, one_line(result.nodeid, _LINE_LIMIT), one_line(failure_headline(result), _LINE_LIMIT)]


def _ranking(ranking: Ranking) -> Iterator[Sequence[str]]:
    yield ["### Ranking"]
    yield _table(*ranking_table(ranking))
    yield _folded("Which models are told apart, and where trials disagree", ranking_lines(ranking))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [[_cell(*named) for named in zip(titles, row, strict=True)] for row in rows[:_ROWS]]
    borders = [":--" if title in _LEFT else "--:" for title in titles]
    more = ["", f"and {len(rows) - _ROWS} more"] if len(rows) > _ROWS else []
    return [*(f"| {' | '.join(cells)} |" for cells in (map(_references, titles), borders, *shown)), *more]


def _cell(title: str, text: str) -> str:
    return _code(text) if title in _TEXT_COLUMNS else _references(text)


def _code(text: str) -> str:
    return f"<code>{_references(text)}</code>"


def _references(text: str) -> str:
    """The text with each character that could mean something to Markdown as a character reference."""
    return _MAY_MEAN.sub(lambda match: f"&#{ord(match[0])};", plain(text))


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    more = [f"and {plural(len(lines) - _FOLDED_LINES, 'more line')}"] if len(lines) > _FOLDED_LINES else []
    shown = [*lines[:_FOLDED_LINES], *more]
    return [f"<details><summary>{title}</summary>", "", *_fenced(shown), "", "</details>"]


def _fenced(lines: Sequence[str]) -> list[str]:
    """Lines as they stand in the terminal, in a fence that is longer than any that they hold."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *lines, fence]
