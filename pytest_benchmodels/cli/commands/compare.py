"""`benchmodels compare`: what got better and worse from one run to another, and whether chance explains it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from pytest_benchmodels.cli.commands import add_run, add_store
from pytest_benchmodels.cli.evaluation import conditions
from pytest_benchmodels.cli.output import Output, Tone
from pytest_benchmodels.cli.source import open_source
from pytest_benchmodels.reports.comparison import comparison_lines, comparison_plain
from pytest_benchmodels.statistics.comparison import compare_runs

__all__ = ["add_arguments", "run"]

_TONES: Mapping[str, Tone] = {"worse": "bad", "better": "good"}


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser, "before", "A")
    add_run(parser, "after", "B")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    with (
        open_source(arguments.before, arguments.store) as before,
        open_source(arguments.after, arguments.store) as after,
    ):
        comparison = compare_runs(conditions(before), conditions(after))
        names = {"before": before.name, "after": after.name}
    worse = any(model.verdict == "worse" for model in comparison.models)
    comparable = comparison.changes is not None and comparison.changes.is_comparable
    if arguments.json:
        output.document({**names, "worse": worse, "comparable": comparable, **comparison_plain(comparison)})
    else:
        heading, *lines = comparison_lines(comparison, names["before"])
        output.line(f"{names['after']} {heading}", "title")
        for line in lines:
            output.line(line, _tone(line))
    return int(worse or not comparable)


def _tone(line: str) -> Tone | None:
    """A row of the table ends with its verdict."""
    return _TONES.get(line.rpartition("  ")[2])
