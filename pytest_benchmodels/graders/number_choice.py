"""Which of the numbers of a sentence is the answer: what is denied, bounded, aside or an operand is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pytest_benchmodels.graders.numerals import Numeral, find_numerals

__all__ = [
    "DENIAL_AFTER",
    "DENIAL_BEFORE",
    "SENTENCE",
    "Reading",
    "after_equals",
    "alternatives",
    "candidates",
    "chosen_number",
    "is_denied",
    "is_operand",
    "rank",
]

SENTENCE = 600
"""How much of a sentence is read, in characters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the number, or None and why; `place` says where, `text` shows what stands there."""

    number: Numeral | None
    place: str = ""
    text: str = ""
    several: tuple[Numeral, ...] = ()


_LABELLED = re.compile(
    r"\b(?:steps?|questions?|problems?|parts?|cases?|examples?|figures?|fig\.|tables?|sections?"
    r"|chapters?|equations?|eq\.)\s?\(?$",
    re.IGNORECASE,
)


DENIAL_BEFORE = re.compile(
    r"(?:\b(?:not|never|cannot be|isn['\u2019]t|wasn['\u2019]t|aren['\u2019]t|rather than"
    r"|instead of|neither|nor|doubt|unlikely|no longer|whether|nicht|keine?|n['\u2019]est pas"
    r"|pas(?=\s?$)|no es|n\u00e3o"
    r"|non \u00e8|niet|geen|\u043d\u0435)\b|\u4e0d\u662f|\u5e76\u975e"
    r"|n['\u2019]t (?:think|believe|equal)\b)[^.,;:!?\n]{0,30}$",
    re.IGNORECASE,
)


_STILL_NOT_DENIED = re.compile(r"\bnot (?:only|just|more than|less than|sure)\b", re.IGNORECASE)


_INSTEAD = re.compile(r"\d|\b(?:but|sondern|mais|sino|mas|ma|maar|\u0430)\b|\u800c\u662f", re.IGNORECASE)


DENIAL_AFTER = re.compile(
    r"[*_\"'`)]*\s?(?:is|are|would be|was|seems)\s(?:the\s)?(?:definitely\s|clearly\s)?(?:wrong"
    r"|incorrect|false|not\b|impossible|too (?:high|low|big|small|much|many))"
    r"|[*_\"'`)]*\s?isn['\u2019]t|\s?,?\sor not\b"
    r"|\s?\u3067\u306f(?:\u306a\u3044|\u3042\u308a\u307e\u305b\u3093)|(?:\uc774|\uac00)?\s?\uc544(?:\ub2c8|\ub2d9)",
    re.IGNORECASE,
)


_BOUND = re.compile(
    r"(?:\b(?:half|third|quarter|fifth|tenth|percent|twice|double|triple)(?: of)?|%\sof|\b(?:more"
    r"|less|fewer|greater|larger|smaller|higher|lower|bigger) than|\bat (?:least|most)|\bover"
    r"|\bunder|(?<!add )(?<!adds )(?<!adding )\bup to"
    r"|\babove|\bbelow|[<>\u00b1]|\b(?:mindestens|h\u00f6chstens|mehr als|weniger als|\u00fcber|unter|au (?:moins|plus)"
    r"|(?:plus|moins) de|al menos|como (?:m\u00ednimo|m\u00e1ximo)|(?:m\u00e1s|menos) de|pelo menos|mais de|almeno"
    r"|(?:pi\u00f9|meno) di|minstens|meer dan"
    r"|\u043d\u0435 (?:\u043c\u0435\u043d\u0435\u0435|\u0431\u043e\u043b\u0435\u0435)"
    r"|\u0431\u043e\u043b\u0435\u0435|\u043c\u0435\u043d\u0435\u0435)|\u81f3\u5c11|\u6700\u591a|\u8d85\u8fc7)\s?\u00a4?$",
    re.IGNORECASE,
)


_BOUND_AFTER = re.compile(
    r"\s?[<>]|\s(?:or|and) (?:more|less|fewer|above|below|over|under|higher|lower|up)\b"
    r"|\+(?:\s?$|[.,)*_]|\s[^\W\d_]{2})|\s?[\u4e2a\u4eba\u5143\u5186\u500b]?\s?\u4ee5[\u4e0a\u4e0b]"
)


# What numbers belong to that name something. Such a number is the answer only where there is no other.
_NAMED = re.compile(
    r"\b(?:Apollo|Soyuz|Voyager|Falcon|Boeing|Airbus|Windows|Android|iOS|iPhone|Galaxy|PlayStation|Xbox|Python|Ubuntu"
    r"|World War|Route|Highway|Interstate|Article|Amendment|Formula|Area|Act|Psalm|Symphony No\.|Type|Catch"
    r"|Channel)[ -]$"
)


_MEASURES = (
    r"seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|mm|cm|m|km|met(?:er|re)s?|kilomet(?:er|re)s?"
    r"|centimet(?:er|re)s?|inch(?:es)?|feet|foot|ft|yards?|miles?|mg|g|kg|grams?|kilograms?|pounds?|lbs?|ounces?|oz|tons?"
    r"|ml|l|lit(?:er|re)s?|gallons?|quarts?|pints?|cups?|cents?|dollars?|kph|mph|kmh|joules?|calories"
)


_RESTATED = re.compile(
    rf"\s?({_MEASURES})\s?[,(]?\s?(?:or|i\.e\.,?|that is,?|equivalently|also known as)\s"
    r"(?:about\s|approximately\s|just\s)?\u00a4?"
)


_WEAK = re.compile(
    r"\b(?:which|that is|after|because|since|as|when|while|where|if|out of|of|from|rounded|than"
    r"|instead|per|in|within|over|for|with"
    r"|at|on|each|every|times|by|before|until|during|see|page|although|given|compared|to)\b|\u2014",
    re.IGNORECASE,
)


_CLAUSE = re.compile(
    r"\b(?:which(?!\s(?:makes|gives|leaves|means|yields|results)\b)|because|since|if|when|where"
    r"|while|although|given|rounded|after|before)\b",
    re.IGNORECASE,
)


_STRONG = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|makes?|made|gives?|gave|leaves?|leaving|has|have|had|gets?"
    r"|got|costs?|needs?|earns?|pays?"
    r"|spends?|total of|sum of|totals?|totall?ing|left with|becomes?|yields?|obtains?|comes? to"
    r"|amounts? to|(?:sum|add|total)s? (?:up )?to|rounds to|simplifies to|equal to|so|therefore"
    r"|thus|hence|then|meaning"
    r"|ist|sind|es|son|est|sont)\b|[:=\u2248\u21d2])",
    re.IGNORECASE,
)


_COMMA = re.compile(r",(?!\d)")


_THEN = re.compile(r"\b(?:so|therefore|thus|hence|then)\b", re.IGNORECASE)


_OPERATOR = re.compile(
    r"\s?[^\W\d]{0,12}\s?\(?(?:[\u00d7*+/x-]|times\b|plus\b|minus\b|divided by\b|multiplied by\b)\)?\s?\u00a4?\(?",
    re.IGNORECASE,
)


_ALTERNATIVE = re.compile(
    r"\s?(?:\u00a4|%|(?!(?:rounded|rounds|up|down|equal|equals|comes|add|adds|sum|sums|amount|leads"
    r"|goes|reduced|simplifies|amounts|compared|close|near)\b)[^\W\d]{1,12}(?:\s|(?=,\s(?:or|oder|ou|o)\b)))?\s?,?\s?\(?"
    r"(?:-|\b(?:or|and|to|through|till|bis|oder|und|o|y|ou|et|e"
    r"|\u0438\u043b\u0438|\u0438)\b|\u6216|\u548c|\u5230|\u304b|\u304b\u3089|\ub610\ub294)\s?(?:maybe\s"
    r"|perhaps\s|even\s|about\s|else\s|possibly\s)?\u00a4?",
    re.IGNORECASE,
)


_LINK = re.compile(rf"\s?,\s?|{_ALTERNATIVE.pattern}", re.IGNORECASE)


_RELATIVE = re.compile(r"\s?(?:\w{1,12}\s)?(?:more|less|fewer|greater|smaller) than\b|\s?of\b", re.IGNORECASE)


def chosen_number(plain: str) -> Reading:
    """The number that one sentence comes to; of a very long one the end is read."""
    plain = plain[-SENTENCE:]
    numerals = candidates(plain)
    equal = after_equals(plain)
    if equal is not None and not is_denied(plain, equal):
        return _unless_alternatives(plain, numerals, equal)
    free = [one for index, one in enumerate(numerals) if not is_operand(plain, numerals, index)]
    if not free:
        return Reading(None, several=tuple(numerals))
    main = [one for one in free if not one.minor] or free
    ranks = [rank(plain, numerals, one) for one in main]
    best = max(ranks)
    picked = next(one for one, rank in zip(reversed(main), reversed(ranks), strict=True) if rank == best)
    return _unless_alternatives(plain, numerals, picked)


def _unless_alternatives(plain: str, numerals: Sequence[Numeral], picked: Numeral) -> Reading:
    others = alternatives(plain, numerals, picked)
    return Reading(None, several=(*others, picked)) if others else Reading(picked, text=plain)


def candidates(plain: str) -> list[Numeral]:
    """The numbers of a text that may be an answer: not labels, not denied, not the error after a plus-minus."""
    found = []
    numerals = list(find_numerals(plain))
    for index, numeral in enumerate(numerals):
        before, after = plain[max(0, numeral.start - 60) : numeral.start], plain[numeral.end : numeral.end + 60]
        if _LABELLED.search(before) or is_denied(plain, numeral):
            continue
        if index and re.search(r"\u00b1\s?\u00a4?$", before):
            continue
        if _BOUND.search(before) or _BOUND_AFTER.match(after):
            continue
        if index and _is_restated(plain, numerals[index - 1], numeral):
            continue
        is_minor = numeral.minor or _is_aside(numeral, before) or _NAMED.search(before) is not None
        found.append(replace(numeral, minor=is_minor))
    return found


def _is_restated(plain: str, one: Numeral, other: Numeral) -> bool:
    """Whether a number says the one before again, in another unit: `45 minutes, or 0.75 hours`."""
    between = _RESTATED.fullmatch(plain[one.end : other.start])
    unit = re.match(rf"\s?({_MEASURES})\b", plain[other.end :])
    return between is not None and unit is not None and between[1].rstrip("s") != unit[1].rstrip("s")


def is_denied(plain: str, numeral: Numeral) -> bool:
    before, after = plain[max(0, numeral.start - 60) : numeral.start], plain[numeral.end : numeral.end + 60]
    denial = DENIAL_BEFORE.search(before)
    if denial and not _STILL_NOT_DENIED.search(denial[0]) and not _INSTEAD.search(denial[0]):
        return True
    return DENIAL_AFTER.match(after) is not None


def _is_aside(numeral: Numeral, before: str) -> bool:
    """Whether a number stands in brackets behind other words: `(out of 20)`, `[1]`."""
    opened = max(before.rfind("("), before.rfind("["))
    if opened < 0 or max(before.rfind(")"), before.rfind("]")) > opened:
        return False
    return bool(re.search(r"[\w%\u00a4]", before[:opened])) or numeral.start - len(before) > 0


_LEADS_TO = re.compile(
    r"[\s\u00a4]{0,3}(?:gives?|yields?|makes?|(?:we|you|i) (?:get|obtain|find|have)|leads to|results in)\b",
    re.IGNORECASE,
)


_SUPPOSED = re.compile(r"\b(?:at|for|when|if|where|with|let|given)\s[^\W\d]\w{0,3}\s?(?:=\s?)?$", re.IGNORECASE)


def after_equals(plain: str) -> Numeral | None:
    """The number after the last equals sign, where it stands there alone; else the one before it."""
    at = max(plain.rfind("="), plain.rfind("\u2248"))
    if at < 0 or _SUPPOSED.search(plain[max(0, at - 20) : at]):
        return None
    right = [replace(one, start=one.start + at + 1, end=one.end + at + 1) for one in candidates(plain[at + 1 :])]
    right = [one for one in right if not one.minor]
    if right and not (len(right) > 1 and _OPERATOR.fullmatch(plain[right[0].end : right[1].start])):
        if len(right) > 1 and _LEADS_TO.match(plain, right[0].end):
            return None
        return right[0] if re.fullmatch(r"[\s\u00a4(\[\"'\u2248-]*", plain[at + 1 : right[0].start]) else None
    left = [one for one in candidates(plain[:at]) if not one.minor]
    return left[-1] if right and len(left) == 1 else None


def is_operand(plain: str, numerals: Sequence[Numeral], index: int) -> bool:
    one = numerals[index]
    for other in (index - 1, index + 1):
        if 0 <= other < len(numerals):
            left, right = sorted((one, numerals[other]), key=lambda numeral: numeral.start)
            between = plain[left.end : right.start]
            if _OPERATOR.fullmatch(between) and not _ALTERNATIVE.fullmatch(between):
                return True
    return False


def alternatives(plain: str, numerals: Sequence[Numeral], picked: Numeral) -> tuple[Numeral, ...]:
    """The numbers in one list with the picked one, where that is one of alternatives, or is a range."""
    index = next((place for place, one in enumerate(numerals) if one.start == picked.start), None)
    if index is None:
        return ()
    links = [plain[left.end : right.start] for left, right in pairwise(numerals)]
    first = last = index
    while first and _LINK.fullmatch(links[first - 1]):
        first -= 1
    while last < len(links) and _LINK.fullmatch(links[last]):
        last += 1
    if not any(map(_ALTERNATIVE.fullmatch, links[first:last])):
        return ()
    readings = set(picked.readings)
    return tuple(one for one in numerals[first : last + 1] if not readings & set(one.readings))


def rank(plain: str, numerals: Sequence[Numeral], numeral: Numeral) -> int:
    """2 for what a sentence comes to (`that makes 18`), 1 for a plain number, 0 for a circumstance (`in 3 boxes`)."""
    after = _RELATIVE.match(plain, numeral.end)
    if after is not None and (numeral.percent or "than" in after[0]):
        return 0
    if _SUPPOSED.search(plain[max(0, numeral.start - 20) : numeral.start]):
        return 0
    start = max((one.end for one in numerals if one.end <= numeral.start), default=0)
    clause = max((match.end() for match in _COMMA.finditer(plain, 0, numeral.start)), default=0)
    gap = plain[max(start, clause) : numeral.start]
    weak = max((match.end() for match in _WEAK.finditer(gap)), default=-1)
    strong = max((match.end() for match in _STRONG.finditer(gap)), default=-1)
    opened = max((match.end() for match in _CLAUSE.finditer(plain, clause, numeral.start)), default=-1)
    if opened >= 0 and not _THEN.search(plain, opened, numeral.start):
        return 0
    if strong >= weak and strong >= 0:
        return 2
    return 0 if weak >= 0 else 1
