"""What an author can do about text that is no YAML: the parser tells what it expected, and that seldom helps."""

from __future__ import annotations

import re

__all__ = ["yaml_remedy"]

_QUOTES = "put the text in quotes"
_TAB = "indent with blanks: YAML takes no tab there"
_COLON = (
    "a text with a colon and a blank in it needs quotes, or `|` and lines of its own; keys that belong together begin "
    "in the same column, and a blank follows their colon"
)
_QUOTED = "a quoted text ends before its line does: write '' for ' inside of '...', and \\\" for \" inside of \"...\""
_COLUMNS = "entries that belong together begin in the same column, after a blank where that is `- `"
_REMEDIES = (
    (re.compile("tab character|'\\\\t'"), _TAB),
    (re.compile("mapping values are not allowed"), _COLON),
    (
        re.compile("expected ':'"),
        "a line that is no `key: value`: indent it below its key's `|`, or put the text in quotes",
    ),
    (
        re.compile("unknown escape character"),
        "a backslash in \"...\" begins an escape: double it, or write the text in '...'",
    ),
    (re.compile("unexpected end of stream"), "a quote that is opened has to be closed"),
    (
        re.compile("sequence entries are not allowed"),
        f"a list begins on the line below its key; if it is text, {_QUOTES}",
    ),
    (re.compile("comment or line break"), "text after `|` or `>` begins on the next line"),
    (
        re.compile(r"expected ',' or '\]'"),
        "close the list by ']', and part its entries by commas; if it is text, " + _QUOTES,
    ),
    (
        re.compile("expected ',' or '}'"),
        "close the mapping by '}', and part its entries by commas; if it is text, " + _QUOTES,
    ),
)
_ESCAPED_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_PAST_QUOTE = re.compile(r"""["']""")


def yaml_remedy(problem: str, line: str, column: int) -> str:
    """`: indent with blanks`, for a parser's problem at a column (from 0) of a line; nothing where it tells enough."""
    remedy = _at_character(problem, line, column) or next(
        (remedy for pattern, remedy in _REMEDIES if pattern.search(problem)), ""
    )
    return f": {remedy}" if remedy else ""


def _at_character(problem: str, line: str, column: int) -> str:
    """What depends on what stands there."""
    here = line[column : column + 1]
    if "cannot start any token" in problem:
        return _TAB if here == "\t" else f"{_QUOTES} if it begins with {here!r}"
    if "Unicode character escape" in problem or "escape code" in problem:
        return _surrogate(line)
    if "expected key" in problem or "expected <block end>" in problem:
        return _QUOTED if here != "-" and _PAST_QUOTE.search(line[:column]) else _COLUMNS
    return ""


def _surrogate(line: str) -> str:
    pair = _ESCAPED_PAIR.search(line)
    if pair is None:
        return "write the character itself"
    high, low = int(pair[1], 16), int(pair[2], 16)
    point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"YAML has no pairs of escapes as JSON has: write \\U{point:08X} or the character itself"
