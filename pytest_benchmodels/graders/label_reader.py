r"""Finds the labels that an answer to a classification names.

The first of these places that is there decides: a box, tag or mark; a lead-in and a label on a line (`Sentiment:
positive`), the last one; lines that are a label and nothing else; the whole text. What counts is how many different
labels a place names: one, none or several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .normalization import fold, without_emphasis

__all__ = ["find_labels", "label_key"]

_READ = 20_000

_BOX = re.compile(
    r"\\(?:boxed|fbox)\s{0,2}\{(?:\\text\w{0,2}\{)?(?P<box>[^{}\n]{1,100})|<(?P<tag>answer|label"
    r"|final_answer|class|category)>(?P<inside>[^<]{1,100})"
    r"|(?<!#)####(?!#)[ \t]*(?P<mark>[^\n]{1,100})",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^[^\n:]{1,60}:\s*(?P<rest>[^\n]{1,100})$", re.MULTILINE)
_SEPARATOR = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
_BULLET = re.compile(r"\s*[-*>#\u2022]+\s+")
_AROUND = " \t\r\n.,;:!*_`\"'()[]{}<>#\u3002\uff01\u2705\u2714"
_DENIED = re.compile(
    r"(?:\b(?:not|never|hardly|neither|nor|cannot|whether|if|unless|rather than|instead of"
    r"|anything but|far from|doubt|unlikely|no longer|nothing|without|lacks?"
    r"|isn't|wasn't|aren't)\b|n't\b|\bno(?=\s)|\u4e0d\u662f?|\u975e|\u5e76\u975e)[^.,;:!?\n]{0,30}$"
)
_DENIED_AFTER = re.compile(
    r"[\"'*)\]]{0,3}\s?(?:(?:is|are|was|would be|seems)\s(?:\w{1,12}\s){0,2}?(?:not|wrong|incorrect"
    r"|false|unlikely)\b|isn't\b|or not\b|\u3067\u306f(?:\u306a\u3044"
    r"|\u3042\u308a\u307e\u305b\u3093))"
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


def label_key(label: str) -> str:
    """The form in which labels are told apart: without case, typography, and the kind of separator."""
    return _SEPARATOR.sub(" ", fold(label, ignore_case=True)).strip()


def find_labels(text: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the different ones of `labels` that an answer names, in its order; the last 20,000 characters are read."""
    text = _OUT_OF.sub("", fold(without_emphasis(text[-_READ:]), ignore_case=True))
    reader = _Reader(labels)
    return reader.boxed(text) or reader.led_in(text) or reader.alone(text) or reader.named(text)


class _Reader:
    """Looks for a set of labels, the longest first, so that one may be a part of another."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._by_key = {label_key(label): label for label in labels}
        patterns = [_pattern(key) for key in sorted(self._by_key, key=len, reverse=True)]
        self._expression = re.compile("|".join(patterns))

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

    def named(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._mentions(text)))

    def _whole(self, text: str) -> str | None:
        """The label that a text is, punctuation around it aside."""
        if "?" in text:
            return None
        return self._by_key.get(label_key(_BULLET.sub("", text, count=1).strip(_AROUND)))

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
    body = r"[\s_-]{1,3}".join(map(re.escape, key.split(" ")))
    before = r"(?<![\w-])(?<!\d[.,])" if _SPACED.match(key[0]) else ""
    after = r"(?!\w|-\w|[.,]\d|'[a-z]|%)" if _SPACED.match(key[-1]) else ""
    return f"{before}{body}{after}"
