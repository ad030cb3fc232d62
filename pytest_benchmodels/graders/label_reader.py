"""Which labels of a classification an answer names.

The first of these places that is there decides: a box, tag or mark; a lead-in and a label on a line (`Sentiment:
positive`), the last one; lines that are a label and nothing else; what the answer states (`the sentiment is positive`);
a label that it begins with (`No. One might say yes, but ...`); what an expression of labels comes to (`not True is
False`); the whole text. What counts is how many different labels a place names: one, none or several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_benchmodels.graders.normalization import fold, without_emphasis

__all__ = ["find_labels", "label_key"]

_READ = 20_000

_BOX = re.compile(
    r"\\(?:boxed|fbox)\s{0,2}\{(?:\\text\w{0,2}\{)?(?P<box>[^{}\n]{1,100})|<(?P<tag>answer|label"
    r"|final_answer|class|category)>(?P<inside>[^<]{1,100})"
    r"|(?<!#)####(?!#)[ \t]*(?P<mark>[^\n]{1,100})",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^[^\n:]{1,60}:\s*(?P<rest>[^\n]{1,100})$", re.MULTILINE)
_SEPARATOR = re.compile(r"(?<=[^\W_])[\s_/-]+(?=[^\W_])")
_BULLET = re.compile(r"[-*>#\u2022]+\s+")
_AROUND = " \t\r\n.,;:!*_`\"'()[]{}<>#\u3002\uff01\u2705\u2714"
_DENIED = re.compile(
    r"(?:\b(?:not|never|hardly|neither|nor|cannot|whether|if|unless|rather than|instead of"
    r"|anything but|far from|doubt|unlikely|no longer|nothing|without|lacks?"
    r"|isn't|wasn't|aren't|nicht|kein(?:e[mnrs]?)?|keineswegs|weder|pas|aucune?|jamais|n\u00e3o|nunca"
    r"|niet|geen|\u043d\u0435)\b|n't\b|\b(?:no|non)(?=\s)|\u4e0d\u662f?|\u975e|\u5e76\u975e)[^.,;:!?\n]{0,30}$"
)
_DENIED_AFTER = re.compile(
    r"[\"'*)\]]{0,3}\s?(?:(?:is|are|was|would be|seems)\s(?:\w{1,12}\s){0,2}?(?:not|wrong|incorrect"
    r"|false|unlikely)\b|isn't\b|or not\b|\u3067\u306f(?:\u306a\u3044"
    r"|\u3042\u308a\u307e\u305b\u3093)|(?:\uc774|\uac00)?\s?\uc544\ub2c8|(?:\uc774|\uac00)?\s?\uc544\ub2d9)"
)
_QUESTION = re.compile(r"[^.!\n]{0,60}\?")
_OUT_OF = re.compile(r"(?<=\d)\s?(?:/|out of)\s?\d{1,4}(?![\d.])")
_SPACED = re.compile(r"[^\W\d_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\d")
# Words that sentences are made of: one of them is an answer only where nothing goes on behind it.
_ORDINARY = frozenset(
    {"no", "none", "a", "i", "an", "other", "all", "any", "good", "right", "well", "so", "true", "false"}
)
_GOES_ON = re.compile(
    r"[\"'*)\]]{0,3}\s+(?!(?:or|and|because|since|as|it|he|she|they|the|this|that|there|\()(?!\w))[^\W_]"
)

# What is judged, by the answer's own words: of the first the last statement counts, of the others all have to agree.
_RESULT = (
    r"answer|sentiment|label|category|class|classification|verdict|conclusion|relation|relationship|tone|intent|topic"
    r"|stance|emotion|polarity|severity|priority|rating|result|decision|prediction|language"
)
_SUBJECT = r"it|this|that|review|text|statement|claim|sentence|message|argument|hypothesis|comment|tweet|article|code"
_STATES = (
    r"[^.;:!?\n]{0,60}?(?:\s(?:is|was|as|be)|'s|\s?[=:])\s{1,2}(?:(?:clearly|overall|most|likely|therefore|thus|definitely"
    r"|probably|mostly|predominantly|mainly|simply|indeed)\s){0,3}[\"'(]{0,2}"
)
_SUBORDINATE = re.compile(
    r"\b(?:(?:even )?though|although|even if|despite|in spite of|while|whereas|since|because|as|given|rather than|not"
    r"|instead of|when|where|except|with)\b|[:;(\u2014]|\s[-\u2013]\s"
)
_RETRACTED = re.compile(
    r"\b(?:wait|actually|on second thought|correction|scratch that|i disagree|in fact|in reality|however|or rather"
    r"|(?:that|this)(?: is|'s| was) (?:wrong|incorrect))\b"
)
_CLOSED = re.compile(
    r"[\"')\]]{0,3}(?:\s(?:overall|sentiment|in tone))?(?:\s?[.,;:!(\u2014]|\s[-\u2013]|\s*$|\s*\n"
    r"|\s(?=(?:(?:even )?though|although|even if|despite|while|whereas|since|because|as|given"
    r"|rather than|not|instead of)\b))"
)
_COMES_TO = re.compile(r"(?:\bis\b|\bevaluates to\b|\bequals\b|\bgives\b|\byields\b|[=\u2192\u21d2]|->)[\s:\"'(]*$")
_CONNECTIVE = re.compile(r"\b(?:not|and|or|xor)\b|[()&|!]")
_SENTENCE_END = re.compile(r"[.!?;]\s+|\n")
_TRIED = 40


def label_key(label: str) -> str:
    """The form in which labels are told apart: without case, typography, and the kind of separator."""
    return _SEPARATOR.sub(" ", fold(label, ignore_case=True)).strip()


def find_labels(text: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the different ones of `labels` that an answer names, in its order; the last 20,000 characters are read."""
    text = _OUT_OF.sub("", fold(without_emphasis(text[-_READ:]), ignore_case=True))
    reader = _Reader(labels)
    places = (reader.boxed, reader.led_in, reader.alone, reader.stated, reader.opening, reader.evaluated)
    return next(filter(None, (place(text) for place in places)), ()) or reader.named(text)


class _Reader:
    """Looks for a set of labels, the longest first, so that one may be a part of another."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._by_key = {label_key(label): label for label in labels}
        patterns = [_pattern(key) for key in sorted(self._by_key, key=len, reverse=True)]
        self._expression = re.compile("|".join(patterns))
        self._states = tuple(
            re.compile(rf"\b(?:{nouns})\b{_STATES}(?P<label>{'|'.join(patterns)})") for nouns in (_RESULT, _SUBJECT)
        )
        self._around = "".join(char for char in _AROUND if not any(char in (key[0], key[-1]) for key in self._by_key))

    def boxed(self, text: str) -> tuple[str, ...]:
        boxes = list(_BOX.finditer(text))
        inside = boxes[-1]["box"] or boxes[-1]["inside"] or boxes[-1]["mark"] if boxes else ""
        return self.named(inside)

    def led_in(self, text: str) -> tuple[str, ...]:
        found = [self._whole(match["rest"]) for match in _LEAD.finditer(text)]
        return tuple(label for label in found if label)[-1:]

    def alone(self, text: str) -> tuple[str, ...]:
        found = (self._whole(line) for line in text.split("\n"))
        return tuple(dict.fromkeys(label for label in found if label))

    def stated(self, text: str) -> tuple[str, ...]:
        """The label of `the sentiment is positive`, though others are named beside it."""
        for expression, last_counts in zip(self._states, (True, False), strict=True):
            matches = [match for match in expression.finditer(text) if self._counts(match, text)]
            if not matches:
                continue
            if any(self._goes_back(match["label"], text, match.end("label")) for match in matches[-_TRIED:]):
                return ()
            found = [self._by_key[label_key(match["label"])] for match in matches]
            return tuple(found[-1:] if last_counts else dict.fromkeys(found))
        return ()

    def _counts(self, match: re.Match[str], text: str) -> bool:
        start, after = match.start("label"), text[match.end("label") : match.end("label") + 80]
        return bool(_CLOSED.match(after)) and not (
            _DENIED.search(text[max(0, start - 60) : start]) or _DENIED_AFTER.match(after) or _QUESTION.match(after)
        )

    def _goes_back(self, label: str, text: str, end: int) -> bool:
        """Whether the sentence names another label beside this one, or one is named in place of it later."""
        rest = _SENTENCE_END.split(text[end : end + 400], maxsplit=1)[0]
        beside = _SUBORDINATE.split(rest, maxsplit=1)[0]
        taken_back = _RETRACTED.search(text, end)
        later = text[taken_back.end() :] if taken_back else ""
        return any(label_key(other) != label_key(label) for part in (beside, later) for other in self._mentions(part))

    def opening(self, text: str) -> tuple[str, ...]:
        """The label that an answer begins with, where no other sentence begins with another."""
        text = text.lstrip(self._around)
        starts = [
            self._expression.match(part.lstrip(self._around + "-")) for part in _SENTENCE_END.split(text)[:_TRIED]
        ]
        if not starts or starts[0] is None or not _CLOSED.match(text, starts[0].end()):
            return ()
        alone = [one for one in starts if one and _CLOSED.match(one.string, one.end())]
        label = starts[0][0]
        if len({label_key(one[0]) for one in alone}) > 1 or not self._is_plain(starts[0], text):
            return ()
        return () if self._goes_back(label, text, starts[0].end()) else (self._by_key[label_key(label)],)

    def _is_plain(self, start: re.Match[str], text: str) -> bool:
        after = text[start.end() : start.end() + 80]
        return not _QUESTION.match(after) and not _DENIED_AFTER.match(after)

    def evaluated(self, text: str) -> tuple[str, ...]:
        """What the last expression of labels comes to: `not True and True is False`."""
        for sentence in reversed(_SENTENCE_END.split(text)[-_TRIED:]):
            matches = list(self._expression.finditer(sentence[-400:]))
            if not matches or sentence[-400:][matches[-1].end() :].strip(_AROUND):
                continue
            left = sentence[-400:][: matches[-1].start()].rpartition(":")[2]
            sign = _COMES_TO.search(left)
            operands = _CONNECTIVE.sub("", self._expression.sub("", left[: sign.start()])) if sign else "?"
            if sign and not operands.strip(" =\"'") and _CONNECTIVE.search(left):
                return (self._by_key[label_key(matches[-1][0])],)
        return ()

    def named(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._mentions(text)))

    def _whole(self, text: str) -> str | None:
        """The label that a text is, punctuation around it aside."""
        if "?" in text:
            return None
        return self._by_key.get(label_key(self._bare(text)))

    def _bare(self, text: str) -> str:
        text = text.strip()
        bullet = _BULLET.match(text)
        return text[bullet.end() if bullet else 0 :].strip(self._around)

    def _mentions(self, text: str) -> Iterator[str]:
        for match in self._expression.finditer(text):
            key, after = label_key(match[0]), text[match.end() : match.end() + 80]
            if key not in self._by_key or (key in _ORDINARY and _GOES_ON.match(after)):
                continue
            if _DENIED.search(text[max(0, match.start() - 60) : match.start()]) or _DENIED_AFTER.match(after):
                continue
            if not _QUESTION.match(after):
                yield self._by_key[key]


def _pattern(key: str) -> str:
    """An expression for a label with any separators, apart from other words where its script sets words apart."""
    body = r"[\s_/-]{1,3}".join(map(re.escape, key.split(" ")))
    before = r"(?<![\w-])(?<!\d[.,])" if _SPACED.match(key[0]) else ""
    after = r"(?!\w|-\w|[.,]\d|'[a-z]|%)" if _SPACED.match(key[-1]) else ""
    return f"{before}{body}{after}"
