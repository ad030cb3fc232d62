"""What the commands print."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO

if TYPE_CHECKING:
    from pytest_benchmodels.store import StoredRun

__all__ = [
    "Output",
    "Tone",
    "is_time",
    "iso",
    "moment",
    "plain_run",
]

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
        """The stream for bytes."""
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
        """Write what is buffered, or drop it: else the interpreter would complain at its exit."""
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
