"""Where `benchmodels` begins and ends: arguments in, an exit status out."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from .completion import complete, typed_words
from .output import Output
from .parser import make_parser

__all__ = ["main"]

_USAGE_ERROR = 2
# What a shell reports of a program that the signal ended: it is no failure of ours.
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
    try:
        return _run(arguments, output)
    except BrokenPipeError:
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        output.settle()


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
