"""What a text in a workspace has to be, as checks of it ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_benchmodels.core.text import plain, quote
from pytest_benchmodels.graders import json_value, tool_calls
from pytest_benchmodels.graders.nested_values import WantedValue

__all__ = [
    "OTHERS",
    "TextConditions",
    "last_lines",
]

OTHERS = (*json_value.CHECKS, *tool_calls.CHECKS)
"""Checks that judge answers, and are none of a text or a value in a file."""
_MOST_JUDGED = 200_000
_LINES = 12
_LINES_CHARS = 1_500


def last_lines(*texts: str) -> str:
    """The end of what a command wrote, for a reader: hostile, therefore plain and short."""
    whole = "\n".join(text.rstrip()[-_LINES_CHARS:] for text in texts if text.strip())
    if not whole:
        return "it wrote nothing"
    lines = plain(whole[-_LINES_CHARS:].replace("\r\n", "\n")).split("\n")[-_LINES:]
    return "\n".join(("it wrote at the end:", *(f"  {line}" for line in lines)))


class TextConditions:
    """What an author asks of a text: a text that it equals, a check of it, or a list of these, which all have to hold.

    The checks are those that may stand in place of an argument in `tool_called`. Raises ValueError, with `where`.
    """

    def __init__(self, written: Any, where: str) -> None:
        several = written if isinstance(written, list | tuple) else (written,)
        if not several:
            raise ValueError(f"{where}: the list is empty: write a check such as {{contains: Paris}}")
        self._wanted = [_condition(each, where) for each in several]

    def faults(self, text: str, what: str) -> Iterator[str]:
        """What is wrong with a text, `what` naming it; nothing if nothing is. It may block."""
        if len(text) > _MOST_JUDGED:
            limit = f"checks inside read up to {_MOST_JUDGED:,}"
            yield f"{what} has {len(text):,} characters, and {limit}"
            return
        yield from filter(None, (wanted.fault(text, what) for wanted in self._wanted))


def _condition(written: Any, where: str) -> WantedValue:
    if isinstance(written, str | int | float):
        return WantedValue({"equals": written}, where, OTHERS)
    made = WantedValue(written, where, OTHERS)
    if not made.is_check:
        shown = quote(written)
        raise ValueError(f"{where}: write a text, or a check such as {{contains: Paris}}, got {shown}")
    return made
