"""JSON5 -> JSON of the same lines, for our own reader.

That reader tells the line of each part, and keys that come twice. Libraries for JSON5 tell neither: of a template of
26 kB `pyjson5` needs 0.3 ms and `json5` 0.9 s, and an error in it would be one without a line.
"""

from __future__ import annotations

import json
import re

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.document import MalformedError

__all__ = ["as_json"]

# Possessive (++, *+): a comment or text that is never closed must not be tried in every division.
_TOKEN = re.compile(
    r"""(?P<space>(?:[\t\n\v\f\r\x20\xa0\u2028\u2029\ufeff]++|//[^\n\r\u2028\u2029]*+|/\*(?:[^*]++|\*(?!/))*+\*/)++)
    |   (?P<mark>[{}\[\]:,])
    |   (?P<text>"(?:[^"\\\n\r]++|\\(?:\r\n|.))*+"|'(?:[^'\\\n\r]++|\\(?:\r\n|.))*+')
    |   (?P<based>[+-]?0[xX][0-9a-fA-F]++(?![\w$.+-]))
    |   (?P<number>[+-]?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?(?![\w$.+-]))
    |   (?P<name>(?:[^\W\d]|[$_])(?:\w|\$)*+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_CONTINUED = ("\n", "\r", "\r\n", "\u2028", "\u2029")
_NO_ESCAPE = frozenset("123456789ux")
_WORDS = frozenset({"true", "false", "null"})
_MOST_DIGITS = 1000


def as_json(text: str) -> str:
    """The same value in JSON, each part in the line where it was. Raises `MalformedError`.

    What is not JSON5 either may stay as it is: whoever reads the JSON tells of it.
    """
    pieces: list[str] = []
    told: list[int] = []  # where the last tokens are among the pieces, spaces left out
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedError(line, f"not readable as JSON5 at {quote(text[position : position + 20])}")
        kind, token, position = str(match.lastgroup), match[0], match.end()
        if kind != "space":
            _adapt(pieces, told, token)
            told.append(len(pieces))
        pieces.append(_written(kind, token, line))
        line += token.count("\n")
    for index in told:
        if pieces[index].isidentifier() and pieces[index] not in _WORDS:
            at = 1 + sum(piece.count("\n") for piece in pieces[:index])
            raise MalformedError(at, f"{quote(pieces[index])} is no value: write text in quotes")
    return "".join(pieces)


def _adapt(pieces: list[str], told: list[int], mark: str) -> None:
    """A name before a colon gets its quotes; a comma behind the last part goes."""
    if not told:
        return
    last = pieces[told[-1]]
    if mark == ":" and not last.startswith('"') and (last in _WORDS or last[:1].isalpha() or last[:1] in "_$"):
        pieces[told[-1]] = json.dumps(last)
    elif mark in ("}", "]") and last == "," and len(told) > 1 and pieces[told[-2]] not in (",", "[", "{", ":"):
        pieces[told.pop()] = ""


def _written(kind: str, token: str, line: int) -> str:
    if kind == "space":
        return "\n" * token.count("\n") or " "
    if kind == "text":
        return json.dumps(_unescaped(token[1:-1], line)) + "\n" * token.count("\n")
    if kind == "based":
        return _based(token, line)
    if kind == "number":
        return _number(token)
    return token


def _based(token: str, line: int) -> str:
    if len(token) > _MOST_DIGITS:
        raise MalformedError(line, f"a number of {len(token)} digits is too long: put it in quotes")
    return str(int(token, 16))


def _number(token: str) -> str:
    """`+5`, `.5` and `5.` as JSON has them."""
    token = token.removeprefix("+")
    sign, digits = ("-", token[1:]) if token.startswith("-") else ("", token)
    digits = f"0{digits}" if digits.startswith(".") else digits
    return sign + re.sub(r"\.(?![0-9])", ".0", digits)


def _unescaped(text: str, line: int) -> str:
    def plain(match: re.Match[str]) -> str:
        given = match[1]
        if given in _CONTINUED:
            return ""
        if given in _NO_ESCAPE:
            raise MalformedError(line, f"{quote(match[0])} is no escape of JSON5: write \\\\ for a backslash")
        return chr(int(given[1:], 16)) if len(given) > 2 else _ESCAPED.get(given, given)

    return _ESCAPE.sub(plain, text)
