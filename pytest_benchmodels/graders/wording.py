"""What all graders share: a check's value as text, a text as a reader may see it, the two plain verdicts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..core.grading import Grade
from ..core.text import clip, plain, quote

__all__ = ["Scalar", "Text", "right", "shown", "shown_pattern", "text_of", "wrong"]

Scalar = str | int | float | bool
"""A value whose text an answer is compared with."""

Text = Annotated[str, Meta(min_length=1)] | int | float | bool
"""The same, and not the empty text, which every answer contains."""

_SHOWN = 80


def text_of(value: Scalar) -> str:
    """The value as a file would spell it: `true`, not `True`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def shown(text: str) -> str:
    """A text in quotes on one line, cut; the whole of a long answer is never copied."""
    return quote(text.strip()[: _SHOWN + 1], _SHOWN)


def shown_pattern(pattern: str) -> str:
    """A pattern on one line, cut, its backslashes as they were written."""
    line = plain(clip(pattern, _SHOWN)).replace("\n", r"\n")
    return f"/{line}/"


def right(explanation: str) -> Grade:
    """A verdict of 1."""
    return Grade(score=1.0, passed=True, explanation=explanation)


def wrong(explanation: str) -> Grade:
    """A verdict of 0."""
    return Grade(score=0.0, passed=False, explanation=explanation)
