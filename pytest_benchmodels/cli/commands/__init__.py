"""The subcommands, one module each. Only the one that was typed is imported: `--help` pays for none of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from pytest_benchmodels.cli.output import Output

__all__ = ["SUMMARIES", "Command", "load"]

SUMMARIES: Mapping[str, str] = {
    "list": "list the runs of a store, the newest first",
    "show": "show a run's figures, or one result with its transcript",
    "compare": "compare run B with run A; exit status 1 if a model got significantly worse",
    "report": "write the reports of a run: HTML, Markdown, JSON, JUnit XML",
    "gate": "hold a run against rules; exit status 1 if one does not hold",
    "export": "write one row for each result: CSV, JSON lines or Parquet",
    "merge": "make one run of the shards of a suite",
    "prune": "remove old runs, and answers that no result is left to rest on",
    "validate": "check scenario files; exit status 1 if there is a problem",
    "schema": "print the JSON Schema of scenario files with the built-in checks",
}
"""What each does, by name, in the order in which help shows them."""


class Command(Protocol):
    """The module of a subcommand."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what may follow the command's name."""

    def run(self, arguments: Namespace, output: Output) -> int:
        """Do the work and return the exit status. Raises `BenchError` or `OSError` for what cannot be done."""


def load(name: str) -> Command:
    """Import the module of a subcommand."""
    return cast("Command", import_module(f"{__name__}.{name}"))
