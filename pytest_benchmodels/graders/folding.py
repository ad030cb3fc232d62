"""One form for two texts that a reader takes for the same."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold"]

_STACK = 64
"""So many combining marks on one letter are no language's: Unicode's own stream-safe limit is 30."""


def fold(text: str, *, ignore_case: bool = False) -> str:
    """Return `text` in Unicode's composed form (NFC), so that `e` + accent equals `é`, and case-folded if asked for.

    Time is linear in the text's length. Composing sorts the marks on a letter in quadratic time, therefore a text
    with more than 64 of them in a row stays as it is.
    """
    if ignore_case:
        text = text.casefold()
    if text.isascii() or _is_stacked(text):
        return text
    return unicodedata.normalize("NFC", text)


def _is_stacked(text: str) -> bool:
    marks = [re.escape(char) for char in set(text) if unicodedata.combining(char)]
    return bool(marks) and re.search(f"[{''.join(marks)}]{{{_STACK + 1}}}", text) is not None
