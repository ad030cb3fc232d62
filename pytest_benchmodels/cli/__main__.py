"""Where `benchmodels` begins and ends: arguments in, an exit status out."""

from __future__ import annotations

import gc
import sys
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from pytest_benchmodels.cli.commands import SUMMARIES, complete, load, typed_words
from pytest_benchmodels.cli.output import Output

__all__ = ["main", "make_parser"]

_DESCRIPTION = "Show, compare, judge, export and merge what `pytest --bench` keeps in its store."
_EPILOG = """RUN is a run's id, the beginning of one, `latest`, `-1` (the newest), `-2` (the one before), or a file that
--bench-json wrote. Exit status: 0 done, 1 done and the answer is no, 2 not done."""


class _Parser(ArgumentParser):
    """Says on one line what is wrong; who wants the usage can ask for it."""

    def error(self, message: str) -> NoReturn:
        from pytest_benchmodels.core.text import plain  # noqa: PLC0415 - only where something is wrong

        self.exit(2, f"{self.prog}: error: {plain(message)}; see '{self.prog} --help'\n")


class _Version(Action):
    """Looks the version up only when it is asked for: the look-up takes long."""

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


_USAGE_ERROR = 2
# The status that a shell reports for a program that the signal ended: no failure of ours.
_INTERRUPTED = 128 + 2
_PIPE_CLOSED = 128 + 13


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; 2 where it could not do what it was asked for.

    Raises `SystemExit` for `--help`, `--version` and arguments that cannot be, as argparse does.
    """
    words = sys.argv[1:] if argv is None else argv
    parser = make_parser(typed_words() or words)
    complete(parser)
    arguments = parser.parse_args(words)
    output = Output(sys.stdout, allows_colour=not arguments.no_color)
    # A command holds what it reads to its end: looking for garbage among 200,000 results takes a fifth of its time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _run(arguments, output)
    except BrokenPipeError:
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        output.settle()
        if collects:
            gc.enable()


def _run(arguments: Namespace, output: Output) -> int:
    from pytest_benchmodels.core.errors import BenchError  # noqa: PLC0415 - `--help` needs none of it

    try:
        status = int(arguments.run(arguments, output))
        output.flush()
    except BrokenPipeError:
        raise
    except BenchError as error:
        _complain(str(error))
    except OSError as error:
        from pytest_benchmodels.core.text import quote  # noqa: PLC0415 - the same

        where = f": {quote(str(error.filename), 300)}" if error.filename else ""
        _complain(f"{error.strerror or error}{where}; see whether the file and its disk can be read and written")
    else:
        return status
    return _USAGE_ERROR


def _complain(text: str) -> None:
    for line in text.splitlines():
        Output(sys.stderr).line(f"benchmodels: error: {line}")


if __name__ == "__main__":
    sys.exit(main())
