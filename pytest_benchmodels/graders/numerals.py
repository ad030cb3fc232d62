r"""Finds the numbers in a text, as models and people write them.

`plain_numbers` turns LaTeX, HTML, Markdown and Unicode into one plain notation; `find_numerals` reads that. Every
expression takes time linear in the text: whatever repeats is bounded or cannot be matched in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal

from pytest_benchmodels.graders.normalization import without_emphasis

__all__ = ["Numeral", "find_numerals", "plain_numbers", "within"]

_EXACT = Context(prec=60, traps=[])
_MOST_DIGITS = 1000

# ---- one notation

_CURRENCY = "$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u20aa\u0e3f\u20ab"
_CHARACTERS = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000\t", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
        **dict.fromkeys("\u00b7\u22c5\u2217", "\u00d7"),
        **dict.fromkeys("\u2248\u2243\u2245", "\u2248"),
        **dict.fromkeys("\u21d2\u2192\u27f9\u2234", "\u21d2"),
        **dict.fromkeys("\u2264\u2265", ">"),
        "\u00b0": " ",
        "\u00f7": "/",
        "\u2044": "/",
        "\u066b": ".",
        "\u066c": ",",
        "\u2019": "'",
        "\u3002": ".\n",
    }
)
_SCRIPTS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a", "0123456789-+")
_INTEGER = re.compile(r"\s*[-+]?\s?\d{1,18}(?:\.\d{1,18})?\s*")


def _fraction(match: re.Match[str]) -> str:
    above, below = match[1] or match[2] or "", match[3] or match[4] or ""
    if _INTEGER.fullmatch(above) and _INTEGER.fullmatch(below):
        return "\u27e8" + f"{above}/{below}".replace(" ", "") + "\u27e9"
    return "\u221a"  # of something: no number that stands for itself


_TEX = (
    (r"\\(?:d|t|c)?frac\s?(?:\{([^{}]{0,40})\}|(\d))\s?(?:\{([^{}]{0,40})\}|(\d))", _fraction),
    (r"\\!", ""),
    (r"\\[,;:>\s]|\\q?quad(?![A-Za-z])", " "),
    (r"\{,\}", ","),
    (r"\\([$%#&_])", r"\1"),
    (r"\^\s?\{?\s?\\(?:circ|degree)(?![A-Za-z])\s?\}?|\\(?:degree|circ)(?![A-Za-z])", " "),
    (r"\\(?:times|cdot|ast)(?![A-Za-z])", "\u00d7"),
    (r"\\div(?![A-Za-z])", "/"),
    (r"\\(?:pm|mp)(?![A-Za-z])", "\u00b1"),
    (r"\\(?:approx|simeq|sim|cong)(?![A-Za-z])", "\u2248"),
    (r"\\(?:implies|Rightarrow|rightarrow|to|therefore)(?![A-Za-z])|=>|->", "\u21d2"),
    (r"\\(?:leq?|geq?|lt|gt)(?![A-Za-z])", ">"),
    (r"\\pi(?![A-Za-z])", "\u03c0"),
    (r"\\sqrt(?![A-Za-z])(?:\[\d\])?", "\u221a"),
    (r"\\[()\[\]]", " "),
    (
        r"\\(?:text|math|operatorname|mbox|hbox|bm|boldsymbol|boxed|fbox|emph|under|left|right|big)[a-z]{0,5}\s?",
        "",
    ),
    (r"<<[^<>\n]{0,100}>>", " "),  # GSM8K's calculator
    (r"<sup>\s?([+-]?\d{1,6})\s?</sup>", r"^\1"),
    (r"<sub>[^<>]{0,20}</sub>|</?[A-Za-z][^<>\n]{0,100}>", " "),
    (r"\^\s?[{(]\s?([+-]?)\s?(\d{1,6})\s?[})]", r"^\1\2"),
    (r"_\{\s?(\w{1,20})\s?\}", r"_\1"),
    (r"(?<=\d)\s?\*\*\s?(?=[+-]?\d)", "^"),
    (r"\\[A-Za-z]{1,30}\s?", " "),
    (r"[{}]", ""),
)
_CURRENCIES = (
    (
        rf"(?<![\w.])(?:USD|EUR|GBP|INR|JPY|CNY|RMB|CHF|CAD|AUD|US|CA|AU|HK|NZ|Rs\.?)\s?(?=[-+]?[{_CURRENCY}\d])",
        "\u00a4",
    ),
    (rf"-\s?\u00a4?[{_CURRENCY}\u00a4]\s?(?=\d)", "-\u00a4"),
    (rf"\u00a4?[{_CURRENCY}]+", "\u00a4"),
)
_STEPS = tuple((re.compile(pattern), made) for pattern, made in (*_TEX, *_CURRENCIES))
_SUPERSCRIPT = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_SUBSCRIPT = re.compile("[\u2080-\u2089]+")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")


def plain_numbers(text: str) -> str:
    """Return a text with its numbers in one notation.

    A fraction becomes a pair in angle brackets, a power `^5`, a subscript `_5`, a currency sign its generic one; marks
    of emphasis, tags, commands and braces go.
    """
    if not text.isascii():
        text = _VULGAR.sub(lambda match: _vulgar(match[0]), text)
        text = _SUPERSCRIPT.sub(lambda match: f"^{match[0].translate(_SCRIPTS)}", text)
        text = _SUBSCRIPT.sub(lambda match: "_" + "".join(chr(ord(char) - 0x2050) for char in match[0]), text)
        text = _OTHER_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text.translate(_CHARACTERS))
    for expression, made in _STEPS:
        text = expression.sub(made, text)
    return without_emphasis(text)


def _vulgar(char: str) -> str:
    above, below = unicodedata.normalize("NFKD", char).split("\u2044")
    return f"\u27e8{above}/{below}\u27e9"


# ---- numbers in it

_L = "A-Za-z\u00b5\u00c0-\u024f\u0370-\u03bf\u03c1-\u052f"  # letters that digits can belong to, as in H2O; not pi
_GROUPED = (
    r"\d{1,3}(?:,\d{3}){1,40}(?![\d])|\d{1,3}(?:,\d\d){1,20},\d{3}(?!\d)|\d{1,3}(?:[ '_]\d{3}){1,40}(?![\d])"
    r"|\d{1,3}(?:_\d{3}){1,40}(?!\d)"
)
_DECIMAL_COMMA = r",(?:\d{1,2}|(?!(?:19|20)\d\d(?!\d))\d{4,})(?![\d]|,\d)"
_PLAIN = (
    rf"(?>(?P<dotted>\d{{1,3}}(?:\.\d{{3}}){{2,40}}(?!\d)"
    rf"|\d{{1,3}}\.\d{{3}}(?=,\d{{1,2}}(?!\d)))(?:,(?P<dotted_part>\d+))?"
    rf"|(?P<grouped>{_GROUPED})(?:[.](?P<grouped_part>\d+)|(?P<grouped_comma>(?<=[ '_]\d\d\d),\d{{1,2}}(?!\d)))?"
    rf"|(?P<zero>0),(?P<zero_part>\d+)(?![\d]|,\d)"
    rf"|(?P<whole>\d+)(?:\.(?P<part>\d+)|(?P<comma>{_DECIMAL_COMMA}))?"
    r"|(?<![\w.])\.(?P<only>\d+))"
)
_POWERS = {
    2: "hundred \u767e",
    3: "thousand thousands k mille mil tausend \u5343",
    4: "\u4e07 \u842c",
    5: "lakh lakhs",
    6: "million millions mn m mio millionen millones mill\u00f3n milh\u00f5es \u767e\u4e07",
    7: "crore crores \u5343\u4e07",
    8: "\u4ebf \u5104",
    9: "billion billions bn b milliarden milliarde milliards milliard",
    12: "trillion trillions tn \u5146",
}
_MULTIPLIERS = {word: Decimal(10) ** power for power, words in _POWERS.items() for word in words.split()}
_MULTIPLIERS["dozen"] = Decimal(12)
_WORDS = "|".join(sorted((word for word in _MULTIPLIERS if word[0].isascii() and len(word) > 1), key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
      (?P<skip>
          (?<![{_L}\d])[{_L}]{{1,40}}(?:['.]?[_^]?-?\d[\w.^]{{0,40}}(?<!\.)(?:-\d{{1,6}})?|[_^][-\w]{{1,40}})
                                                                                  # H2O, CO_2, m^2, COVID-19, v1.18
        | \d{{1,4}}(?::\d{{1,4}}){{1,3}}                                          # a time, a ratio
        | \d+(?:\.\d+){{2,}}+(?<!\.\d\d\d)                                        # a version
        | (?<=\d)[-]\d{{3,4}}[-]\d{{3,4}}                                         # a telephone number
      )
    | (?P<date> (?P<year>\d{{4}})[-/]\d{{1,2}}[-/]\d{{1,2}}(?!\d)
      | \d{{1,2}}(?P<bar>[/.-])\d{{1,2}}(?P=bar)(?P<year_last>\d{{4}})(?!\d) )
    | (?:(?P<sign>[-+])(?P<gap>\ ?))?(?:\u00a4\ ?(?P<late>[-+]?))?
      (?:
          \u27e8(?P<above>[-+]?\d+(?:\.\d+)?)/(?P<below>[-+]?\d+(?:\.\d+)?)\u27e9
        | {_PLAIN}
          (?:
              (?:\ and)?\ ?\u27e8(?P<mixed_above>\d+)/(?P<mixed_below>\d+)\u27e9
            | (?:\ and)?\ (?P<mixed_over>\d{{1,6}})/(?P<mixed_under>\d{{1,6}})(?![\d/.])
            | \ ?/\ ?(?P<under>\d{{1,18}}(?:\.\d{{1,18}})?)(?![\d/])
            | [eE](?P<exponent>[-+]?\d{{1,4}})(?!\w)
            | \ ?(?:[\u00d7*xX])\ ?10\ ?\^\ ?\(?(?P<power>[-+]?\d{{1,4}})\)?(?!\d)
            | \^(?P<raised>[-+]?\d{{1,4}})(?!\d)
          )?
      )
      (?P<subscript>_\w{{1,20}})?
      (?P<after>
          \ ?(?:%|percent\b|per\ cent\b|Prozent\b|por\ ciento\b|pour\ cent\b)
        | (?:st|nd|rd|th)\b(?=(?P<ordinal>\ [{_L}]{{2,}})?)
        | (?-i:[kKMB]|bn|mn)\b(?![/^])
        | \ ?-?(?:{_WORDS})\b(?:\ (?:{_WORDS})\b)?
        | \ ?(?:\u767e\u4e07|\u5343\u4e07|[\u4e07\u842c\u4ebf\u5104\u5146\u5343\u767e])
      )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_LONGEST_LEAD = 60
_SIGN_WORD = re.compile(r"(?<!\d\s)\b(?:minus|negative|moins|menos)\s$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text in plain notation, and where it stands there.

    `value` is infinite or NaN where something was divided by zero. `minor`: one that names something else, such as a
    day, and is no answer where there is another number.
    """

    value: Decimal
    text: str
    start: int
    end: int
    percent: bool = False
    minor: bool = False

    @property
    def readings(self) -> tuple[Decimal, ...]:
        """What it may mean: 50% is 50, and 0.5."""
        return (self.value, _EXACT.divide(self.value, Decimal(100))) if self.percent else (self.value,)


def find_numerals(text: str) -> Iterator[Numeral]:
    """Yield the numbers of a text that went through `plain_numbers`, in order."""
    at = 0
    while digit := _DIGIT.search(text, at):
        # Nothing that begins further before its first digit is a number. To look for one there takes long.
        match = _TOKEN.search(text, max(at, digit.start() - _LONGEST_LEAD))
        if match is None:
            return
        at = match.end()
        if match["skip"] is None:
            found = _date(match) if match["date"] is not None else _numeral(match)
            if found is not None:
                yield found


def within(found: Decimal, expected: Decimal, margin: Decimal) -> bool:
    """Whether two numbers differ by at most `margin`; with a margin of 0 they are compared exactly."""
    if not found.is_finite():
        return False
    return found == expected or (margin > 0 and _EXACT.abs(_EXACT.subtract(found, expected)) <= margin)


def _date(match: re.Match[str]) -> Numeral:
    year = match["year"] or match["year_last"]
    return Numeral(Decimal(year), match[0], match.start(), match.end(), minor=True)


_ATTACHED_BEFORE = re.compile(rf"[_^\u221a]\s?[-+(]?$|[\u03c0\u221a]\s?$|(?:[{_L}]|\d\.)$")
_ATTACHED_AFTER = re.compile(rf"\s?[\u03c0\u221a]|\^(?!\d)|[{_L}]\d|\.\d")


def _numeral(match: re.Match[str]) -> Numeral | None:
    """The number of a match; None where it belongs to something else: a letter, a root, an exponent, an ordinal."""
    text, start, end = match.string, _first_digit(match), match.end()
    before = text[max(0, start - 12) : start]
    if match["ordinal"] or _ATTACHED_BEFORE.search(before) or _ATTACHED_AFTER.match(text, end):
        return None
    value, is_percent = _multiplied(_value(match), match["after"] or "")
    signed = _is_negative(match) or _SIGN_WORD.search(before) is not None
    spelled = text[start:end].strip()
    return Numeral(
        value.copy_negate() if signed else value,
        f"-{spelled}" if signed else spelled,
        match.start() if signed else start,
        end,
        percent=is_percent,
    )


def _multiplied(value: Decimal, after: str) -> tuple[Decimal, bool]:
    """The number with the words behind it, such as `thousand`; and whether it is a percentage."""
    words = after.strip(" -").lower()
    if words.startswith(("%", "per", "pro", "por", "pour")):
        return value, True
    for word in words.split():
        value = _EXACT.multiply(value, _MULTIPLIERS.get(word, Decimal(1)))
    return value, False


def _first_digit(match: re.Match[str]) -> int:
    for name in ("late", "gap"):
        if match[name] is not None:
            return match.end(name)
    return match.start()


def _is_negative(match: re.Match[str]) -> bool:
    """Whether the hyphen before a number is its sign: neither a dash, nor a bullet, nor a subtraction."""
    if match["late"] == "-":
        return True
    if match["sign"] != "-":
        return False
    text, start, is_close = match.string, match.start(), not match["gap"]
    before = text[max(0, start - 40) : start]
    head = before.rstrip(" ")
    if not head:
        return is_close or ("\n" not in text.strip() and _alone(match))
    if head[-1] in _BEFORE_SIGN:
        return True
    if head[-1].isalnum() or head[-1] in ")]}%":
        is_apart = is_close and len(head) < len(before) and not head[-1].isdigit()
        return is_apart or re.search(r"\b(?:is|be|equals)$", head) is not None
    return is_close


_BEFORE_SIGN = "=:\u2248\u21d2(,[<>\u00a4\"'\u00b1/"


def _alone(match: re.Match[str]) -> bool:
    return not match.string[match.end() :].strip(" .\n")


def _value(match: re.Match[str]) -> Decimal:
    if match["above"]:
        return _EXACT.divide(Decimal(match["above"]), Decimal(match["below"]))
    value = _plain_value(match)
    for above, below in (("mixed_above", "mixed_below"), ("mixed_over", "mixed_under")):
        if match[above]:
            return _EXACT.add(value, _EXACT.divide(Decimal(match[above]), Decimal(match[below])))
    if match["under"]:
        return _EXACT.divide(value, Decimal(match["under"]))
    if match["raised"]:
        return _EXACT.power(value, Decimal(match["raised"]))
    shift = match["exponent"] or match["power"]
    return value.scaleb(int(shift), _SCALE) if shift else value


_SCALE = Context(prec=_MOST_DIGITS, traps=[])


def _plain_value(match: re.Match[str]) -> Decimal:
    whole = match["dotted"] or match["grouped"] or match["zero"] or match["whole"] or "0"
    comma = match["comma"] or match["grouped_comma"]
    part = match["dotted_part"] or match["grouped_part"] or match["zero_part"] or match["part"] or match["only"]
    digits, part = re.sub(r"\D", "", whole), part or (comma[1:] if comma else "")
    return Decimal(f"{digits}.{part}" if part else digits)
