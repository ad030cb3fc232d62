"""The check that matches a regular expression."""

from __future__ import annotations

import math
import re
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.examples import specimen
from pytest_benchmodels.graders.normalization import compose, right, shown, shown_pattern, wrong

if TYPE_CHECKING:
    import regex
    import regex as regex_library

__all__ = ["CHECKS", "Regex", "compile_pattern", "find_match", "search"]

_PATTERN_LENGTH = 5_000
_COPIES = 20_000
"""`regex` lays out `(a{100}){100}` as 10,000 copies of `a`, of 400 bytes each."""

_TEXT_LENGTH = 500_000
"""Captured groups and backtracking cost about 170 bytes a character."""

_RECURSION = r"\(\?(?:R|[+-]?\d|&|P>)"
_TOKEN = re.compile(
    rf"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|(?P<recursion>{_RECURSION})|\{{(?P<count>\d+)(?:,\d*)?\}}?|.", re.DOTALL
)
_COUNT = re.compile(r"\{(\d+)")
_OTHER_SYNTAX = re.compile(r"\(\?(?:#|[a-zA-Z01-]*[xV])|\[[^\]]*\[")
"""Comments, verbose patterns and sets in sets, in which a bracket need not mean what `_TOKEN` takes it for."""


def compile_pattern(pattern: str, *, ignore_case: bool = False, by_line: bool = False) -> regex.Pattern[str]:
    """Compile a pattern; raise ValueError where it is none, or one that no machine should be asked to compile.

    `by_line`: `^` and `$` are the ends of each line.
    """
    import regex  # noqa: PLC0415 - 25 ms that only a suite with patterns pays

    if len(pattern) > _PATTERN_LENGTH:
        raise ValueError(f"a pattern may have {_PATTERN_LENGTH:,} characters, this one has {len(pattern):,}")
    _refuse_expansion(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `possible nested set` says nothing that a failing check does not
            flags = (regex.IGNORECASE if ignore_case else 0) | (regex.MULTILINE if by_line else 0)
            return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{shown_pattern(pattern)} is no pattern that can be compiled: {error}") from error


def search(pattern: regex.Pattern[str], text: str, *, full: bool = False, timeout_s: float = 10.0) -> str | None:
    """Return what was matched, or None; raise `CheckError` where that takes longer than `timeout_s` seconds."""
    match = find_match(pattern, text, full=full, timeout_s=timeout_s)
    return None if match is None else match[0]


def find_match(
    pattern: regex.Pattern[str], text: str, *, full: bool = False, timeout_s: float = 10.0
) -> regex.Match[str] | None:
    """Return the first match, or None; raise `CheckError` where that takes longer than `timeout_s` seconds.

    The interpreter is free for other threads meanwhile.
    """
    if len(text) > _TEXT_LENGTH:
        raise CheckError(
            f"a pattern is matched against at most {_TEXT_LENGTH:,} characters, the answer has {len(text):,}; "
            "lower max_tokens",
        )
    find = pattern.fullmatch if full else pattern.search
    try:
        match: regex.Match[str] | None = find(text, timeout=timeout_s, concurrent=True)
    except TimeoutError:
        raise CheckError(
            f"pattern {shown_pattern(pattern.pattern)} took more than {timeout_s:g} s on this answer; "
            "avoid repeats inside repeats, such as (a+)+",
        ) from None
    except MemoryError:
        raise CheckError(f"pattern {shown_pattern(pattern.pattern)} took too much memory on this answer") from None
    return match


def _refuse_expansion(pattern: str) -> None:
    """Raise ValueError where counted repeats multiply beyond all measure, or a group calls itself."""
    tokens = list(_TOKEN.finditer(pattern))
    if _OTHER_SYNTAX.search(pattern):
        recursive = re.search(_RECURSION, pattern) is not None
        copies = math.prod(max(1, int(count)) for count in _COUNT.findall(pattern))
    else:
        recursive = any(token["recursion"] for token in tokens)
        copies = _copies(tokens)
    if recursive:
        raise ValueError(
            f"{shown_pattern(pattern)} calls a group of its own, as in (?R) or (?1): such patterns are not taken"
        )
    if copies > _COPIES:
        raise ValueError(
            f"{shown_pattern(pattern)} repeats {copies:,} times when its counted repeats are multiplied, "
            f"and {_COPIES:,} is the limit; use * or + for one of them",
        )


def _copies(tokens: list[re.Match[str]]) -> int:
    """How many single items the pattern is laid out as: the sum over its items, each times the repeats around it."""
    groups = [[0]]  # the sizes of the items of each group that is still open
    for token in tokens:
        if token["count"]:
            groups[-1][-1] *= max(1, int(token["count"]))
        elif token[0] == "(":
            groups.append([0])
        elif token[0] == ")" and len(groups) > 1:
            size = sum(groups.pop())
            groups[-1].append(size)
        else:
            groups[-1].append(1)
    return sum(map(sum, groups))


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


CHECKS: tuple[type[Grader], ...] = (Regex,)
"""The checks of this family, in the order in which they are told."""
