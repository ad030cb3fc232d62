"""What the commands are told by their words, and what they print."""

from __future__ import annotations

import os
import time
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO

if TYPE_CHECKING:
    from pytest_benchmodels.store import Store, StoredRun

__all__ = [
    "Output",
    "Tone",
    "add_output",
    "add_run",
    "add_store",
    "age",
    "complete",
    "completes_files",
    "completes_nodeids",
    "completes_runs",
    "count",
    "is_time",
    "iso",
    "moment",
    "plain_run",
    "typed_words",
]

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


def typed_words() -> list[str]:
    """The words so far, if it is the shell that asks; else none."""
    return os.environ.get("COMP_LINE", "").split() if "_ARGCOMPLETE" in os.environ else []


def complete(parser: ArgumentParser) -> None:
    """Answer the shell and end, if it is the shell that asks."""
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

    return list(FilesCompleter()(prefix))


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


_NO_TIME = "-"
_LAST_S = 253_402_300_800.0  # the year 10000, which no report can write


def is_time(seconds: float) -> bool:
    """Whether these seconds since the epoch are a time that reports can write; a damaged file may hold anything."""
    return 0 <= seconds < _LAST_S


def moment(seconds: float | None) -> str:
    """`2026-01-31 12:00:00Z` of seconds since the epoch; `-` for what is no time."""
    if seconds is None or not is_time(seconds):
        return _NO_TIME
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


def plain_run(run: StoredRun) -> dict[str, object]:
    """For JSON. Times are ISO 8601 in UTC, null for what has not been."""
    return {
        "id": run.id,
        "state": run.state,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "ended_at": iso(run.ended_at),
        "command": list(run.command),
        "plugin_version": run.plugin_version,
        "total": run.total,
        "shard": run.shard,
    }


def iso(seconds: float | None) -> str | None:
    """`2026-01-31T12:00:00Z`; None for what is no time."""
    shown = moment(seconds)
    return None if shown == _NO_TIME else shown.replace(" ", "T")


Tone = Literal["good", "bad", "title"]

_COLOURS: dict[Tone, str] = {"good": "32", "bad": "31", "title": "1"}


class Output:
    """Writes lines for a reader, or one JSON document for a program.

    Texts of a store are hostile: no control character and no command of a CI system in a line reaches the terminal.
    Colours are for terminals whose user did not set NO_COLOR.
    """

    def __init__(self, stream: TextIO, *, allows_colour: bool = False) -> None:
        self._stream = stream
        self._coloured = allows_colour and _shows_colours(stream)

    @property
    def is_terminal(self) -> bool:
        return self._stream.isatty()

    @property
    def binary(self) -> BinaryIO:
        """For what is no text."""
        self._stream.flush()
        return self._stream.buffer

    def line(self, text: str = "", tone: Tone | None = None) -> None:
        """Write a line, or several that are parted by newlines."""
        from pytest_benchmodels.core.text import harmless  # noqa: PLC0415 - `--help` writes nothing here

        shown = self._encodable(harmless(text))
        if tone is not None and self._coloured and shown:
            shown = f"\x1b[{_COLOURS[tone]}m{shown}\x1b[0m"
        self._stream.write(f"{shown}\n")

    def command(self, text: str) -> None:
        """Write a line that is meant as a command of a CI system; its author has seen to what stands in it."""
        from pytest_benchmodels.core.text import plain  # noqa: PLC0415 - as above

        self._stream.write(f"{self._encodable(plain(text))}\n")

    def document(self, value: Any) -> None:
        """Write a value as JSON in ASCII, which every encoding has and no terminal obeys."""
        import json  # noqa: PLC0415 - only for `--json`

        self._stream.write(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")

    def flush(self) -> None:
        """Write what is buffered. Raises `OSError` for a closed pipe or a full disk."""
        self._stream.flush()

    def settle(self) -> None:
        """Write what is buffered, or let it go: the interpreter would complain of it at its exit."""
        try:
            self._stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _encodable(self, text: str) -> str:
        encoding = self._stream.encoding or "ascii"
        return text.encode(encoding, "backslashreplace").decode(encoding)


def _shows_colours(stream: TextIO) -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def _finite(value: Any) -> Any:
    """The same with null for what JSON cannot say (NaN, infinity); tuples as lists."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
