"""`benchmodels prune`: a store that does not grow for ever."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pytest_benchmodels.cli.commands import add_store, age, count
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import open_store
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.reports.units import plural
from pytest_benchmodels.store import Pruned

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--keep", type=count, metavar="N", help="remove no run of the newest N")
    parser.add_argument(
        "--older-than", type=age, metavar="AGE", help="remove no run that began less long ago, such as 30d or 12h"
    )
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, but tell what would be")
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    if arguments.keep is None and arguments.older_than is None:
        raise ConfigError("prune removes runs for good: say which ones may stay, with --keep N or --older-than AGE")
    with open_store(arguments.store) as store:
        pruned = store.prune(keep=arguments.keep, older_than_s=arguments.older_than, dry=arguments.dry_run)
        _tell(pruned, "would remove" if arguments.dry_run else "removed", output)
        if pruned.runs and not arguments.dry_run:
            store.shrink()
    return 0


def _tell(pruned: Pruned, removed: str, output: Output) -> None:
    for run_id in pruned.runs:
        output.line(run_id)
    runs, results = plural(len(pruned.runs), "run"), plural(pruned.results, "result")
    calls = f", {plural(pruned.calls, 'call')} of checks" if pruned.calls else ""
    output.line(f"{removed} {runs}, {results}, {plural(pruned.responses, 'answer')}{calls}")
