"""The check that measures how near an answer is to a text."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from ..core.errors import CheckError
from ..core.exchange import Response
from ..core.grading import Grade, Grader
from .normalization import fold, without_emphasis
from .wording import shown

__all__ = ["Similar"]

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
