"""The checks for answers that choose: a letter of a multiple-choice question, a label of a classification.

Their readers are imported with the first of them: to compile their expressions costs 10 to 20 ms.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.grading import Grade, Grader
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.graders.normalization import Scalar, right, shown, text_of, wrong

__all__ = ["CHECKS", "Choice", "Label"]


class Choice(Grader, frozen=True):
    r"""The answer chooses this letter: `B`, `(B)`, `B) Paris`, `**B**`, `The answer is (B).`, `\boxed{B}`.

    The last explicit statement counts; an answer that names several letters without stating one chooses nothing.
    Letters other than those in `of` (`ABCD`) are never taken for a choice; by default all are known.
    """

    choice: str
    of: str = ascii_uppercase

    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (self.of.isascii() and self.of.isalpha()):
            raise ValueError(f"`of` has to list the letters to choose from, such as 'ABCD', got {shown(self.of)}")
        letter = self._letter()
        if not (len(letter) == 1 and letter.isascii() and letter.isalpha()):
            raise ValueError(f"`choice` has to be one letter, such as 'B' or '(B)', got {shown(self.choice)}")
        if letter not in self.of.upper():
            raise ValueError(f"`choice` has to be one of the letters {self.of!r} of `of`, got {shown(self.choice)}")

    def grade(self, response: Response) -> Grade:
        """Find the chosen letter and compare it."""
        from pytest_benchmodels.graders.choice_reader import find_letter  # noqa: PLC0415 - see above

        chosen = find_letter(response.text, self.of.upper())
        if chosen == self._letter():
            return right(f"chose {chosen}")
        if chosen is None:
            return wrong(f"expected {self._letter()}, found no single choice in {shown(response.text)}")
        return wrong(f"expected {self._letter()}, got {chosen}, read from {shown(response.text)}")

    def example(self) -> str:
        return self._letter()

    def _letter(self) -> str:
        return self.choice.strip(" ().").upper()


class Label(Grader, frozen=True):
    """The answer names this label and no other of `of`: `positive`, `**Positive**.`, `Sentiment: positive`.

    Case, quotes, emphasis, punctuation and a lead-in do not matter; a label that is denied (`not positive`) is not
    named. Labels are texts: a number or a truth value is one as it is spelled.
    """

    label: Scalar
    of: Annotated[tuple[Scalar, ...], Meta(min_length=2)]

    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        from pytest_benchmodels.graders.label_reader import label_key  # noqa: PLC0415 - see above

        known: dict[str, str] = {}
        for label in self._labels():
            key = label_key(label)
            if not key:
                raise ValueError("a label of `of` has to have a letter or digit in it")
            if key in known:
                raise ValueError(f"`of` has {quote(known[key])} and {quote(label)}, which answers cannot tell apart")
            known[key] = label
        if label_key(text_of(self.label)) not in known:
            listed = ", ".join(map(quote, known.values()))
            raise ValueError(
                f"`label` has to be one of {listed} of `of`, got {quote(text_of(self.label))}"
                f"{nearest(text_of(self.label), known.values())}"
            )

    def grade(self, response: Response) -> Grade:
        """Find the labels that are named; exactly one may be."""
        from pytest_benchmodels.graders.label_reader import find_labels, label_key  # noqa: PLC0415 - see above

        found = find_labels(response.text, self._labels())
        keys = [label_key(label) for label in found]
        wanted = text_of(self.label)
        if keys == [label_key(wanted)]:
            return right(f"named {quote(found[0])}")
        if not found:
            return wrong(f"expected {quote(wanted)}, found none of the labels in {shown(response.text)}")
        if len(found) == 1:
            return wrong(f"expected {quote(wanted)}, got {quote(found[0])}, read from {shown(response.text)}")
        said = f"expected {quote(wanted)} alone, found {' and '.join(map(quote, found[:4]))} in {shown(response.text)}"
        return Grade(0.0, passed=False, explanation=said, undecided=label_key(wanted) in keys)

    def example(self) -> str:
        return text_of(self.label)

    def _labels(self) -> list[str]:
        return [text_of(label) for label in self.of]


CHECKS: tuple[type[Grader], ...] = (Choice, Label)
"""The checks of this family, in the order in which they are told."""
