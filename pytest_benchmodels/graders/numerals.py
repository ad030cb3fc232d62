r"""Finds the number that an answer ends with, as models print numbers.

Every expression here takes time linear in the text: digits are matched atomically, and whatever else repeats is
bounded.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import NamedTuple

__all__ = ["Numeral", "find_number", "within"]

_MINUS = "-\u2212\u2013\ufe63\uff0d"
_SIGNS = f"{_MINUS}+"
_SIGN = f"[{_SIGNS}]"
_SEPARATOR = r"(?:[,'_\u2019\u00a0\u202f\u2009]|\{,\}|\\,)"
_WHOLE = rf"(?:\d{{1,3}}(?:{_SEPARATOR}\d{{2,3}}){{0,12}}{_SEPARATOR}\d{{3}}(?!\d)|\d+)"
_NUMBER = rf"""
    (?>
      (?:(?<![\w.)\]}}%]) (?P<sign>{_SIGN}))?                      # `5-3` has no sign: a hyphen or a minus
      (?:\\?[$\u20ac\u00a3\u00a5\u20b9] \s? (?P<late>{_SIGN})?)?    # $18, \$18, -$18, $-18
      (?:
        \\[dt]?frac \{{ \s?(?P<above>\d+)\s? \}} \{{ \s?(?P<below>\d+)\s? \}}
      |
        (?<![A-Za-z\d]) (?<!\d[./]) (?P<over>\d+)/(?P<under>\d+) (?![\d/]|\.\d)   # 1/2, but no date
      |
        (?<![A-Za-z\d]) (?<!\d\.)                                     # neither H2O nor the 2 of 1.2.3
        (?> (?P<whole>{_WHOLE}) (?:\.(?P<part>\d+))? | (?<![\w.])\.(?P<only>\d+) )
        (?!\.\d)
        (?: [eE](?P<exponent>{_SIGN}?\d{{1,4}})(?!\w)
          | \s?(?:\\times|\\cdot|[\u00d7*x\u00b7])\s?10\^\{{?(?P<power>{_SIGN}?\d{{1,4}})(?!\d)\}}? )?
      )
    )
"""

_ANYWHERE = re.compile(_NUMBER, re.VERBOSE)
# GSM8K's mark. `#### 2. Compute the total` is a heading of a model that numbers its steps.
_MARKED = re.compile(rf"(?<!\#)\#{{4}}(?!\#)[ \t*:]{{0,4}}{_NUMBER}(?![.):][ \t]+\S)", re.VERBOSE)
_BOX = "\\boxed{"
_BOX_LENGTH = 200

_EXACT = Context(prec=60, traps=[])


class Numeral(NamedTuple):
    """A number and how the answer spelled it. `value` is infinite or NaN where something was divided by zero."""

    value: Decimal
    text: str


def find_number(text: str) -> Numeral | None:
    r"""Return the number after the last `####`, else the one in the last `\boxed{}`, else the last one there is."""
    return _last(_MARKED, text) or _last(_ANYWHERE, _boxed(text)) or _last(_ANYWHERE, text)


def within(found: Decimal, expected: Decimal, margin: Decimal) -> bool:
    """Whether two numbers differ by at most `margin`; with a margin of 0 they are compared exactly."""
    if not found.is_finite():
        return False
    return found == expected or (margin > 0 and _EXACT.abs(_EXACT.subtract(found, expected)) <= margin)


def _boxed(text: str) -> str:
    """What stands in the last box, up to its closing brace."""
    start = text.rfind(_BOX)
    if start < 0:
        return ""
    start += len(_BOX)
    content, depth = text[start : start + _BOX_LENGTH], 1
    for index, char in enumerate(content):
        depth += (char == "{") - (char == "}")
        if not depth:
            return content[:index]
    return content


def _last(expression: re.Pattern[str], text: str) -> Numeral | None:
    match = None
    for match in expression.finditer(text):  # noqa: B007 - the last one is what is looked for
        pass
    return None if match is None else Numeral(_value(match), match[0].strip(" \t*:#"))


def _value(match: re.Match[str]) -> Decimal:
    above, below = match["above"] or match["over"], match["below"] or match["under"]
    if above:
        value = _EXACT.divide(Decimal(above), Decimal(below))
    else:
        whole = "".join(filter(str.isdigit, match["whole"] or "0"))
        part = match["part"] or match["only"] or "0"
        exponent = match["exponent"] or match["power"] or "0"
        value = Decimal(f"{whole}.{part}E{'-' if exponent[0] in _MINUS else '+'}{exponent.lstrip(_SIGNS)}")
    sign = match["sign"] or match["late"]
    return value.copy_negate() if sign and sign in _MINUS else value
