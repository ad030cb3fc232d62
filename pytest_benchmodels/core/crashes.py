"""Where a user's own code failed: the line that its author looks at first."""

from __future__ import annotations

import functools
import os
import traceback

from .text import told

__all__ = ["crash_text"]

_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 - a prefix of file names, looked at as text


@functools.cache
def _libraries() -> tuple[str, ...]:
    import sysconfig  # noqa: PLC0415 - milliseconds that each worker would pay

    return tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def crash_text(error: BaseException) -> str:
    """`KeyError: 'prompt' (checks/conftest.py:12)`: what was raised, and the last line of the user's code on the way.

    A library's line, such as that of `json.loads`, stands there only where none of the user's is known.
    """
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:  # a file that it imports
        frames.append((error.filename, error.lineno))
    foreign = [frame for frame in frames if not frame[0].startswith(_OWN)]
    theirs = [frame for frame in foreign if not (frame[0].startswith(_libraries()) or frame[0].startswith("<"))]
    said = f"{type(error).__name__}: {told(error)}".removesuffix(": ")
    found = theirs or foreign or frames
    return f"{said} ({_shown(found[-1][0])}:{found[-1][1]})" if found else said


def _shown(filename: str) -> str:
    """From the current folder on, where it lies in there."""
    return filename.removeprefix(os.getcwd() + os.sep)  # noqa: PTH109 - as text, which is all that a frame has
