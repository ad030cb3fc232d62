"""What may stand on the command line: arguments that several commands have, and what texts become."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from pytest_benchmodels.cli.completion import completes_files, completes_runs

__all__ = ["add_output", "add_run", "add_store", "age", "count"]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST_DIGITS = 9


def add_run(parser: ArgumentParser, name: str = "run_name", metavar: str = "RUN") -> None:
    """Declare a run to look at, which `open_source` opens."""
    completes_runs(parser.add_argument(name, metavar=metavar, help="a run of the store, or a --bench-json file"))


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
