"""`benchmodels report`: the reports of a run, made again without running."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from pytest_benchmodels.cli.commands import add_labels, add_output, add_run, add_store, completes_runs
from pytest_benchmodels.cli.evaluation import evaluate, find_labels
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.scenario_files import Conftests, find_rootdir
from pytest_benchmodels.cli.source import Source, open_source
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.reports.own_report import BUILTIN, Report, find_reports
from pytest_benchmodels.statistics.gates import parse_gates

__all__ = ["add_arguments", "run"]

_FORMS = {
    "html": "a page",
    "markdown": "a summary",
    "json": "every result as --bench-json does",
    "junitxml": "JUnit XML",
}


class _Wanted(NamedTuple):
    """A file to write: by which option, which report, and where."""

    option: str
    report: str
    path: Path


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    for form, text in _FORMS.items():
        add_output(parser, f"--{form}", text=f"write {text} to FILE")
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="write a report of your own (hook pytest_bench_reports) to FILE: this runs the code of the conftest.py "
        "files from the rootdir to the current folder; may be repeated",
    )
    completes_runs(parser.add_argument("--compare", metavar="RUN", help="show a comparison with this run or file too"))
    parser.add_argument(
        "--gate", action="append", default=[], metavar="EXPR", help="show whether this rule holds; may be repeated"
    )
    add_labels(parser)
    add_store(parser)


def run(arguments: Namespace, _: Output) -> int:
    wanted = list(_wanted(arguments))
    if not wanted:
        options = ", ".join(f"--{form}" for form in (*_FORMS, "report NAME=FILE"))
        raise ConfigError(f"no report was asked for: name a file with {options}")
    reports = _reports([each.report for each in wanted])
    gates = parse_gates(arguments.gate, "--compare" if arguments.compare is None else None)
    labels = find_labels(arguments.labels)
    problems: list[str] = []
    with open_source(arguments.run_name, arguments.store) as source, _before(arguments) as before:
        evaluation = evaluate(source, gates, before, labels)
        for each in wanted:
            try:
                reports[each.report](each.path, each.option, evaluation)
            except ConfigError as error:
                problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return 0


def _wanted(arguments: Namespace) -> Iterator[_Wanted]:
    for form in _FORMS:
        if (name := getattr(arguments, form)) is not None:
            yield _Wanted(f"--{form}", form, Path(name))
    for typed in dict.fromkeys(arguments.report):
        name, _, file = typed.partition("=")
        if not (name and file):
            raise ConfigError(f"--report {quote(typed)}: write NAME=FILE, such as history=history.csv")
        yield _Wanted(f"--report {name}", name, Path(file))


def _reports(names: list[str]) -> Mapping[str, Report]:
    """No code of the user's runs for reports of ours."""
    if all(name in BUILTIN for name in names):
        return BUILTIN
    here = Path.cwd()
    return find_reports(names, Conftests(find_rootdir([here])).answers("pytest_bench_reports", here))


def _before(arguments: Namespace) -> AbstractContextManager[Source | None]:
    return nullcontext() if arguments.compare is None else open_source(arguments.compare, arguments.store)
