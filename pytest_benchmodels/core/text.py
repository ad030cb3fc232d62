"""Text for a reader: model output is hostile until it went through here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["clip", "exact_dollars", "nearest", "plain", "quote", "well_formed"]

# C0 and C1 controls, DEL, bidirectional overrides, line separators: all that steers a terminal or hides text. And lone
# surrogates, which no encoder accepts.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_MOST_DIGITS = 20


def well_formed(text: str) -> str:
    """Replace lone surrogates, which JSON may carry and no encoder accepts."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def plain(text: str) -> str:
    """Show control characters and lone surrogates as escapes; keep tabs and newlines."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def clip(text: str, limit: int) -> str:
    """Cut to `limit` characters and say how many were left out."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more characters)"


def quote(value: object, limit: int = 80) -> str:
    """A value on one line, as a reader may see it: control characters escaped, long text cut."""
    shown = repr(value)
    return plain(shown if len(shown) <= limit else f"{shown[: limit - 4]}...{shown[-1]}")


def exact_dollars(amount: float) -> str:
    """`$1.20`, `$0.001`: an amount that somebody set, with cents and as many further digits as it has."""
    for digits in range(2, _MOST_DIGITS):
        shown = f"{amount:.{digits}f}"
        if float(shown) == amount:
            return f"${shown}"
    return f"${amount!r}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'exact'?`, or nothing where no name is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
