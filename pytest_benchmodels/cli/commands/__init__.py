"""The subcommands, one module each, and the arguments that they share.

Only the one that was typed is imported: `--help` pays for none of them.
"""

from __future__ import annotations

import os
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from pytest_benchmodels.cli.output import Output

if TYPE_CHECKING:
    from pytest_benchmodels.store import Store

__all__ = [
    "SUMMARIES",
    "Command",
    "add_labels",
    "add_output",
    "add_run",
    "add_store",
    "age",
    "complete",
    "completes_files",
    "completes_nodeids",
    "completes_runs",
    "count",
    "load",
    "typed_words",
]

SUMMARIES: Mapping[str, str] = {
    "list": "list the runs of a store, the newest first",
    "show": "show a run's figures, or one result with its transcript",
    "compare": "compare run B with run A; exit status 1 if a model got significantly worse",
    "report": "write the reports of a run: HTML, Markdown, JSON, JUnit XML",
    "gate": "hold a run against rules; exit status 1 if one does not hold",
    "export": "write one row for each result: CSV, JSON lines or Parquet",
    "label": "sample judged answers for people to label, who do not see what the judge said",
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


_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST_DIGITS = 9


def add_run(parser: ArgumentParser, name: str = "run_name", metavar: str = "RUN") -> None:
    """Declare a run to look at, which `open_source` opens."""
    completes_runs(parser.add_argument(name, metavar=metavar, help="a run of the store, or a --bench-json file"))


def add_labels(parser: ArgumentParser) -> None:
    """Declare files with people's labels, as `find_labels` finds them."""
    completes_files(
        parser.add_argument(
            "--labels",
            action="append",
            default=[],
            metavar="FILE",
            help="what people say of judged answers (default: `labels` of [judge] in bench.toml); may be repeated",
        )
    )


def add_store(parser: ArgumentParser) -> None:
    """Declare which store it is, as `find_store` finds it."""
    where = "here or in the nearest folder above that has one"
    completes_files(
        parser.add_argument("--store", metavar="PATH", help=f"the store (default: .benchmodels/store.sqlite {where})")
    )


def add_output(parser: ArgumentParser, *options: str, text: str) -> None:
    """Declare a file to be written."""
    completes_files(parser.add_argument(*options, metavar="FILE", help=text))


def count(text: str) -> int:
    """A whole number from 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise ArgumentTypeError(f"{text[:80]!r} is no whole number from 0; write one, such as 20")
    return int(text)


def age(text: str) -> float:
    """Seconds of `30d`, `12h`, `2w`."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS and unit in _UNITS_S):
        raise ArgumentTypeError(f"{text[:80]!r} is no age; write a number and s, m, h, d or w, such as 30d")
    return float(int(number) * _UNITS_S[unit])


def typed_words() -> list[str]:
    """The words typed so far, if a shell asks for completions; else none."""
    return os.environ.get("COMP_LINE", "").split() if "_ARGCOMPLETE" in os.environ else []


def complete(parser: ArgumentParser) -> None:
    """Answer a shell that asks for completions, and end; else do nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    with suppress(ImportError):
        import argcomplete  # noqa: PLC0415 - an extra, and only for the shell

        argcomplete.autocomplete(parser)


def completes_runs(action: Action) -> None:
    """Offer the ids of the store's runs, and files."""
    action.completer = _runs  # type: ignore[attr-defined] # argcomplete's way to say it


def completes_nodeids(action: Action) -> None:
    """Offer the node ids of the run that was typed before."""
    action.completer = _nodeids  # type: ignore[attr-defined] # the same


def completes_files(action: Action) -> None:
    """Offer files."""
    action.completer = _files  # type: ignore[attr-defined] # the same


def _files(prefix: str, **_: object) -> list[str]:
    from argcomplete.completers import FilesCompleter  # noqa: PLC0415 - an extra, and it is what called us

    return [*FilesCompleter()(prefix)]  # `list` is a module here once the command of that name was imported


# Whatever is wrong with a store, the shell's next line is no place to say it.


def _runs(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
    names = [*_files(prefix), "latest"]
    with suppress(Exception), _store(parsed_args) as store:
        names += [run.id for run in store.runs.newest_first()]
    return names


def _nodeids(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
    with suppress(Exception), _store(parsed_args) as store:
        known = store.results.grade_fingerprints(store.runs.find(parsed_args.run_name).id)
        return [nodeid for nodeid in known if nodeid.startswith(prefix)]
    return []


def _store(arguments: Namespace) -> Store:
    from pytest_benchmodels.cli.source import read_store  # noqa: PLC0415 - only for the shell

    return read_store(arguments.store)
