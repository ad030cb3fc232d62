r"""Reads the one number that an answer gives.

Places are looked at in order, and the first that is there decides: a mark (`#### 18`, `<answer>18</answer>`), a box
(`\boxed{18}`), a statement (`The answer is 18`), emphasis (`**18**`), and then what is left: a number alone on the last
or first line, else the number that the last sentence comes to.

A place that gives several numbers (`17 or 18`), or one that is denied (`not 18`), gives none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pytest_benchmodels.graders.number_choice import (
    DENIAL_AFTER,
    DENIAL_BEFORE,
    SENTENCE,
    Reading,
    after_equals,
    alternatives,
    candidates,
    chosen_number,
    is_denied,
    is_operand,
    rank,
)
from pytest_benchmodels.graders.number_words import cjk_number, words_to_digits
from pytest_benchmodels.graders.numerals import Numeral, find_numerals, plain_numbers

__all__ = ["read_number"]

_READ = 20_000
_TRIED = 20
_LINE = 200
_PLACE = 400
_SENTENCES = 200


def read_number(text: str) -> Reading:
    """Return the number that a text gives; of a very long one the last 20,000 characters are read."""
    text = text[-_READ:]
    for look in (_marked, _boxed, _stated, _emphasised):
        found = look(text)
        if found is not None:
            return found
    return _left(text)


# ---- mark and box

_MARK = re.compile(r"(?<!#)####(?!#)[ \t]*(?:\n[ \t]*)?([^\n]{1,400})")
_TAG = re.compile(
    r"<(?P<tag>answer|final_answer|final|result)>(?P<inside>[^<]{1,400})(?:</(?P=tag)>|\Z)", re.IGNORECASE
)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s{0,3}(?=\{|\d)\{?")
_HEADING = re.compile(r"[*_\s]*\d{1,2}[.):][*_]*[ \t]+\S")
_FILLERS = re.compile(
    r"(?:(?:the|final|correct|answer|result|total|value|number|amount|sum|is|are|was|be|equal"
    r"|equals|to|of|a|an|about|around"
    r"|approximately|approx|roughly|nearly|almost|exactly|just|only|simply|therefore|thus|then"
    r"|hence|clearly|so|definitely|probably"
    r"|likely|most|indeed|precisely|no|c|ca|circa|etwa|ungef\u00e4hr|environ|unos|unas"
    r"|aproximadamente|ist|es|est|lautet"
    r"|[a-z]_\w{1,5}|[a-z])(?![\w'])[\s.:]*"
    r"|[\s:=*_\"'`(\[\u00a4>\u2248\u21d2|,~\u00bf\u4e3a\u662f\uff1a\u7ea6\u7d04\u306f-])*",
    re.IGNORECASE,
)


def _marked(text: str) -> Reading | None:
    marks = [match for match in _MARK.finditer(text) if not _HEADING.match(match[1])]
    for match in reversed(marks[-_TRIED:]):
        found = _leading(match[1])
        if found is not None:
            return Reading(found, "after ####", match[1])
    for match in reversed(list(_TAG.finditer(text))):
        return _reading(match["inside"], f"in <{match['tag']}>")
    return None


def _boxed(text: str) -> Reading | None:
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    inside, depth = text[boxes[-1].end() :][:_PLACE], 1
    for index, char in enumerate(inside):
        depth += (char == "{") - (char == "}")
        if not depth:
            inside = inside[:index]
            break
    return _reading(inside, "in the box")


def _reading(text: str, place: str) -> Reading:
    """What a short place that holds an answer and nothing else gives."""
    found = chosen_number(_spelled(text))
    distinct = {numeral.value for numeral in found.several} if found.several else set()
    if found.number is not None and "=" not in text:
        others = [one for one in candidates(plain_numbers(text)) if not one.minor]
        distinct = {one.value for one in others}
        if len(distinct) > 1 and _is_list(plain_numbers(text), others):
            return Reading(None, place, text, tuple(others))
    return replace(found, place=place, text=text)


def _is_list(plain: str, numerals: Sequence[Numeral]) -> bool:
    between = [plain[left.end : right.start] for left, right in pairwise(numerals)]
    return any(re.fullmatch(r"\s*[,;]\s*", part) for part in between)


def _leading(text: str) -> Numeral | None:
    """The number that a text begins with, words such as `about` aside; what it comes to where that is an equation."""
    plain = _spelled(text)
    numerals = candidates(plain)
    if not numerals or not _FILLERS.fullmatch(plain[: numerals[0].start]):
        return None
    clause = re.split(r"[.;!?]\s|\n", plain[numerals[0].start :], maxsplit=1)[0]
    if len(numerals) > 1 and is_operand(plain, numerals, 0):
        result = after_equals(clause)
        return result if result is not None or "=" in clause else None
    if alternatives(plain, numerals, numerals[0]) or not rank(plain, [], numerals[0]):
        return None
    return numerals[0]


# ---- statement

_STATEMENT = re.compile(
    r"(?:\b(?:answers?|antwort|ergebnis|l\u00f6sung|respuesta|resultado|r\u00e9ponse|r\u00e9sultat"
    r"|risposta|risultato|resposta|antwoord"
    r"|\u043e\u0442\u0432\u0435\u0442)\b|\u7b54\u6848|\u7b54\u3048|\u89e3\u7b54|\u7d50\u8ad6"
    r"|\u7ed3\u679c|\u6b63\u7b54|\uc815\ub2f5|\ub2f5)"
    r"[\"'*_)\]`]{0,4}\s?(?:(?:to|for|of|here)\b[^.:\n=?]{0,80}?)?"
    r"(?:\b(?:is|are|was|would be|should be|must be|will be|equals|comes to|ist|lautet|es|est"
    r"|\u00e8|\u00e9|\u5c31?\u662f)\b|\s?(?:\u5c31?\u662f|\u4e3a|\u306f|\ub294|\uc740)"
    r"|\s?[=:\uff1a\u2192\u21d2>-])"
    r"|\banswer(?=\s{1,3}[-$\d])|\"(?:result|total|value|solution|number)\"\s?:",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|whether|why|suppose|assume|unless|doubt|disagree|says?|said|claims?|think it|how)\b(?!,)[^.!?\n]{0,60}$"
    r"|n['\u2019]t (?:think|believe|say|sure|mean)\b[^.!?\n]{0,40}$|\bnot (?:think|believe|sure)\b[^.!?\n]{0,40}$",
    re.IGNORECASE,
)
_RETRACTION = re.compile(
    r"(?:^|[.!?\n\u2014-]\s{0,3})(?:(?:oh|hmm|hm|but)[,.]?\s)?(?:wait|actually|no(?=,)|correction"
    r"|sorry|oops|scratch that|on second thought|i made a mistake)\b"
    r"|(?P<hard>\b(?:that|this|it)(?: is|['\u2019]s| was) (?:wrong|incorrect|not (?:right"
    r"|correct))\b|\bi disagree\b)",
    re.IGNORECASE,
)


def _stated(text: str) -> Reading | None:
    retractions = list(_RETRACTION.finditer(text))
    ends = [match.end() for match in retractions]
    for match in reversed(list(_STATEMENT.finditer(text))[-_TRIED:]):
        tail = text[match.end() : match.end() + _PLACE]
        if _CONDITION.search(text[max(0, match.start() - 80) : match.start()]) or _is_question(tail):
            continue
        found = _from_statement(tail)
        if found is None:
            continue
        after = bisect_right(ends, match.end())
        corrected = _corrected(text, retractions[after]) if after < len(ends) else None
        return corrected or replace(found, place='after "answer"')
    return None


def _corrected(text: str, retraction: re.Match[str]) -> Reading | None:
    """What stands in place of a statement that was taken back; None where it was not really."""
    found = _left(text[retraction.end() : retraction.end() + _PLACE])
    if found.number is None and not found.several and not retraction["hard"]:
        return None
    return replace(found, place="after what it took back")


def _is_question(tail: str) -> bool:
    first = re.match(r"[^.!?\n]{0,80}([.!?\n])?", tail)
    return first is not None and first[1] == "?"


def _from_statement(tail: str) -> Reading | None:
    lead = re.match(r"[\s*_\"'`:]*", tail)
    start = lead.end() if lead else 0
    sentence = re.split(r"(?<!\d)[.!?](?=\s|\Z)|(?<=\d)[.!?](?=\s+[A-Z]|\s*\Z)|\n", tail[start:], maxsplit=1)[0]
    leading = _leading(tail[start : start + len(sentence)])
    if leading is not None and not is_denied(plain_numbers(sentence), leading):
        return Reading(leading, "", sentence)
    found = chosen_number(_spelled(sentence))
    return replace(found, text=sentence) if found.number is not None or found.several else None


# ---- emphasis

_EMPHASISED = re.compile(
    r"(?<!\d)\*\*(?=[^\s*])((?:[^*\n]|(?<=\d)\*\*(?=\d)|\*(?!\*)){1,120}?)\*\*(?!\d)"
    r"|(?<!\w)__(?=[^\s_])([^_\n]{1,120})__(?!\w)"
)


def _emphasised(text: str) -> Reading | None:
    spans = list(_EMPHASISED.finditer(text))[-_TRIED:]
    for index in range(len(spans) - 1, -1, -1):
        match, inside = spans[index], spans[index][1] or spans[index][2]
        after = text[match.end() : match.end() + 60]
        if (
            _HEADING.match(inside)
            or inside.rstrip().endswith(":")
            or after.lstrip().startswith(":")
            or _META.search(inside)
        ):
            continue
        if _is_denied_outside(text[max(0, match.start() - 60) : match.start()], after):
            continue
        found = chosen_number(_spelled(inside))
        if found.number is None and not found.several:
            continue
        if found.number is not None and index and (pair := _emphasised_pair(text, spans[index - 1], match)):
            return Reading(None, "emphasised", match[0], (*pair, found.number))
        if found.number is not None and _refused(text[match.end() :]):
            return Reading(None, "emphasised", match[0])
        return replace(found, place="emphasised", text=inside)
    return None


def _emphasised_pair(text: str, left: re.Match[str], right: re.Match[str]) -> tuple[Numeral, ...]:
    """The number emphasised before, where the two are alternatives."""
    if not re.fullmatch(r"\s*(?:or|and|to|through|oder|o|ou|-|\u2013|/)\s*", text[left.end() : right.start()]):
        return ()
    return tuple(candidates(plain_numbers(left[1] or left[2])))[:1]


def _is_denied_outside(before: str, after: str) -> bool:
    return bool(DENIAL_BEFORE.search(before) or DENIAL_AFTER.match(after))


# ---- what is left

_UNANSWERED = re.compile(
    r"\b(?:not|isn['\u2019]t) (?:enough|sufficient) (?:information|data|details)\b"
    r"|\binsufficient (?:information|data)\b"
    r"|\bcan(?:no|['\u2019])t be (?:determined|answered|solved|calculated|computed|known)\b",
    re.IGNORECASE,
)
_ASSUMES = re.compile(
    r"\b(?:assum\w+|suppos\w+|however|but if|if we|so|therefore|thus|hence|guess|estimate)\b", re.IGNORECASE
)
_META = re.compile(
    r"\b(?:confiden(?:ce|t)|certainty|verif(?:y|ied|ication)|check(?:ed|ing)?|sources?|references?"
    r"|note|footnote|took|tokens?)\b",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"(?<=[^\d\s])(?<![ie]\.[ge])(?<!\bNo)(?<!\bca)(?<!approx)[.!](?=\s|\Z)|(?<=\d)[.!](?=\s+[A-Z]"
    r"|\s*\Z)|(?<=\d):(?=\s)|[;\n]|\u2713"
)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_QUESTION = re.compile(r"[^.!?\n]{0,400}\?")
_BARE = re.compile(r"[\s\"'`(\[\u00a4=+$*_>#.,:!-]*(?:x\s*=\s*)?")
_UNIT = re.compile(r"[\s\u00a4.,:!)\]\"'`*_]*|\s?[^\W\d]{1,12}(?:\s[^\W\d]{1,12})?[\s.,!)*_]*")
_CONCLUSION = re.compile(
    r"\b(?:so|therefore|thus|hence|in total|altogether|total|final(?:ly)?|result)\b|=", re.IGNORECASE
)
_REFUSAL = re.compile(
    r"\bno idea\b|\b(?:do not|don['\u2019]t|cannot|can['\u2019]t|can not|unable to) (?:know|tell"
    r"|determine|say|answer)\b|\bimpossible to\b",
    re.IGNORECASE,
)


def _left(text: str) -> Reading:
    unanswered = _UNANSWERED.search(text)
    if unanswered and not _ASSUMES.search(text, unanswered.end()):
        return Reading(None)
    plain = plain_numbers(_QUESTION.sub("\n", text))
    if not any(True for _ in find_numerals(plain)):
        return _in_words(text)
    lines = [line for line in plain.split("\n") if line.strip()]
    for line, is_last in ((lines[-1], True), (lines[0], False)):
        bare = _bare(line, lines, is_last=is_last)
        if bare is not None:
            return Reading(bare, "alone on its line", line)
    return _from_sentences(plain)


def _in_words(text: str) -> Reading:
    number = cjk_number(text)
    if number is not None:
        return Reading(Numeral(number, text.strip()[:40], 0, 0), "in words", text)
    spelled = words_to_digits(text)
    if spelled == text:
        return Reading(None)
    found = _from_sentences(plain_numbers(spelled))
    distinct = {one.value for one in candidates(plain_numbers(spelled)[-SENTENCE:])}
    if found.number is not None and len(distinct) == 1:
        return replace(found, place="in words", text=text)
    return Reading(None)


def _bare(line: str, lines: Sequence[str], *, is_last: bool) -> Numeral | None:
    """The number that is all of a line. On the first line it may have a unit, unless the text concludes later."""
    numerals = candidates(line) if len(line) <= _LINE else []
    if len(numerals) != 1 or not _BARE.fullmatch(line[: numerals[0].start]):
        return None
    rest = line[numerals[0].end :]
    if not rest.strip(" .,:!\u00a4)]\"'`*_"):
        return numerals[0] if is_last or len(lines) > 1 else None
    if is_last or not _UNIT.fullmatch(rest) or any(map(_CONCLUSION.search, lines[1:])):
        return None
    return numerals[0] if len(lines) > 1 else None


def _from_sentences(plain: str) -> Reading:
    """What the last sentence with a number comes to; one that is about the answer is asked only where no other is."""
    sentences = _sentences(plain)
    if any(map(_LETTERS.search, sentences[1:])) and not any(map(_CONCLUSION.search, sentences[1:])):
        first = candidates(sentences[0][:_LINE])
        if (
            len(first) == 1
            and _BARE.fullmatch(sentences[0][: first[0].start])
            and not sentences[0][first[0].end :].strip(" ,:\u00a4)")
        ):
            sentences = sentences[:1] if not _refused("\n".join(sentences[1:])) else []
    for about_it in (False, True):
        for index in range(len(sentences) - 1, max(-1, len(sentences) - 1 - _SENTENCES), -1):
            sentence = sentences[index]
            if bool(_META.search(sentence)) is not about_it:
                continue
            found = chosen_number(sentence)
            if found.several or found.number is not None:
                if found.number is not None and _refused("\n".join(sentences[index:])[found.number.end :]):
                    return Reading(None)
                return replace(found, place="what is left", text=sentence)
    return Reading(None)


def _sentences(plain: str) -> list[str]:
    parts = _ENDS.split(_without_markers(plain))
    return [part.strip() for part in parts if part.strip()]


_MARKER = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+(?=\S)", re.MULTILINE)


def _without_markers(plain: str) -> str:
    """The text without the numbers of a list that counts from 1."""
    markers = list(_MARKER.finditer(plain))
    if [int(match[1]) for match in markers] != list(range(1, len(markers) + 1)):
        return plain
    return _MARKER.sub("", plain)


def _refused(rest: str) -> bool:
    return _REFUSAL.search(rest[:_PLACE]) is not None


# ---- one sentence


def _spelled(text: str) -> str:
    """A place in plain notation; with its number words as digits where it has no digits."""
    plain = plain_numbers(text)
    if any(True for _ in find_numerals(plain)):
        return plain
    number = cjk_number(text)
    return str(number) if number is not None else words_to_digits(plain)
