"""Numbers in words: English, and Chinese or Japanese."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

__all__ = ["cjk_number", "words_to_digits"]

_SMALL = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "eighth": 8, "eighths": 8, "tenth": 10, "tenths": 10,
}  # fmt: skip
_ANY = "|".join([*_SMALL, *_TENS, *_SCALES, "dozen", *_PARTS])
_RUN = re.compile(
    rf"(?<![\w-])(?:(?P<sign>minus|negative)\s)?(?P<words>(?:a\s(?=hundred|thousand|million|billion"
    rf"|dozen|half|third|quarter))?"
    rf"(?:{_ANY})\b(?:(?:[\s-]|,\s|\sand\s(?:a\s)?)(?:{_ANY})\b){{0,20}})",
    re.IGNORECASE,
)
# `one` is a pronoun more often than a number: it counts alone, after `is` or a colon, or before the end.
_IS_NUMBER = re.compile(r"(?:\b(?:is|be|equals|exactly|only|just)|[:=]|^)[\s*_\"'`]*$", re.IGNORECASE)

_CJK_DIGITS = {
    char: value for value, char in enumerate("\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d")
} | {"\u3007": 0, "\u4e24": 2, "\u5169": 2}
_CJK_UNITS = {"\u5341": 10, "\u767e": 100, "\u5343": 1000}
_CJK_LARGE = {"\u4e07": 10**4, "\u842c": 10**4, "\u4ebf": 10**8, "\u5104": 10**8}
_CJK_ALL = "".join([*_CJK_DIGITS, *_CJK_UNITS, *_CJK_LARGE])
_CJK = re.compile(
    rf"(?:[ -~]{{0,40}}?\s)?(?:.{{0,12}}(?:\u7b54\u6848|\u7b54\u3048|\u7ed3\u679c|\u7d50\u679c"
    rf"|\u4e00\u5171|\u603b\u5171|\u5171|\u7b49\u4e8e)[\u662f\u4e3a\u306f\u6709]?[:\uff1a\s]*)?"
    rf"(?P<minus>\u8d1f|\u30de\u30a4\u30ca\u30b9)?(?P<number>[{_CJK_ALL}]{{1,30}})\w{{0,3}}[\s.\u3002\uff01!]*"
)


def words_to_digits(text: str) -> str:
    """Write the number words of a text as digits: `twenty-one eggs` is `21 eggs`, `two thirds` `2/3`."""
    return _RUN.sub(_digits, text)


def _digits(match: re.Match[str]) -> str:
    words = [word for word in re.split(r"[\s,-]+", match["words"].lower()) if word not in {"and", "a", ""}]
    if words == ["one"] and not _is_number(match):
        return match[0]
    value = _value(words, is_mixed=re.search(r"\sand\s(?:a\s)?\w+$", match["words"]) is not None)
    if value is None or (len(words) == 1 and words[0] in _PARTS and words[0] not in {"half", "third", "quarter"}):
        return match[0]
    sign = "-" if match["sign"] else ""
    return f"{sign}{value.numerator}" if value.denominator == 1 else f"{sign}{value.numerator}/{value.denominator}"


def _is_number(match: re.Match[str]) -> bool:
    before, after = match.string[max(0, match.start() - 20) : match.start()], match.string[match.end() :]
    return _IS_NUMBER.search(before) is not None and not re.match(r"\s(?:of|that|who|which|where)\b", after)


def _value(words: list[str], *, is_mixed: bool = False) -> Fraction | None:
    """What number words come to; None where they are no number, as in `two three`."""
    if words and words[-1] in _PARTS:
        return _with_part(words, is_mixed=is_mixed)
    total, group, last = 0, 0, 10**18
    for word in words:
        if word == "dozen":
            group, last = max(group, 1) * 12, 12
        elif word == "hundred":
            group, last = max(group, 1) * 100, 100
        elif word in _SCALES:
            total, group, last = total + max(group, 1) * _SCALES[word], 0, 10**18
        else:
            small = _SMALL.get(word, _TENS.get(word, 0))
            if group and (last < 20 or small >= last):
                return None
            group, last = group + small, small
    return Fraction(total + group)


def _with_part(words: list[str], *, is_mixed: bool) -> Fraction | None:
    """`two thirds`, `two and a half`, `two and two thirds`."""
    below, before = _PARTS[words[-1]], words[:-1]
    if any(word in _PARTS for word in before):
        return None
    if not before:
        return Fraction(1, below)
    if is_mixed or len(before) == 1:
        above = _value(before)
        return None if above is None else above + Fraction(1, below) if is_mixed else above / below
    whole, above = _value(before[:-1]), _value(before[-1:])
    return None if whole is None or above is None else whole + above / below


def cjk_number(text: str) -> Decimal | None:
    """The number that a short Chinese or Japanese text gives: `18` for its usual spelling, alone or with a counter."""
    match = _CJK.fullmatch(text.strip()) if len(text) < 100 else None
    if match is None:
        return None
    total, group, digit = 0, 0, 0
    for char in match["number"]:
        if char in _CJK_DIGITS:
            digit = digit * 10 + _CJK_DIGITS[char]
        elif char in _CJK_UNITS:
            group, digit = group + (digit or 1) * _CJK_UNITS[char], 0
        else:
            total, group, digit = (total + group + digit) * _CJK_LARGE[char], 0, 0
    value = Decimal(total + group + digit)
    return -value if match["minus"] else value
