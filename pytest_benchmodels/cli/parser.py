"""The command line of `benchmodels`."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Sequence
from typing import Any, NoReturn

from .commands import SUMMARIES, load

__all__ = ["make_parser"]

_DESCRIPTION = "Show, compare, judge, export and merge what `pytest --bench` keeps in its store."
_EPILOG = """RUN is a run's id, the beginning of one, `latest`, `-1` (the newest), `-2` (the one before), or a file that
--bench-json wrote. Exit status: 0 done, 1 done and the answer is no, 2 not done."""


class _Parser(ArgumentParser):
    """Says what is wrong on one line; whoever wants the usage can ask for it."""

    def error(self, message: str) -> NoReturn:
        from pytest_benchmodels.core.text import plain  # noqa: PLC0415 - only where something is wrong

        self.exit(2, f"{self.prog}: error: {plain(message)}; see '{self.prog} --help'\n")


class _Version(Action):
    """Looks the version up when it is asked for: the look-up is dear."""

    def __init__(self, option_strings: Sequence[str], **_: Any) -> None:
        super().__init__(option_strings, dest=SUPPRESS, default=SUPPRESS, nargs=0, help="show the version and exit")

    def __call__(self, parser: ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - the reason for this class

        print(f"benchmodels {version('pytest-benchmodels')}")  # noqa: T201 - before there is an output
        parser.exit()


def make_parser(words: Sequence[str]) -> ArgumentParser:
    """Return a parser for these words; what it parses has the chosen command's `run` function."""
    parser = _Parser("benchmodels", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action=_Version)
    choices = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    chosen = next((word for word in words if word in SUMMARIES), None)
    for name, summary in SUMMARIES.items():
        choice = choices.add_parser(name, help=summary, description=f"{summary}.", allow_abbrev=False, epilog=_EPILOG)
        if name == chosen:
            _fill(choice, name)
    return parser


def _fill(parser: ArgumentParser, name: str) -> None:
    command = load(name)
    command.add_arguments(parser)
    parser.add_argument("--no-color", action="store_true", help="no colours; NO_COLOR in the environment does the same")
    parser.set_defaults(run=command.run)
