"""`benchmodels export`: one row for each result, for spreadsheets and data frames."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_benchmodels.cli.commands import add_output, add_run, add_store
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import open_source
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.reports.export import export
from pytest_benchmodels.reports.files import replacing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--format", required=True, choices=("csv", "jsonl", "parquet"), help="what is written")
    add_output(parser, "-o", "--output", text="where it is written (default: standard output)")
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    with open_source(arguments.run_name, arguments.store) as source:
        if arguments.output is not None:
            with replacing(Path(arguments.output), "--output") as stream:
                export(stream, source.results(), arguments.format)
        elif arguments.format == "parquet" and output.is_terminal:
            raise ConfigError("parquet is no text for a terminal; name a file with --output FILE")
        else:
            export(output.binary, source.results(), arguments.format)
    return 0
