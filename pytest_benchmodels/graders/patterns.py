"""The check that matches a regular expression."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from ..core.errors import CheckError
from ..core.exchange import Response
from ..core.grading import Grade, Grader
from .matching import compile_pattern, search
from .normalization import compose
from .specimens import specimen
from .wording import right, shown, shown_pattern, wrong

if TYPE_CHECKING:
    import regex as regex_library

__all__ = ["Regex"]

_TRIAL_S = 0.2


class Regex(Grader, frozen=True, dict=True):
    """The pattern is found somewhere in the answer or, if `full`, matches the whole of it without outer white space.

    Syntax is that of the `regex` library, a superset of Python's `re`, without recursion; flags go into the pattern:
    `(?s)`, `(?m)`. A match that takes longer than `timeout` seconds is an error of the check, not a wrong answer.
    """

    regex: Annotated[str, Meta(min_length=1)]
    full: bool = False
    ignore_case: bool = False
    timeout: Annotated[float, Meta(gt=0, le=60)] = 10.0

    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _ = self._pattern  # compiled now, so that a wrong pattern is reported with its line

    def grade(self, response: Response) -> Grade:
        r"""Search the answer composed (NFC) and with `\n` at its lines' ends, then as it came.

        It may have up to 500,000 characters; `CheckError` beyond that.
        """
        text = response.text.strip() if self.full else response.text
        found = self._search(compose(text.replace("\r\n", "\n")), text)
        if found is not None:
            return right(f"{shown_pattern(self.regex)} matched {shown(found)}")
        where = "all of" if self.full else "somewhere in"
        return wrong(f"expected {shown_pattern(self.regex)} to match {where} {shown(response.text)}")

    def example(self) -> str | None:
        made = specimen(self.regex)
        try:
            if made is not None and search(self._pattern, made, full=self.full, timeout_s=_TRIAL_S) is not None:
                return made
        except CheckError:
            return None
        return None

    def _search(self, *texts: str) -> str | None:
        """The first match; a text that equals the one before it is not searched again."""
        for text in dict.fromkeys(texts):
            found = search(self._pattern, text, full=self.full, timeout_s=self.timeout)
            if found is not None:
                return found
        return None

    @cached_property
    def _pattern(self) -> regex_library.Pattern[str]:
        return compile_pattern(compose(self.regex), ignore_case=self.ignore_case)
