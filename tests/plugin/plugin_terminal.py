"""A pseudo-terminal and what stands on its screen."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Screen", "Shown", "bench_in_terminal"]

_PATIENCE_S = 300
_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(.)", re.DOTALL)


class Screen:
    """As much of a terminal as pytest and this package use: lines scroll up into a history, none is lost.

    Knows CR, LF, backspace and of the control sequences A, G, J, K (to the end) and m. Any other is an error: a test
    has to know what it looks at.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        for parameters, command, character in _TOKEN.findall(text):
            if command:
                self._obey(command, int(parameters) if parameters.isdecimal() else 1)
            else:
                self._write(character)

    @property
    def lines(self) -> list[str]:
        """All lines, those that scrolled out included, without blanks at their ends."""
        return ["".join(row).rstrip() for row in self._rows]

    def _write(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._down()
        elif character == "\b":
            self._column = max(0, self._column - 1)
        else:
            assert character.isprintable(), repr(character)
            if self._column == self._width:
                self._column = 0
                self._down()
            row = self._rows[self._row]
            row.extend(" " * (self._column + 1 - len(row)))
            row[self._column] = character
            self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])

    def _obey(self, command: str, number: int) -> None:
        if command == "A":
            # The top of the screen, above which there is no way.
            self._row = max(self._row - number, len(self._rows) - self._height, 0)
        elif command == "G":
            self._column = min(number, self._width) - 1
        elif command in "JK":
            del self._rows[self._row][self._column :]
            if command == "J":
                for row in self._rows[self._row + 1 :]:
                    row.clear()
        else:
            assert command == "m", command


class Shown(NamedTuple):
    """Exit status, all that was written, and the lines that it left."""

    status: int
    written: str
    lines: list[str]


def bench_in_terminal(folder: Path, *arguments: str, width: int = 80, environment: Mapping[str, str]) -> Shown:
    """Run `pytest --bench` on a terminal of 24 lines until it ends."""
    import fcntl
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    names = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-mpytest", "--bench", *arguments],
        cwd=folder,
        stdin=child,
        stdout=child,
        stderr=child,
        env={**names, "TERM": "xterm", **environment},
        start_new_session=True,
    )
    os.close(child)
    try:
        written = _read_all(parent).decode()
        status = process.wait(_PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        os.close(parent)
    screen = Screen(width, 24)
    screen.feed(written)
    return Shown(status, written, screen.lines)


def _read_all(parent: int) -> bytes:
    """Read until the last process lets go of the terminal, which Linux tells by an error."""
    parts = []
    ready = select.poll()  # `select.select` takes no descriptor above 1023
    ready.register(parent, select.POLLIN)
    with suppress(OSError):
        while ready.poll(_PATIENCE_S * 1000) and (part := os.read(parent, 65536)):
            parts.append(part)
    return b"".join(parts)
