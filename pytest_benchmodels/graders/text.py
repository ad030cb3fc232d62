"""Checks that compare the answer's text. Each looks at it twice: as it is, and without marks of emphasis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from ..core.exchange import Response
from ..core.grading import Grade, Grader
from .normalization import fold, without_emphasis
from .wording import Scalar, Text, right, shown, text_of, wrong

__all__ = ["Contains", "ContainsAll", "ContainsAny", "Equals", "OneOf", "StartsWith"]

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
        if any(form.startswith(begin) for form in _forms(actual, self.ignore_case)):
            return right(f"begins with {shown(expected)}")
        return wrong(f"expected {shown(expected)} at the beginning of {shown(actual)}")

    def example(self) -> str:
        return text_of(self.starts_with)


def _missing(texts: Sequence[str], response: Response, ignore_case: bool) -> list[str]:  # noqa: FBT001 - private, and named alike at each call
    forms = _forms(response.text, ignore_case)
    folded = ((text, fold(text, ignore_case=ignore_case) or text) for text in texts)
    return [text for text, part in folded if not any(part in form for form in forms)]


def _forms(text: str, ignore_case: bool) -> tuple[str, ...]:  # noqa: FBT001 - as above
    """The text folded, and once more without emphasis, where that differs."""
    bare = without_emphasis(text).strip()
    forms = (text,) if bare == text else (text, bare)
    return tuple(fold(form, ignore_case=ignore_case) for form in forms)


def _listed(texts: Sequence[str]) -> str:
    """At most four of the texts, quoted."""
    first = ", ".join(map(shown, texts[:4]))
    return first if len(texts) <= 4 else f"{first} and {len(texts) - 4} more"
