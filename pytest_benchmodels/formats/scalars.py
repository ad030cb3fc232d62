"""What a plain YAML scalar means: the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

PyYAML's own rules are those of YAML 1.1, where `no` is false, `012` ten and `12:30:00` 45,000.
"""

from __future__ import annotations

import math
import re

__all__ = ["finite", "resolve", "whole"]

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 1000


def resolve(text: str) -> object:
    """None, a boolean, an int, a float, or the text itself.

    Raises ValueError, with a message for the author, for a number that cannot be used: infinite, not a number, or of
    more than a thousand digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        return whole(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return finite(text)
    return text


def whole(text: str) -> int:
    """Read a whole number: decimal, `0o17` or `0x1F`."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits is too long: put it in quotes if it is meant as text")
    return int(text, 0) if _BASED.fullmatch(text) else int(text)


def finite(text: str) -> float:
    """Read a number with a fraction or an exponent."""
    number = float(text.replace(".", "", 1)) if _NOT_FINITE.fullmatch(text) else float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no finite number: put it in quotes if it is meant as text")
    return number
