r"""Finds the letter that an answer to a multiple-choice question chose, as models print it.

Three ways to choose are looked for, the plainest first: a statement (`The answer is (B)`, `\boxed{B}`, `B is correct`;
the last one counts), a label at the start of a line (`B) Paris`), a letter set off by brackets, asterisks or quotes
(`it can only be (B)`). Where the last statement, the labels or the letters set off name several, nothing was chosen by
them. A bare letter inside a sentence is no choice: `Vitamin C`, `A cat`, `I wonder`.

Every expression here takes time linear in the text: whatever repeats is bounded.
"""

from __future__ import annotations

import re

__all__ = ["find_letter"]

_ALNUM = "A-Za-z0-9\u00c0-\u024f"
_LETTER = rf"(?<![{_ALNUM}'\u2019])(?P<letter>[A-Za-z])(?![{_ALNUM}'\u2019])"
_OPEN = r"""[(\[{*_"'`$\u201c\u2018]"""
_CLOSE = r"""[)\]}*_"'`$\u201d\u2019.,:;!]"""
_TEX = r"(?:\\(?:text|textbf|mathrm|mathbf|boxed)\{){0,2}"
_NO_ABBREVIATION = rf"(?!(?<=\.)[{_ALNUM}])"  # neither e.g. nor U.S.
_PICK = rf"(?P<open>{_OPEN}{{0,4}}{_TEX}{_OPEN}{{0,2}}){_LETTER}(?P<close>{_CLOSE}{{0,5}}+){_NO_ABBREVIATION}"
_FILLER = (
    r"(?:(?:the|most|likely|best|correct|right|option|choice|letter|answer|probably|definitely)\b[\s:*_]{1,4}){0,5}"
)
_NOUN = (
    r"\b(?:answer|choice|option|solution|response)\b[*_\"')\]]{0,3}\s{0,2}(?:(?:to|for|of|here)\b[^.:\n]{0,60}?)?"
    r"(?:\b(?:is|would be|should be|must be|will be)\b|[=:>\u2192\uff1a])"
)
_VERB = r"\b(?:choose|chose|select|selected|pick|picked|go with|going with|opt for|think|it is|it['\u2019]s|must be)\b"
_STATEMENTS = (
    re.compile(rf"(?:{_NOUN}|{_VERB})[\s*_:]{{0,8}}{_FILLER}{_PICK}", re.IGNORECASE),
    re.compile(rf"\\boxed\{{\s?{_PICK}"),
    re.compile(rf"^[^\n:\uff1a]{{1,40}}[:\uff1a][ \t*_]{{0,4}}{_PICK}[ \t]{{0,4}}$", re.MULTILINE),  # Antwort: B
    re.compile(rf"{_PICK}\s(?:is|would be)\s(?:the\s)?(?:most\s)?(?:correct|right|best)\b"),
)
_LABEL = re.compile(
    rf"^[ \t>*_#\"'`$\u201c]{{0,6}}(?P<open>[(\[]?){_LETTER}(?P<close>{_CLOSE}{{0,5}})(?!\S)", re.MULTILINE
)
_SET_OFF = re.compile(rf"(?<!not )(?<!n't ){_OPEN}{{1,4}}{_LETTER}{_CLOSE}{{1,5}}")
_ANOTHER = re.compile(
    r"""[)\]*_"'`]{0,4}\s?(?:[,/&]|or\b|and\b)\s?(?:option\s)?[(\[*_"'`]{0,4}[A-Z](?![\w'\u2019])(?!\s(?:is|was)\b)""",
)
_NOT_A_NOUN = re.compile(r"\s(?:[-\u2013\u2014(]|(?:because|since|as|due|given|which|is|and|from|based)\b)")
_ALSO_WORDS = "AI"
_NEAR = 24
_READ = 100_000


def find_letter(text: str, letters: str) -> str | None:
    """Return the chosen one of `letters` (capitals), None where nothing or more than one thing was chosen.

    Only the last 100,000 characters are read.
    """
    text = text[-_READ:]
    stated = _last_stated(text, letters)
    if stated is not None:
        return stated or None
    return _labelled(text, letters) or _set_off(text, letters)


def _last_stated(text: str, letters: str) -> str | None:
    """The letter of the last statement; empty where that names several, None where nothing is stated."""
    last, at = None, -1
    for expression in _STATEMENTS:
        for match in expression.finditer(text):
            letter = _picked(match, letters)
            if letter is not None and match.start("letter") > at:
                last, at = letter, match.start("letter")
    return last


def _picked(match: re.Match[str], letters: str) -> str | None:
    letter = match["letter"]
    after = match.string[match.end("letter") : match.end("letter") + _NEAR]
    set_apart = match["open"] or match["close"] or not after.split("\n", 1)[0].strip()
    if letter.upper() not in letters or not (set_apart or _is_no_word(letter, after)):
        return None
    return "" if _ANOTHER.match(after) else letter.upper()


def _is_no_word(letter: str, after: str) -> bool:
    """Whether a bare letter before another word is a choice: neither an article nor a pronoun."""
    return letter.isupper() and (letter not in _ALSO_WORDS or _NOT_A_NOUN.match(after) is not None)


def _labelled(text: str, letters: str) -> str | None:
    labels = [match for match in _LABEL.finditer(text) if _is_label(match, letters)]
    chosen = [match["letter"].upper() for match in labels]
    if len(set(chosen)) == 1:
        return chosen[0]
    if not chosen:
        return None
    if _rest_of_line(labels[-1]) == "" and not text[labels[-1].end() :].strip():
        return chosen[-1]
    # `B) Paris` and then a word on each option: the first label is the choice, unless all of them are a list.
    is_list = chosen == sorted(set(chosen))
    return chosen[0] if not is_list and not text[: labels[0].start()].strip() else None


def _is_label(match: re.Match[str], letters: str) -> bool:
    letter, rest = match["letter"], _rest_of_line(match)
    marked = match["close"] or match["open"] or not rest or rest[0] in "-\u2013\u2014"
    return letter.upper() in letters and bool(marked) and (letter.isupper() or ")" in match["close"] or not rest)


def _rest_of_line(match: re.Match[str]) -> str:
    return match.string[match.end() : match.end() + _NEAR].split("\n", 1)[0].strip()


def _set_off(text: str, letters: str) -> str | None:
    found = {match["letter"] for match in _SET_OFF.finditer(text)} & set(letters)
    return found.pop() if len(found) == 1 else None
