"""`benchmodels merge`: the shards of a suite, brought together as one run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from pytest_benchmodels.cli.completion import completes_files
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.shards import check_shards, join_shards, open_shard
from pytest_benchmodels.reports.units import plural

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    completes_files(
        parser.add_argument("out", metavar="OUT", help="the store that gets the run; made if it is not there")
    )
    completes_files(
        parser.add_argument(
            "parts", nargs="+", metavar="STORE_OR_JSON", help="a store, whose newest run it is, or a --bench-json file"
        )
    )
    parser.add_argument(
        "--force", action="store_true", help="merge shards even if some are missing, unfinished or overlap"
    )


def run(arguments: Namespace, output: Output) -> int:
    with ExitStack() as opened:
        parts = [opened.enter_context(open_shard(name, arguments.out)) for name in arguments.parts]
        if not arguments.force:
            check_shards(parts)
        run_id, results = join_shards(arguments.out, parts)
    output.line(f"{run_id}: {plural(results, 'result')} of {plural(len(parts), 'part')}, in {arguments.out}")
    return 0
