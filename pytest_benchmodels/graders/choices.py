"""The check for multiple-choice answers."""

from __future__ import annotations

from string import ascii_uppercase
from typing import ClassVar

from ..core.exchange import Response
from ..core.grading import Grade, Grader
from .wording import right, shown, wrong

__all__ = ["Choice"]


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
        from .letters import find_letter  # noqa: PLC0415 - compiling its expressions costs 10 ms

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
