"""The check that reads a number out of an answer."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from ..core.exchange import Response
from ..core.grading import Grade, Grader
from ..core.text import clip, plain
from .wording import right, shown, text_of, wrong

__all__ = ["Number"]

_SHOWN_DIGITS = 40


class Number(Grader, frozen=True):
    r"""The answer's number equals this one.

    The number that counts stands after the last `####`, else in the last `\boxed{}`, else it is the last number of the
    answer. Numbers are compared as decimals, exactly, unless a tolerance is given; of the two tolerances the wider one
    holds. A value that is a text is read by the same rule as an answer, so that `"#### 18"` of a dataset is a value.
    """

    number: int | float | str
    tolerance: Annotated[float, Meta(ge=0)] = 0.0
    relative_tolerance: Annotated[float, Meta(ge=0)] = 0.0

    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self._expected().is_finite():
            raise ValueError(f"`number` has to be a number, got {shown(str(self.number))}")
        if not (math.isfinite(self.tolerance) and math.isfinite(self.relative_tolerance)):
            raise ValueError("a tolerance has to be a finite number, such as 0.01")

    def grade(self, response: Response) -> Grade:
        """Find the number and compare it."""
        from .numerals import find_number, within  # noqa: PLC0415 - compiling its expressions costs 5 ms

        found = find_number(response.text)
        if found is None:
            return wrong(f"expected {self._wanted()}, found no number in {shown(response.text)}")
        actual = clip(plain(found.text), _SHOWN_DIGITS)
        if within(found.value, self._expected(), self._margin()):
            return right(f"found {actual}")
        return wrong(f"expected {self._wanted()}, got {actual}, read from {shown(response.text)}")

    def example(self) -> str:
        return text_of(self.number)

    def _expected(self) -> Decimal:
        """The number asked for; NaN where the value has none."""
        if not isinstance(self.number, str):
            return Decimal(repr(self.number))
        from .numerals import find_number  # noqa: PLC0415 - as in `grade`

        found = find_number(self.number)
        return found.value if found else Decimal("NaN")

    def _margin(self) -> Decimal:
        relative = Decimal(repr(self.relative_tolerance)) * abs(self._expected())
        return max(Decimal(repr(self.tolerance)), relative)

    def _wanted(self) -> str:
        value = clip(plain(text_of(self.number)), _SHOWN_DIGITS)
        within_text = f" within {self.tolerance:g}" if self.tolerance else ""
        if self.relative_tolerance:
            within_text += f" within {self.relative_tolerance:.6g} of its size"
        return value + within_text
