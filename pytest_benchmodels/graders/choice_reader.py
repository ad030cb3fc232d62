r"""Finds the letter that an answer to a multiple-choice question chose, as models print it.

The places are those of `number`: a box or tag, then what the answer states, then a letter that stands alone, then a
label at the start of a line (`B) Paris`), then one set off by brackets, asterisks or quotes. Statements are `The answer
is B`, `B is correct`, `I choose B`, `Therefore B.`; the last one counts. One that is denied, doubted, asked or only
supposed (`not B`, `B is wrong`, `if it is B`) is none, and one that names several letters chooses nothing.

Every expression here takes time linear in the text: whatever repeats is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["find_letter"]

_READ = 20_000
_NEAR = 80
_SENTENCES, _SENTENCE = 200, 2_000

# ---- one notation

_ENCIRCLED = (0x24B6, 0x24D0, 0x1F130, 0x1F150, 0x1F170)
_CHARACTERS = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
        **dict.fromkeys("\u201c\u201d\u201e\u300c\u300d\u300e\u300f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u3010\u3014", "("),
        **dict.fromkeys("\u3011\u3015", ")"),
        **dict.fromkeys("\u00a0\u2009\u202f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff"),
        **dict.fromkeys("\u2192\u27f9\u21d2\u2234\u27a1", "\u21d2"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013", "-"),
        **{chr(start + index): f"({chr(65 + index)})" for start in _ENCIRCLED for index in range(26)},
        "\u3002": ". ",
        "\u3001": ", ",
    }
)
_TEX = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|bf|rm|underline|emph|mbox)\b\s?"
    r"|\\[()\[\],;! ]|\\left|\\right|~"
    r"|</?(?!answer|final_answer|choice)[A-Za-z][^<>\n]{0,60}>"
)
_ARROW = re.compile(r"=>|->|\\(?:implies|Rightarrow|rightarrow|therefore|to)\b")


def _plain(text: str) -> str:
    text = text.translate(_CHARACTERS) if not text.isascii() else text
    return _ARROW.sub("\u21d2", _TEX.sub("", text))


# ---- a letter and what stands around it

_ALNUM = "A-Za-z0-9\u00c0-\u024f"
_OPEN = r"""[(\[{*_"'`$]"""
_CLOSE = r"""[)\]}*_"'`$.,:;!]"""
_LETTER = rf"(?<![{_ALNUM}\\/&-])(?<![{_ALNUM}]')(?P<letter>[A-Za-z])(?!'?[{_ALNUM}])(?!-[{_ALNUM}])"
_NO_ABBREVIATION = rf"(?!(?<=\.)[{_ALNUM}])"  # neither e.g. nor U.S.
_PICK = rf"(?P<open>{_OPEN}{{0,5}}){_LETTER}(?P<close>{_CLOSE}{{0,5}}+){_NO_ABBREVIATION}"

_NAMES = (
    r"(?:option|choice|answer|letter|alternative|statement|candidate|opci\u00f3n|opzione"
    r"|op\u00e7\u00e3o|antwort|r\u00e9ponse|letra|lettre|\u043e\u0442\u0432\u0435\u0442|\u9009\u9879"
    r"|\u9009|\u9078\u629e\u80a2|\ubcf4\uae30)"
)
_LEAD = (
    rf"(?:(?:the|la|le|el|a letra|die|my|most|more|likely|best|correct|right|final|clearly|obviously"
    rf"|definitely|probably|certainly|indeed|therefore|thus|then|hence|simply|actually|just|only|surely"
    rf"|almost|is|to be|with|for|in fact|{_NAMES})\b[\s:*_,]{{1,4}}){{0,6}}"
)
_NOUN = (
    r"\b(?:answer|choice|option|statement|alternative|letter|solution|response|selection|pick|one"
    r"|ans|antwort|alternativa|opci\u00f3n|op\u00e7\u00e3o|l\u00f6sung|respuesta|r\u00e9ponse"
    r"|risposta|resposta|antwoord|\u043e\u0442\u0432\u0435\u0442)\b"
    r"(?:\s(?:correct[ae]?|corretta|correta|juste|left|remaining|here"
    r"|available))?[*_\"')\]]{0,3}\s{0,2}(?:(?:to|for|of|here)\b[^.:\n?]{0,60}?)?"
    r"(?:\b(?:is|was|would be|should be|must be|will be|has to be|seems to be|appears to be|ist"
    r"|lautet|es|est|\u00e8|\u00e9(?:\s[ao](?=\s))?)\b|'s\b|[=:>\u21d2\u2014-])"
)
_OTHER_NOUN = (
    r"(?:\u7b54\u6848|\u7b54\u3048|\u6b63\u89e3|\u6b63\u786e\u9009\u9879|\u6b63\u7b54|\uc815\ub2f5"
    r"|\ub2f5)\s?(?:\u5e94\u8be5|\u5e94|\u5c31)?(?:\u662f|\u4e3a|\u9009|\u306f|\uc740"
    r"|\ub294)?[\s:\"]{0,3}|\u0627\u0644\u0625\u062c\u0627\u0628\u0629\s?(?:\u0647\u064a)?[\s:]{0,3}"
    r"|\u6240\u4ee5\u9009|\u5e94\u9009|\u9009\u62e9|\u6545\u9009|(?<!\u4e0d)\u9009"
)
_VERB = (
    r"\b(?:(?:i|i'd|i would|we|would) answer|choose|chose|select|selected|pick|picked|go with"
    r"|going with|go for|settle on|opt for|vote for|looks like|sounds like|lean(?:ing)? towards?|corresponds? to"
    r"|match(?:es)?|means|points? to|this is|which is|richtig ist|korrekt ist|think|believe|say"
    r"|guess|conclude"
    r"|it is|it['\u2019]s|that is|that['\u2019]s|must be|should be|has to be|can only be"
    r"|could only be|leav(?:es|ing)(?: us with)?|left with)\b"
)
_CONCLUSION = (
    r"(?:^|(?<=[.!?;\u2014]\s)|(?<=[.!?;,]\s\s)|(?<=,\s)|(?<=:\s)|\n)[\s>#*_-]{0,4}+"
    r"(?:(?:so|therefore|thus|hence|then|ergo|consequently|accordingly|and so|finally|in conclusion"
    r"|in short|overall|wait|no|ok|most likely|very likely|as a result"
    r"|by (?:process of )?elimination|to conclude|it follows that|the (?:letter|option|choice"
    r"|answer)|my (?:guess|choice)|okay|yes|sure|well|sorry|oh|hmm"
    r"|actually|rather|instead|probably|definitely|certainly|clearly|obviously|likely|maybe|perhaps|surely|also"
    r"|option|choice|answer|letter|final answer|my answer|correct answer|my choice|i'd say|alors"
    r"|donc|also|entonces|quindi|\u6240\u4ee5|\u56e0\u6b64)\b[\s,:.*_-]{1,4}){1,4}"
)
_SIGN = r"[\u2713\u21d2\u2705\u2714\u2611\U0001f449\u25b6]\ufe0f?\s{0,2}"
_RIGHT = (
    r"\s(?:is|would be|must be|should be|has to be|seems|looks|appears)\s(?:to be\s)?(?:clearly\s"
    r"|definitely\s|therefore\s|thus\s|obviously\s|indeed\s|probably\s)?"
    r"(?:the\s)?(?:only\s|most\s|single\s|one\s)?(?:likely\s|accurate\s|suitable\s|appropriate\s"
    r"|plausible\s)?(?:correct|right|best|better|stronger|strongest|safest|closest|preferable|true|answer|option|choice|one|fit|it)\b"
    r"|\sis\s(?:my\s(?:final\s)?(?:answer|choice|pick)|what i)\b"
    r"|\s(?:works|fits|holds|remains|applies|matches|wins|makes (?:the most )?sense|it is|it's|is[.!]|is\s?$)"
    r"|\sis the (?:exception|odd one|outlier)\b"
    r"|\ses\sla\srespuesta\scorrecta|\s\u00e8\s(?:la\s)?(?:risposta\s)?corretta"
    r"|\s\u00e9\s(?:a\s)?(?:resposta\s)?correta|\s?\u304c\u6b63\u89e3|(?:\uc774|\uac00)\s?\uc815\ub2f5"
    r"|\sist\s(?:richtig|korrekt)|\ses\s(?:la\s)?correcta|\sest\s(?:correcte|la bonne)"
    r"|\s?[\u2713\u2705\u2714\u2611]|\s?(?:\u9009\u9879)?\u662f?(?:\u6b63\u786e|\u5bf9\u7684)"
)
# The question asked for what does not hold: `the statement that is false is B`.
_EXCEPTION = (
    r"\b(?:option|statement|choice|one|alternative|answer)\s(?:that|which|who)\s(?![^.,;:\n]{0,20}\b(?:correct|right)\b)"
    r"[^.,;:\n]{1,60}?\s(?:is|would be)\s"
)
_ASKED_FOR = re.compile(rf"{_EXCEPTION}\W{{0,4}}$", re.IGNORECASE)
_STATEMENTS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"(?:{_NOUN}|{_VERB}|{_OTHER_NOUN})[\s*_:,\"]{{0,8}}{_LEAD}{_PICK}",
        rf"(?:{_CONCLUSION}|{_SIGN}){_LEAD}{_PICK}",
        rf"^[^\n:]{{1,40}}:[ \t*_]{{0,4}}{_PICK}[ \t]{{0,4}}$",  # Antwort: B
        rf"{_PICK}(?={_RIGHT})",
        rf"[\"'](?:answer|choice|option|letter|final_answer)[\"']\s?:\s?{_PICK}",
        rf"\b(?:rather than|instead of)\s[^,.\n]{{1,20}},\s?{_PICK}",
        (
            rf"\b(?:not|nicht|pas|no es|n\u00e3o \u00e9|non \u00e8|niet)\s[^\w\s]{{0,3}}[A-Z][^\w\s]{{0,3}},?"
            rf"\s(?:but|sondern|mais|sino|mas|ma|maar)\s(?:rather\s)?{_PICK}"
        ),
        rf"\u4e0d\u662f\s?[A-Z]\s?,\s?\u800c?\u662f\s?{_PICK}",
        rf"{_EXCEPTION}{_LEAD}{_PICK}",
        rf"(?<=[.!?]\s)(?<!\b[DMS][rst]\.\s)(?<!Mrs\.\s)(?<!Prof\.\s){_PICK}\s{{0,4}}\Z",
    )
)

# ---- what takes a mention back

_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot|isn't|wasn't|aren't|rather than|instead of"
    r"|(?<!no )(?<!without )(?<!any )doubt"
    r"|(?:almost|nearly)\s(?!certain|sure|definite)"
    r"|unlikely|unclear|unsure|whether|if|unless|suppose|assume|assuming|except|than"
    r"|exclude|excluding|eliminate[sd]?|rules? out|ruling out|reject|(?:incorrect|wrong|worst|false"
    r"|bad)\s(?:answer|option|choice|one)s?|everyone says|some say|one might think|why)\b"
    r"|n't\b(?! (?:matter|hard))|\u4e0d\u662f|\u4e0d\u9009|\u5982\u679c|\u6392\u9664)[^.;:!?\n]{0,50}$",
    re.IGNORECASE,
)
_STILL_CHOSEN = re.compile(
    r",\s?(?:but|so|then|it is|it's|i|the answer|therefore)\b|\b(?:but|sondern|mais|sino|mas|ma|maar)\b"
    r"|,\s?\u800c?\u662f|\bnot\s[a-z]{4,20},\s?\W{0,3}$",
    re.IGNORECASE,
)
_ITS_OWN = r"(?:(?!\b(?:[A-Z]|because|since|as|while|whereas|but|so|that|which)\b)[^.;\n,])"
_INSTEAD = re.compile(r"^(?:rather than|instead of)\b[^,]*,\s?\W?$", re.IGNORECASE)
_SAID = r"(?=\s*(?:$|[.,;:!\n)*(\u2014-]|because\b|since\b|as\b))"  # the word is all that is said
_WRONG_AFTER = re.compile(
    rf"{_ITS_OWN}{{0,40}}?\s?\b(?:is|are|was|seems|looks|would be|can be|must be|sounds)\s(?:also\s"
    rf"|clearly\s|definitely\s|therefore\s|obviously\s|simply\s|probably\s)?"
    r"(?:the\s)?(?:incorrect|wrong|false|not\b|out\b|ruled out|eliminated|excluded|impossible"
    r"|unlikely|invalid|a distractor|nonsense|implausible|partially|partly|tempting|nearly|almost)"
    rf"|{_ITS_OWN}{{0,20}}?\s?\b(?:isn't|can't|cannot|doesn't|does not|fails|won't|wouldn't)\b"
    rf"|\s?[.:,\u2014-]{{0,2}}\s?(?:(?:wrong|incorrect)\b{_SAID}|[\u274c\u2717\u2718])"
    r"|\s?\u3067\u306f(?:\u306a|\u3042\u308a\u307e\u305b)|(?:\uc774|\uac00)?\s?\uc544[\ub2c8\ub2d9]"
    r"|\s?\u662f\u9519|\s?\u4e0d\u5bf9",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"[)\]*_\"'`]{0,4}\?|[^.!\n\u21d2]{0,40}\?")
_ANOTHER = re.compile(
    r"""[)\]*_"'`]{0,4}\s?(?:,?\s?(?:or|and)\b|[,/&+]|und\b|oder\b|\u548c|\u6216|\u3001)"""
    r"""\s?(?:maybe\s|perhaps\s|possibly\s|even\s|also\s)?(?:option\s)?"""
    r"""[(\[*_"'`]{0,4}(?P<other>[A-Z])(?![\w'\u2019])(?!\s(?:is|was|are|and [A-Z] are|would|can|does|has|fails)\b)""",
)
_ONE_OF_MANY = re.compile(
    r"(?:(?<!than )(?<!instead of )\b[A-Z][)\]*\"]{0,3}\s?(?:[,/&]|or"
    r"|and)\s?(?:option\s)?[(\[*\"]{0,3}|\b(?:either|both|between)\s[(\[*\"]{0,3})$"
)
_TAKEN_BACK = re.compile(
    r"\bi disagree\b|\b(?:that|this|it)(?: is|'s| was) (?:wrong|incorrect|not (?:right|correct"
    r"|true))\b|\bi (?:do not|don't|cannot|can't) (?:know|tell|say|decide)\b",
    re.IGNORECASE,
)
_NOT_A_NOUN = re.compile(
    r"\s{0,2}(?:$|[-\u2014(,;.:)?!\n]|(?:because|since|as|due|given|which|is|and|from|based|works"
    r"|fits|holds|for|with)\b)"
)
_ALSO_WORDS = "AI"


def find_letter(text: str, letters: str) -> str | None:
    """Return the chosen one of `letters` (capitals), None where nothing or more than one thing was chosen.

    Only the last 20,000 characters are read.
    """
    text = _plain(text[-_READ:])
    for find in (_boxed, _stated, _verdicts, _alone, _labelled, _set_off):
        found = find(text, letters)
        if found is not None:
            return found or None
    return None


_BOX = re.compile(
    r"\\(?:boxed|fbox|framebox)\s{0,2}\{([^\n]{0,60})|<(?:answer|final_answer"
    r"|choice)>\s{0,3}([^<]{0,60})</?|(?<!#)####[ \t]*([^\n]{1,60})",
    re.IGNORECASE,
)
_BOX_CONTENT = re.compile(
    rf"[\s({{\[*\"'`$]*(?:(?:the\s)?(?:{_NAMES}"
    rf"|final answer)\b(?:\sis\b)?[\s:]*)?[\s({{\[*\"'`$]*(?P<letter>[A-Za-z])(?![{_ALNUM}'\\<])(?P<rest>.{{0,40}})",
    re.IGNORECASE | re.DOTALL,
)


def _boxed(text: str, letters: str) -> str | None:
    """The letter in the last box, tag or mark; empty where that names several."""
    for match in reversed(list(_BOX.finditer(text))[-20:]):
        inside = _BOX_CONTENT.match(match[1] or match[2] or match[3] or "")
        if inside is not None and inside["letter"].upper() in letters:
            rest = re.match(r"[)\]}*\"'`$ ]*(?:[,/&]|or\b|and\b)\s?[(\[{*\"]*([A-Za-z])(?!\w)", inside["rest"].strip())
            return "" if rest and rest[1].upper() in letters else inside["letter"].upper()
    return None


def _stated(text: str, letters: str) -> str | None:
    """The letter of the last statement; empty where that names several, None where nothing is stated."""
    last, at = None, -1
    wrong = {match.start("letter") for match in _all_verdicts(text, letters) if not match["right"]}
    for expression in _STATEMENTS:
        for match in expression.finditer(text):
            if match.start("letter") in wrong:
                continue
            letter = _picked(match, letters)
            if letter is not None and match.start("letter") > at:
                last, at = letter, match.start("letter")
    if last and _TAKEN_BACK.search(text, at):
        return ""
    return last


def _picked(match: re.Match[str], letters: str) -> str | None:
    letter, start, end = match["letter"], match.start("letter"), match.end("letter")
    after = match.string[end : end + _NEAR]
    line = after.split("\n", 1)[0]
    set_apart = match["open"].strip("$ ") or match["close"] or not line.strip()
    if letter.upper() not in letters or not (set_apart or _is_no_word(letter, after)):
        return None
    if (
        match["close"] == "."
        and letter.isupper()
        and re.match(r"\.\s[A-Z][a-z]+\s(?:was|is|were|had)\b", after)
        and not match["open"]
    ):
        return None  # B. Franklin was
    if _is_denied(match.string, start, end):
        return None
    return "" if _is_one_of_several(match.string, start, after, letters) else letter.upper()


def _is_no_word(letter: str, after: str) -> bool:
    """Whether a bare letter before another word is a choice: neither an article nor a pronoun."""
    return letter.isupper() and (letter not in _ALSO_WORDS or _NOT_A_NOUN.match(after) is not None)


def _is_denied(text: str, start: int, end: int) -> bool:
    """Whether a mention is denied, doubted, supposed or asked."""
    before = text[max(0, start - _NEAR) : start]
    if _ASKED_FOR.search(before):
        return False
    denial = None
    for denial in _DENIED_BEFORE.finditer(before):  # noqa: B007 - the last one is what is looked for
        pass
    if denial is not None and not _STILL_CHOSEN.search(denial[0]) and not _INSTEAD.search(denial[0]):
        return True
    after = text[end : end + _NEAR]
    return bool(_WRONG_AFTER.match(re.sub(r"^[)\]}*_\"'`]+", "", after)) or _QUESTION.match(after))


def _is_one_of_several(text: str, start: int, after: str, letters: str) -> bool:
    other = _ANOTHER.match(after)
    if other is not None and other["other"] in letters:
        return True
    one = _ONE_OF_MANY.search(text[max(0, start - 20) : start])
    return one is not None and one[0][0] != text[start]  # of C and D, D


_VERDICT = re.compile(
    rf"(?:^|(?<=[\s*_(\[])){_LETTER}[)\].:*_]{{0,4}}\s?[\u2014:-]?\s{{0,2}}[*_]{{0,2}}"
    rf"(?:(?P<right>(?:yes|correct|right|true)\b{_SAID}|[\u2705\u2713\u2714])"
    rf"|(?:no|incorrect|wrong|false)\b{_SAID}|[\u274c\u2717\u2718])",
    re.IGNORECASE | re.MULTILINE,
)
_AN_OPTION = re.compile(r"(?:yes|no|true|false)\Z", re.IGNORECASE)


def _verdicts(text: str, letters: str) -> str | None:
    """The one letter that is called right, where a word is said on several: `A: no. B: yes. C: no.`."""
    found = _all_verdicts(text, letters)
    right = {match["letter"].upper() for match in found if match["right"]}
    # Two options may themselves be `A. Yes` and `B. No`.
    if len(found) == 2 and any(_AN_OPTION.search(match[0]) for match in found):
        return None
    return right.pop() if len(right) == 1 else None


def _all_verdicts(text: str, letters: str) -> list[re.Match[str]]:
    found = [match for match in _VERDICT.finditer(text) if match["letter"].upper() in letters]
    return found if len({match["letter"].upper() for match in found}) > 1 else []


_FIRST = re.compile(
    rf"\s*(?:\d{{1,3}}[.):]\s)?[\s>#*_\"'`(\[{{$-]{{0,8}}(?:(?:{_NAMES}|ans"
    rf"|a)[\s:.*_]{{1,4}})?(?P<open>{_OPEN}{{0,4}}){_LETTER}(?P<close>{_CLOSE}{{0,5}}+){_NO_ABBREVIATION}",
    re.IGNORECASE,
)


def _alone(text: str, letters: str) -> str | None:
    """A letter that is all of the last line or of the first, or that the answer begins with."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return None
    for line in (lines[-1], lines[0]):
        match = _FIRST.match(line)
        if (
            match is not None
            and match["letter"].upper() in letters
            and not line[match.end() :].strip(" *_\"'`)]}$.!<>|")
        ):
            return match["letter"].upper()
    return _first(text, letters)


def _first(text: str, letters: str) -> str | None:
    """A letter that the answer begins with, before a comma, a dash, a bracket or a capital: `B, since ...`."""
    match = _FIRST.match(text)
    if match is None or match["letter"].upper() not in letters or match["letter"].islower():
        return None
    rest = text[match.end() :]
    if (
        re.match(
            r"\s?(?:[-\u2014(]|because\b|since\b|as\b|for sure\b|obviously\b|definitely\b|I think\b"
            r"|rather than\b|instead of\b|and not\b)",
            rest,
        )
        or match["close"][:1] in {",", ";", ":", "!"}
        or _is_name(match, rest)
    ):
        found = None if _is_denied(text, match.start("letter"), match.end("letter")) else match["letter"]
        if found is None:
            return None
        return (
            ""
            if _is_one_of_several(text, match.start("letter"), text[match.end("letter") :][:_NEAR], letters)
            else found
        )
    return None


def _is_name(match: re.Match[str], rest: str) -> bool:
    """`B Paris`: a letter and the option's text, on a line of its own."""
    return (
        not match["close"]
        and match["letter"] not in _ALSO_WORDS
        and re.fullmatch(r"\s[A-Z0-9][^\n.!?]{0,60}", rest.strip("\n")) is not None
    )


_LABEL = re.compile(rf"^[ \t>*_#\"'`$-]{{0,6}}(?P<open>[(\[]?){_LETTER}(?P<close>{_CLOSE}{{0,5}})(?!\S)", re.MULTILINE)


def _labelled(text: str, letters: str) -> str | None:
    labels = [match for match in _LABEL.finditer(text) if _is_label(match, letters)]
    chosen = [match["letter"].upper() for match in labels]
    if not chosen:
        return None
    if len(set(chosen)) == 1:
        taken_back = _TAKEN_BACK.search(text, labels[-1].end())
        return None if taken_back or _is_denied(text, labels[0].start("letter"), labels[0].end("letter")) else chosen[0]
    # `B) Paris` and then a word on each option: the first label is the choice, unless all of them are a list.
    is_list = chosen == sorted(set(chosen))
    return chosen[0] if not is_list and not text[: labels[0].start()].strip() else None


def _is_label(match: re.Match[str], letters: str) -> bool:
    letter, rest = match["letter"], match.string[match.end() : match.end() + _NEAR].split("\n", 1)[0].strip()
    marked = match["close"] or match["open"] or not rest or rest[0] in "-=\u2013\u2014"
    if re.match(r"=\s*[a-z]", rest):
        return False  # a formula
    return (
        letter.upper() in letters
        and bool(marked)
        and (letter.isupper() or ")" in match["close"] or not rest or _is_the_only_line(match))
    )


def _is_the_only_line(match: re.Match[str]) -> bool:
    """`b. Paris`, and nothing more."""
    text = match.string.strip()
    return "." in match["close"] and match["letter"] != "e" and len(text) <= _NEAR and "\n" not in text


_SET_OFF = re.compile(rf"{_OPEN}{{1,4}}{_LETTER}{_CLOSE}{{1,5}}")
_BEFORE_SET_OFF = re.compile(
    rf"(?:^|[.,:;!?\n\u2014-]\s{{0,2}}|\b(?:only|be|is|that|the|and|with|to|on|than|then|so"
    rf"|{_NAMES}s?)\s)[\s*_]{{0,3}}$",
    re.IGNORECASE,
)


def _set_off(text: str, letters: str) -> str | None:
    """The one letter set off in the last sentence that has any; not one that names a thing, as in Vitamin (B)."""
    for sentence in reversed(re.split(r"(?<=[.!?])\s|\n", text)[-_SENTENCES:]):
        found = set(_set_off_in(sentence[:_SENTENCE], letters))
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _set_off_in(sentence: str, letters: str) -> Iterator[str]:
    for match in _SET_OFF.finditer(sentence):
        start, end = match.start("letter"), match.end("letter")
        if match["letter"] not in letters or _is_denied(sentence, start, end):
            continue
        if _is_one_of_several(sentence, start, sentence[end : end + _NEAR], letters):
            yield ""
            yield match["letter"]
        elif _BEFORE_SET_OFF.search(sentence[max(0, match.start() - 20) : match.start()]):
            yield match["letter"]
