"""The checks for answers that are one value: a number, a letter of a multiple-choice question, a label.

Their readers are imported with the first of them: to compile their expressions costs 10 to 20 ms.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cached_property
from string import ascii_uppercase
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import clip, nearest, plain, quote
from pytest_benchmodels.graders.normalization import Scalar, right, shown, text_of, wrong

if TYPE_CHECKING:
    from pytest_benchmodels.graders.number_choice import Reading
    from pytest_benchmodels.graders.numerals import Numeral

__all__ = ["CHECKS", "Choice", "Label", "Number"]

_SHOWN_DIGITS = 40
_SHOWN_NUMBERS = 4
_READABLE = str.maketrans("", "", "\u00a4\u27e8\u27e9")  # what the plain notation of numbers adds


class Number(Grader, frozen=True, dict=True):
    r"""The answer's number equals this one.

    Looked for after `####`, in `\boxed{}`, after "the answer is", emphasised, and then in what is left. An answer that
    gives several (`17 or 18`) or denies it (`not 18`) gives none. Numbers are compared as decimals, exactly, unless a
    tolerance is given; of the two tolerances the wider one holds. A value that is a text is read by the same rule as an
    answer, so that `"#### 18"` of a dataset is a value; it has to give one number.
    """

    number: int | float | str
    tolerance: Annotated[float, Meta(ge=0)] = 0.0
    relative_tolerance: Annotated[float, Meta(ge=0)] = 0.0

    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance) and math.isfinite(self.relative_tolerance)):
            raise ValueError("a tolerance has to be a finite number, such as 0.01")
        _ = self._expected  # read now, so that a value that is no number is reported with its line

    def grade(self, response: Response) -> Grade:
        """Find the number and compare it."""
        from pytest_benchmodels.graders.number_reader import read_number  # noqa: PLC0415 - compiling its expressions costs 20 ms

        reading = read_number(response.text)
        found = reading.number
        if found is None:
            return self._not_one(reading, response)
        where = f"read {reading.place}: {shown(reading.text.translate(_READABLE))}"
        if self._equals(found):
            return right(f"found {_spelled(found)}, {where}")
        return wrong(f"expected {self._wanted()}, got {_spelled(found)}, {where}")

    def example(self) -> str:
        return text_of(self.number)

    @cached_property
    def _expected(self) -> Numeral:
        """The number asked for; ValueError where the value gives none, or several."""
        from pytest_benchmodels.graders.number_reader import read_number  # noqa: PLC0415 - as in `grade`
        from pytest_benchmodels.graders.numerals import Numeral  # noqa: PLC0415 - as above

        if not isinstance(self.number, str):
            value = Decimal(repr(self.number))
            number: Numeral | None = Numeral(value, repr(self.number), 0, 0)
            several = ""
        else:
            reading = read_number(self.number)
            number, several = reading.number, _listed(reading)
        if number is None or not number.value.is_finite():
            said = f"{several} stand in it" if several else "no number was read in it"
            raise ValueError(
                f"`number` has to be one number, got {shown(str(self.number))}: {said}; write it in digits"
            )
        return number

    def _equals(self, found: Numeral) -> bool:
        from pytest_benchmodels.graders.numerals import within  # noqa: PLC0415 - as in `grade`

        expected = self._expected
        # 50% answers 50 and 0.5. Where both are percentages, or only the value is, there is nothing to choose.
        pairs = [(reading, expected.value) for reading in found.readings]
        if expected.percent:
            pairs = [(found.value, value) for value in (expected.readings if not found.percent else (expected.value,))]
        return any(within(value, wanted, self._margin(wanted)) for value, wanted in pairs)

    def _margin(self, wanted: Decimal) -> Decimal:
        return max(Decimal(repr(self.tolerance)), Decimal(repr(self.relative_tolerance)) * abs(wanted))

    def _not_one(self, reading: Reading, response: Response) -> Grade:
        if not reading.several:
            return wrong(f"expected {self._wanted()}, found no number in {shown(response.text)}")
        said = f"expected {self._wanted()}, found no single number but {_listed(reading)} in {shown(response.text)}"
        return Grade(0.0, passed=False, explanation=said, undecided=any(map(self._equals, reading.several)))

    def _wanted(self) -> str:
        spelled = text_of(self.number)
        value = _spelled(self._expected)
        told = f"{self._expected.value:f}"
        if isinstance(self.number, str) and spelled.strip() != told and len(told) <= _SHOWN_DIGITS:
            value = f"{told} (from {shown(spelled)})"
        within_text = f" within {self.tolerance:g}" if self.tolerance else ""
        if self.relative_tolerance:
            within_text += f" within {self.relative_tolerance:.6g} of its size"
        return value + within_text


def _spelled(number: Numeral) -> str:
    return clip(plain(number.text.translate(_READABLE).strip()), _SHOWN_DIGITS)


def _listed(reading: Reading) -> str:
    return " and ".join(_spelled(number) for number in reading.several[:_SHOWN_NUMBERS])


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


CHECKS: tuple[type[Grader], ...] = (Number, Choice, Label)
"""The checks of this family, in the order in which they are told."""
