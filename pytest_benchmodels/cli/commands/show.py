"""`benchmodels show`: a run's figures, or one result with its transcript."""

from __future__ import annotations

import shlex
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice

import msgspec

from pytest_benchmodels.cli.arguments import add_run, add_store
from pytest_benchmodels.cli.completion import completes_nodeids
from pytest_benchmodels.cli.moments import moment, plain_run
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import Source, open_source
from pytest_benchmodels.cli.survey import Survey
from pytest_benchmodels.cli.transcript import transcript_lines, transcript_plain
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.reports.failure import failure_headline
from pytest_benchmodels.reports.summary import summary_lines
from pytest_benchmodels.reports.units import one_line
from pytest_benchmodels.reports.verdicts import ranking_lines, ranking_plain

__all__ = ["add_arguments", "run"]

_SHOWN = 10
_NAMED = 5
_COMPARED = 1000
_LINE_LIMIT = 300


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    completes_nodeids(
        parser.add_argument(
            "nodeid", nargs="?", metavar="NODEID", help="one result: its node id, or a part that only one has"
        )
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    with open_source(arguments.run_name, arguments.store) as source:
        if arguments.nodeid is None:
            _show_run(source, output, as_json=arguments.json)
        else:
            _show_result(source, arguments.nodeid, output, as_json=arguments.json)
    return 0


def _show_run(source: Source, output: Output, *, as_json: bool) -> None:
    survey = Survey(source.results(), source.run.sessions)
    if as_json:
        output.document(_plain(source, survey))
        return
    output.line(one_line(_title(source, survey), _LINE_LIMIT), "title")
    for line in _facts(source):
        output.line(line)
    for title, lines in _sections(source, survey):
        output.line()
        output.line(title, "title")
        for line in lines:
            output.line(line)


def _title(source: Source, survey: Survey) -> str:
    run, there = source.run, len(survey.outcomes)
    counted = f"{there} results" if run.total is None else f"{there} of {run.total} results"
    shard = f", shard {run.shard}" if run.shard else ""
    return f"{source.name}: {run.state}, {counted}{shard}"


def _facts(source: Source) -> Iterator[str]:
    run = source.run
    several = f", the work of {len(run.sessions)} sessions" if len(run.sessions) > 1 else ""
    end = "ended" if run.state == "unfinished" else "finished"
    yield f"began {moment(run.started_at)}, {end} {moment(run.ended_at)}{several}"
    if run.command:
        yield f"pytest {one_line(shlex.join(run.command), _LINE_LIMIT)}"


def _sections(source: Source, survey: Survey) -> Iterator[tuple[str, list[str]]]:
    if unsuccessful := list(_unsuccessful(source, survey)):
        yield "not passed", unsuccessful
    if ranking := survey.ranking():
        yield "model ranking", ranking_lines(ranking)
    if survey.outcomes:
        yield "benchmark summary", summary_lines(survey.figures(), shutil.get_terminal_size().columns)


def _unsuccessful(source: Source, survey: Survey) -> Iterator[str]:
    """The first results that did not pass: these are what one looks at next."""
    count = sum(outcome.status not in ("passed", "skipped") for outcome in survey.outcomes)
    found = (result for result in source.results() if result.status not in ("passed", "skipped"))
    for result in islice(found, min(_SHOWN, count)):
        yield f"{result.status:7}  {one_line(result.nodeid, _LINE_LIMIT)}  {failure_headline(result)}"
    if count > _SHOWN:
        yield f"and {count - _SHOWN} more"


def _plain(source: Source, survey: Survey) -> dict[str, object]:
    figures, ranking = survey.figures(), survey.ranking()
    return {
        "run": {**plain_run(source.run), "results": len(survey.outcomes)},
        "figures": {
            **msgspec.to_builtins(figures),
            "statuses": figures.statuses,
            "scenarios_per_min": figures.scenarios_per_min,
            "model_runs_per_min": figures.runs_per_min,
        },
        "ranking": ranking_plain(ranking) if ranking else None,
    }


def _show_result(source: Source, wanted: str, output: Output, *, as_json: bool) -> None:
    result = _find(source, wanted)
    answers, calls = source.answers(result), source.calls(result)
    if as_json:
        output.document(transcript_plain(result, answers, calls))
        return
    for line in transcript_lines(result, answers, calls):
        output.line(line)


def _find(source: Source, wanted: str) -> Result:
    """The result with this node id, else the only one that has it in its own. Raises `ConfigError` otherwise."""
    found: Result | None = None
    names: list[str] = []
    others: list[str] = []
    for result in source.results():
        if result.nodeid == wanted:
            return result
        if wanted in result.nodeid:
            found = result
            names.append(result.nodeid)
        elif len(others) < _COMPARED:
            others.append(result.nodeid)
    if found is None:
        hint = f"{nearest(wanted, others)}; `benchmodels export` lists all"
        raise ConfigError(f"{source.name} has no result {quote(wanted, 300)}{hint}")
    if len(names) > 1:
        shown = ", ".join(map(quote, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
        raise ConfigError(f"{quote(wanted, 300)} is in {len(names)} node ids ({shown}): type more of it")
    return found
