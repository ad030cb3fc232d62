"""`benchmodels compare`: what got better and worse from one run to another, and whether chance explains it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from pytest_benchmodels.core.comparison import compare
from pytest_benchmodels.core.outcome import Outcome
from pytest_benchmodels.reports.comparison import comparison_lines, comparison_plain

from ..arguments import add_run, add_store
from ..output import Output, Tone
from ..source import open_source

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
        comparison = compare(map(Outcome.of, before.results()), map(Outcome.of, after.results()))
        names = {"before": before.name, "after": after.name}
    worse = any(model.verdict == "worse" for model in comparison.models)
    if arguments.json:
        output.document({**names, "worse": worse, **comparison_plain(comparison)})
    else:
        heading, *lines = comparison_lines(comparison, names["before"])
        output.line(f"{names['after']} {heading}", "title")
        for line in lines:
            output.line(line, _tone(line))
    return int(worse)


def _tone(line: str) -> Tone | None:
    """A row of the table ends with its verdict."""
    return _TONES.get(line.rpartition("  ")[2])
