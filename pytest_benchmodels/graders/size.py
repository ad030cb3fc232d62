"""Checks that measure: how long the answer is, and how long it took."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from ..core.exchange import Response
from ..core.grading import Grade, Grader
from .normalization import count_words
from .wording import right, wrong

__all__ = ["MaxLatency", "MaxWords", "MinWords"]

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


def _counted(response: Response, rule: str, limit: int) -> Grade:
    count = count_words(response.text)
    passed = count >= limit if rule == "at least" else count <= limit
    if passed:
        return right(f"has {_words(count)}")
    return wrong(f"expected {rule} {_words(limit)}, got {count}")


def _words(count: int) -> str:
    return "1 word" if count == 1 else f"{count} words"
