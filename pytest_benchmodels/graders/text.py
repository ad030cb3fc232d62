"""Checks that compare the answer's text. Each looks at it twice: as it is, and without marks of emphasis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.normalization import (
    Scalar,
    Text,
    count_words,
    fold,
    right,
    shown,
    text_of,
    without_emphasis,
    wrong,
)

__all__ = [
    "CHECKS",
    "MEASURES",
    "Contains",
    "ContainsAll",
    "ContainsAny",
    "Equals",
    "MaxLatency",
    "MaxWords",
    "MinWords",
    "OneOf",
    "Similar",
    "StartsWith",
]

_CLOSING = ".!?\u3002\uff01\uff1f "
_QUOTES = "\"'"

Texts = Annotated[tuple[Text, ...], Meta(min_length=1)]


class Equals(Grader, frozen=True):
    """The answer is this text and nothing else.

    White space around it and marks of emphasis are ignored, unless `trim` is false; a full stop is not.
    """

    equals: Scalar
    ignore_case: bool = False
    trim: bool = True

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare texts: a number or a truth value is compared as a file spells it."""
        expected, actual = text_of(self.equals), response.text
        if self.trim:
            expected, actual = expected.strip(), actual.strip()
        forms = _forms(actual, self.ignore_case) if self.trim else (fold(actual, ignore_case=self.ignore_case),)
        if fold(expected, ignore_case=self.ignore_case) in forms:
            return right(f"got {shown(actual)}")
        if not self.trim and actual.strip() == expected.strip():
            return wrong(f"expected {shown(expected)}, got it with other white space around it")
        return wrong(f"expected {shown(expected)}, got {shown(actual)}")

    def example(self) -> str:
        return text_of(self.equals)


class OneOf(Grader, frozen=True):
    """The answer is one of these texts and nothing else.

    White space around it, marks of emphasis, quotes and a closing punctuation mark are ignored.
    """

    one_of: Annotated[tuple[Scalar, ...], Meta(min_length=1)]
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare with each text in turn."""
        expected = [text_of(value).strip() for value in self.one_of]
        forms = _forms(response.text.strip(), self.ignore_case)
        bare = forms[-1].rstrip(_CLOSING).strip(_QUOTES).rstrip(_CLOSING)
        if any(fold(text, ignore_case=self.ignore_case) in (*forms, bare) for text in expected):
            return right(f"got {shown(response.text)}")
        return wrong(f"expected one of {_listed(expected)}, got {shown(response.text)}")

    def example(self) -> str:
        return text_of(self.one_of[0])


class Contains(Grader, frozen=True):
    """The answer has this text somewhere in it."""

    contains: Text
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Search the whole answer."""
        expected = text_of(self.contains)
        if _missing([expected], response, self.ignore_case):
            return wrong(f"expected {shown(expected)} somewhere in {shown(response.text)}")
        return right(f"found {shown(expected)}")

    def example(self) -> str:
        return text_of(self.contains)


class ContainsAny(Grader, frozen=True):
    """The answer has at least one of these texts somewhere in it."""

    contains_any: Texts
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Search the whole answer for each text."""
        expected = [text_of(value) for value in self.contains_any]
        missing = _missing(expected, response, self.ignore_case)
        if len(missing) == len(expected):
            return wrong(f"expected one of {_listed(expected)} somewhere in {shown(response.text)}")
        return right(f"found {shown(next(text for text in expected if text not in missing))}")

    def example(self) -> str:
        return text_of(self.contains_any[0])


class ContainsAll(Grader, frozen=True):
    """The answer has each of these texts somewhere in it; the score is the share that was found."""

    contains_all: Texts
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Search the whole answer for each text; passed only with all of them."""
        expected = [text_of(value) for value in self.contains_all]
        missing = _missing(expected, response, self.ignore_case)
        if not missing:
            return right(f"found {_listed(expected)}")
        found = len(expected) - len(missing)
        said = f"found {found} of {len(expected)}: expected also {_listed(missing)} in {shown(response.text)}"
        return Grade(found / len(expected), passed=False, explanation=said)

    def example(self) -> str:
        return " ".join(map(text_of, self.contains_all))


class StartsWith(Grader, frozen=True):
    """The answer begins with this text; white space before either is ignored."""

    starts_with: Text
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare the answer's beginning."""
        expected, actual = text_of(self.starts_with).lstrip(), response.text.lstrip()
        begin = fold(expected, ignore_case=self.ignore_case)
        forms = _forms(actual, self.ignore_case)
        if any(form.startswith(begin) for form in forms) if begin else actual.startswith(expected):
            return right(f"begins with {shown(expected)}")
        return wrong(f"expected {shown(expected)} at the beginning of {shown(actual)}")

    def example(self) -> str:
        return text_of(self.starts_with)


def _missing(texts: Sequence[str], response: Response, ignore_case: bool) -> list[str]:  # noqa: FBT001 - private, and named alike at each call
    forms = _forms(response.text, ignore_case)
    return [text for text in texts if not _holds(response.text, forms, text, fold(text, ignore_case=ignore_case))]


def _holds(answer: str, forms: Sequence[str], text: str, folded: str) -> bool:
    """Whether a form of the answer has the text; where folding leaves nothing of it, whether the answer itself has."""
    return any(folded in form for form in forms) if folded else text in answer


def _forms(text: str, ignore_case: bool) -> tuple[str, ...]:  # noqa: FBT001 - as above
    """The text folded, and once more without emphasis, where that differs."""
    bare = without_emphasis(text).strip()
    folded = fold(text, ignore_case=ignore_case)
    return (folded,) if bare == text else (folded, fold(bare, ignore_case=ignore_case))


def _listed(texts: Sequence[str]) -> str:
    """At most four of the texts, quoted."""
    first = ", ".join(map(shown, texts[:4]))
    return first if len(texts) <= 4 else f"{first} and {len(texts) - 4} more"


_OUTER = " \t\n.,;:!?\"'"
_WORK = 1_000_000_000
"""Characters times characters that are compared: about 20 ms, and two texts of 31,000 characters each."""


class Similar(Grader, frozen=True):
    """The answer is this text, but for some edits.

    The score is the edit similarity: 1 - edits / length of the longer text, an edit being one character inserted, left
    out or changed (Levenshtein). Passed from `min` on. White space and punctuation around
    both texts and marks of emphasis are ignored.
    """

    similar: Annotated[str, Meta(min_length=1)]
    min: Annotated[float, Meta(ge=0, le=1)] = 0.8
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Measure; raise `CheckError` where that would take more than a moment."""
        from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - 38 ms that only a suite with this check pays

        expected, actual = self._bare(self.similar), self._bare(response.text)
        if len(expected) * len(actual) > _WORK:
            raise CheckError(
                f"the answer has {len(actual):,} characters, and `similar` compares at most {_WORK // len(expected):,} "
                f"with a value of {len(expected):,}; lower max_tokens or use another check",
            )
        score = Levenshtein.normalized_similarity(expected, actual)
        said = f"{score:.2f} similar to {shown(self.similar)}"
        if score < self.min:
            said = (
                f"expected at least {self.min:g} similarity to {shown(self.similar)}, got {score:.2f}: {shown(actual)}"
            )
        return Grade(score, score >= self.min, said)

    def example(self) -> str:
        return self.similar

    def _bare(self, text: str) -> str:
        folded = fold(without_emphasis(text), ignore_case=self.ignore_case).strip()
        return folded.strip(_OUTER) or folded


_EXAMPLE_WORDS = 100_000


class MinWords(Grader, frozen=True):
    """The answer has at least so many words. `count_words` says what a word is."""

    min_words: Annotated[int, Meta(ge=0)]

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Count the words."""
        return _counted(response, "at least", self.min_words)

    def example(self) -> str | None:
        return " ".join(["ok"] * self.min_words) if self.min_words <= _EXAMPLE_WORDS else None


class MaxWords(Grader, frozen=True):
    """The answer has at most so many words. `count_words` says what a word is."""

    max_words: Annotated[int, Meta(ge=0)]

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Count the words."""
        return _counted(response, "at most", self.max_words)

    def example(self) -> str:
        return "ok" if self.max_words else ""


class MaxLatency(Grader, frozen=True):
    """The answer came within so many seconds; failed attempts, waits and connection set-up left out."""

    max_latency: Annotated[float, Meta(gt=0)]

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare the response's latency in seconds."""
        took = response.latency_s
        if took <= self.max_latency:
            return right(f"took {took:.2f} s")
        return wrong(f"expected an answer within {self.max_latency:g} s, took {took:.2f} s")

    def example(self) -> str:
        return "ok"


class Refused(Grader, frozen=True):
    """`true`: the model declined to answer, or the provider's filter kept the answer back. `false`: neither did.

    What counts is how the API says that the answer ended, not its words.
    """

    refused: bool

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Look at the finish_reason."""
        reason = "no finish_reason" if response.finish_reason is None else f"finish_reason {response.finish_reason}"
        if response.is_refused == self.refused:
            return right(reason)
        wanted = "a refusal" if self.refused else "an answer that is not refused"
        return wrong(f"expected {wanted}, got {reason} and {shown(response.text)}")

    def example(self) -> str | None:
        return None if self.refused else "ok"


def _counted(response: Response, rule: str, limit: int) -> Grade:
    count = count_words(response.text)
    passed = count >= limit if rule == "at least" else count <= limit
    if passed:
        return right(f"has {_words(count)}")
    return wrong(f"expected {rule} {_words(limit)}, got {count}")


def _words(count: int) -> str:
    return "1 word" if count == 1 else f"{count} words"


CHECKS: tuple[type[Grader], ...] = (Equals, OneOf, Contains, ContainsAny, ContainsAll, StartsWith)
"""The checks of what an answer says, in the order in which they are told."""

MEASURES: tuple[type[Grader], ...] = (Similar, MinWords, MaxWords, MaxLatency, Refused)
"""The checks of how much or how soon."""
