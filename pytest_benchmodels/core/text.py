"""Text for a reader: model output is hostile until it went through here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice

__all__ = [
    "MESSAGE_LIMIT",
    "address",
    "clip",
    "exact_dollars",
    "harmless",
    "message",
    "nearest",
    "plain",
    "quote",
    "told",
    "well_formed",
]

MESSAGE_LIMIT = 10_000
"""What is kept of a message or an explanation, in characters: of a longer one nobody reads the rest."""


# C0 and C1 controls, DEL, bidirectional overrides, line separators: all that steers a terminal or hides text. And lone
# surrogates, which no encoder accepts.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# What a CI system takes for a command in the log of a step: `::` at a line's start (GitHub Actions, after any blanks),
# `##[`, `##vso[` and `##teamcity[` anywhere (GitHub, Azure Pipelines, TeamCity). A line's start may be ours, or that of
# whoever wraps a longer one: each word counts.
_COMMAND = re.compile(r"(?<!\S)::(?=\S)|##(?=(?:vso|teamcity)?\[)", re.IGNORECASE)

_MOST_DIGITS = 20
_LONGEST_NAME = 100
_MOST_NAMES = 1000


def well_formed(text: str) -> str:
    """Replace lone surrogates, which JSON may carry and no encoder accepts."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def plain(text: str) -> str:
    """Show control characters and lone surrogates as escapes; keep tabs and newlines."""
    if text.isprintable():  # nearly every text is printable, and then holds no control characters
        return text
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def harmless(text: str) -> str:
    """`plain`, for what a terminal or the log of a CI system shows: `: :error` and `# #vso[` are no commands there."""
    return _COMMAND.sub(lambda match: " ".join(match[0]), plain(text))


def clip(text: str, limit: int) -> str:
    """Cut to `limit` characters and say how many were left out."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more characters)"


def message(text: str) -> str:
    """An explanation as it is kept, whoever wrote it: `plain`, and cut to what a reader reads."""
    return plain(clip(text, MESSAGE_LIMIT))


def told(error: BaseException) -> str:
    """An exception's own text; a class of the user's may fail even at that."""
    try:
        return clip(str(error), MESSAGE_LIMIT)
    except BaseException as another:  # noqa: BLE001 - whatever it is, there is no text
        return f"(it cannot say what: its __str__ raises {type(another).__name__})"


def quote(value: object, limit: int = 80) -> str:
    """A value on one line, as a reader may see it: control characters and CI commands escaped, long text cut."""
    shown = repr(value)
    return harmless(shown if len(shown) <= limit else f"{shown[: limit - 4]}...{shown[-1]}")


def address(url: object) -> str:
    """A URL in quotes, as a reader may see it: without the password and the options that it may hold."""
    return quote(re.sub(r"\?.*", "?***", re.sub(r"//.*@", "//***@", str(url), flags=re.DOTALL), flags=re.DOTALL), 200)


def exact_dollars(amount: float) -> str:
    """`$1.20`, `$0.001`: an amount that somebody set, with cents and as many further digits as it has."""
    for digits in range(2, _MOST_DIGITS):
        shown = f"{amount:.{digits}f}"
        if float(shown) == amount:
            return f"${shown}"
    return f"${amount!r}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'exact'?`, or nothing where no name is near. Of many names the first thousand are looked at."""
    if len(name) > _LONGEST_NAME:
        return ""
    # To compare takes time that grows with the square of the length: nobody meant a name that long.
    short = [other for other in islice(known, _MOST_NAMES) if len(other) <= _LONGEST_NAME]
    found = difflib.get_close_matches(name, short, n=1)
    return f"; did you mean {quote(found[0])}?" if found else ""
