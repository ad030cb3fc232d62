"""One form for texts that a reader takes for the same: composed accents, plain quotes and spaces, no emphasis marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Annotated

from msgspec import Meta

from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.core.text import clip, plain, quote

__all__ = [
    "Scalar",
    "Text",
    "compose",
    "count_words",
    "fold",
    "listed",
    "right",
    "shown",
    "shown_pattern",
    "text_of",
    "without_emphasis",
    "wrong",
]

_WINDOW = 16_384
"""So many characters at most go into one call of C, which lets no other thread go on: about 5 ms of a hostile text."""

_STACK = 64
"""So many combining marks on one letter are no language's: Unicode's own stream-safe limit is 30."""

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys(_INVISIBLE),
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
        "\u2026": "...",
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width forms of ASCII
    },
)
# One of these stands in each text that has any emphasis.
_MARK = re.compile("[*_`]|~~")
# Two asterisks between digits are a power, one between spaces is a product.
_EMPHASIS = re.compile(
    r"(?<!\d)\*{2,3}|\*{2,3}(?!\d)|~~|`+"
    r"|(?<![\w*])\*(?=[^\s*])(?P<star>[^*\n]{1,300})(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_{1,3}(?=[^\s_])(?P<line>[^_\n]{1,300})(?<=\S)_{1,3}(?!\w)"
)

_LONGEST_EMPHASIS = 310
"""More characters than one match has with what it looks ahead at; of a longer run of backticks, each part goes."""

_ONE_EACH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_LETTERS_A_WORD = 4
_WORD = re.compile(rf"[{_ONE_EACH}]|[{_UNSPACED}]+|[^\s{_ONE_EACH}{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]")
_SPACE = re.compile(r"\s")
_HAS_LETTER = re.compile(r"[^\W_]")


def listed(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text or several, as an option takes them, as several."""
    return (texts,) if isinstance(texts, str) else texts


def fold(text: str, *, ignore_case: bool = False) -> str:
    r"""Return `text` as texts are compared, case-folded if asked for.

    Composed (NFC), `\r\n` as a line's end, typographic quotes, hyphens and spaces and full-width letters as the plain
    ones, invisible characters left out. Time is linear in the text's length.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if ignore_case:
        text = _by_parts(text, str.casefold)
    return text if text.isascii() else compose(_by_parts(text, lambda part: part.translate(_TYPOGRAPHY)))


def compose(text: str) -> str:
    """Return `text` in Unicode's composed form (NFC), so that `e` + accent equals `é`.

    Composing sorts the marks on a letter in quadratic time, therefore a text with more than 64 of them in a row stays
    as it is.
    """
    if text.isascii() or _is_stacked(text):
        return text
    return "".join(unicodedata.normalize("NFC", part) for part in _composable_parts(text))


def without_emphasis(text: str) -> str:
    """Return `text` without Markdown's marks of emphasis and code: `New **York**` is `New York`."""
    if _MARK.search(text) is None:
        return text
    parts: list[str] = []
    at = 0
    for start in range(0, len(text), _WINDOW):
        end = min(start + _WINDOW, len(text))
        while (match := _EMPHASIS.search(text, max(at, start), end + _LONGEST_EMPHASIS)) and match.start() < end:
            parts += (text[at : match.start()], match["star"] or match["line"] or "")
            at = match.end()
    return "".join((*parts, text[at:]))


def count_words(text: str) -> int:
    """Count the words: what stands between white space and has a letter or digit in it.

    Chinese and Japanese put no space between words: each character counts, as word processors count them. Neither do
    Thai, Lao, Khmer and Burmese: a word is four letters, begun ones counted.
    """
    return sum(_weight(match[0]) for part in _spaced_parts(text) for match in _WORD.finditer(part))


def _weight(word: str) -> int:
    if _UNSPACED_RUN.match(word):
        letters = sum(char.isalpha() for char in word)
        return -(-letters // _LETTERS_A_WORD)
    return int(_HAS_LETTER.search(word) is not None)


def _is_stacked(text: str) -> bool:
    found = {char for part in _parts(text) for char in set(part)}
    marks = [re.escape(char) for char in found if unicodedata.combining(char)]
    if not marks:
        return False
    stack = re.compile(f"[{''.join(marks)}]{{{_STACK + 1}}}")
    stride = max(1, _WINDOW // _STACK)
    return any(stack.search(text, start, start + stride + _STACK) for start in range(0, len(text), stride))


def _parts(text: str) -> Iterator[str]:
    return (text[start : start + _WINDOW] for start in range(0, len(text), _WINDOW))


def _by_parts(text: str, change: Callable[[str], str]) -> str:
    """What `change` makes of a text; it looks at one character at a time."""
    return change(text) if len(text) <= _WINDOW else "".join(map(change, _parts(text)))


def _composable_parts(text: str) -> Iterator[str]:
    """A text cut where nothing is composed with what stands before it."""
    start = 0
    while start < len(text):
        end = start + _WINDOW
        # Of more marks in a row than any language has, two may stay apart.
        while end < len(text) and _may_compose(text[end]) and end < start + 2 * _WINDOW:
            end += 1
        yield text[start:end]
        start = end


def _may_compose(char: str) -> bool:
    """Whether this may be composed with what stands before it: a mark, or a part of a Hangul syllable."""
    return not char.isascii() and (unicodedata.category(char)[0] == "M" or "\u1160" <= char <= "\u11ff")


def _spaced_parts(text: str) -> Iterator[str]:
    """A text cut at white space, where no word is cut in two."""
    start = 0
    while start < len(text):
        space = _SPACE.search(text, start + _WINDOW)
        end = space.start() if space else len(text)
        yield text[start:end]
        start = end


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
