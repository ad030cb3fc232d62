"""What a check's `extract` takes out of an answer before the check judges it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from pytest_benchmodels.core.scenario import Extraction
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders.documents import NotJsonError, extract
from pytest_benchmodels.graders.normalization import shown, shown_pattern

if TYPE_CHECKING:
    import regex as regex_library

    from pytest_benchmodels.graders.json_paths import PathQuery

__all__ = ["Extract"]

_WAYS = ("regex", "json_path", "last_number", "code_block", "after", "line")
_ALIASES = (
    ("python", "py", "python3"),
    ("javascript", "js"),
    ("typescript", "ts"),
    ("bash", "sh", "shell", "console"),
    ("yaml", "yml"),
    ("markdown", "md"),
    ("c++", "cpp"),
    ("c#", "csharp", "cs"),
)
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})[ \t]*(?P<language>[^\s`{,]*)")


class Extract(Extraction, frozen=True, dict=True):
    r"""One way to find a part of the answer, and whether it is `optional`.

    `regex`: the first match, of it the `group` (a number or a name; without it the first, where the pattern has one).
    `json_path`: the value at this path of the answer's one JSON document. `last_number`: in plain digits (`1,234` is
    1234). `code_block`: the first Markdown code block of this language, else the first without a language; `true` takes
    the first of any. `after`: what stands behind the last occurrence of this text. `line`: `first`, `last`, or its
    number, blank lines not counted. `ignore_case` goes with `regex` and `after`.
    """

    regex: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    group: int | str | UnsetType = UNSET
    json_path: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    last_number: Literal[True] | UnsetType = UNSET
    code_block: Annotated[str, Meta(min_length=1)] | Literal[True] | UnsetType = UNSET
    after: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    line: Literal["first", "last"] | Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    ignore_case: bool = False
    optional: bool = False

    def __post_init__(self) -> None:
        named = [way for way in _WAYS if getattr(self, way) is not UNSET]
        if len(named) != 1:
            got = " and ".join(named) or "none of them"
            raise ValueError(
                f"each step of `extract` is one of {', '.join(_WAYS)}, got {got}; several steps are a list"
            )
        if self.group is not UNSET and self.regex is UNSET:
            raise ValueError("`group` names a part of what `regex` matched: it stands beside `regex`")
        if self.ignore_case and named[0] not in ("regex", "after"):
            raise ValueError("`ignore_case` goes with `regex` and `after`")
        # Made now, so that what is wrong is reported with its line.
        if isinstance(self.regex, str):
            self._check_group(self._pattern)
        elif isinstance(self.json_path, str):
            _ = self._query

    @property
    def bounded(self) -> bool:
        """All but patterns and paths."""
        return self.regex is UNSET and self.json_path is UNSET

    def find(self, text: str) -> str | None:
        """The part, without white space around it; one that is empty is none."""
        found = self._find(text.replace("\r\n", "\n"))
        return found if found and found.strip() else None

    def told(self) -> str:
        """`after 'Answer:'`."""
        if isinstance(self.regex, str):
            return f"match of {shown_pattern(self.regex)}"
        if isinstance(self.json_path, str):
            return f"value at {shown(self.json_path)}"
        if self.last_number is True:
            return "number"
        if self.code_block is not UNSET:
            return "code block" if self.code_block is True else f"code block of {quote(self.code_block)}"
        if isinstance(self.after, str):
            return f"text after {quote(self.after)}"
        return f"{self.line} line" if isinstance(self.line, str) else f"line {self.line}"

    def around(self, part: str) -> str | None:
        """An answer with this part, but where it would stand inside of a pattern."""
        if isinstance(self.regex, str):
            return None
        if isinstance(self.json_path, str):
            names = re.fullmatch(r"\$((?:\.\w+)*)", self.json_path)
            value: object = part
            for name in reversed(names[1].split(".")[1:]) if names else ():
                value = {name: value}
            return json.dumps(value) if names else None
        if self.code_block is not UNSET:
            return f"```{'' if self.code_block is True else self.code_block}\n{part}\n```"
        if isinstance(self.after, str):
            return f"{self.after} {part}"
        return part if self.line in (UNSET, 1, "first", "last") else None

    def _find(self, text: str) -> str | None:
        if isinstance(self.regex, str):
            return self._matched(text)
        if isinstance(self.json_path, str):
            return self._at_path(text)
        if self.last_number is True:
            return _last_number(text)
        if self.code_block is not UNSET:
            return _code_block(text, "" if self.code_block is True else str(self.code_block).lower())
        if isinstance(self.after, str):
            return self._behind(text, self.after)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        index = {"first": 0, "last": -1}.get(self.line, 0) if isinstance(self.line, str) else int(str(self.line)) - 1
        return lines[index] if lines[index:] else None

    def _matched(self, text: str) -> str | None:
        from pytest_benchmodels.graders.patterns import find_match  # noqa: PLC0415 - beside `compile_pattern`, see there

        match = find_match(self._pattern, text)
        if match is None:
            return None
        group = min(1, self._pattern.groups) if isinstance(self.group, UnsetType) else self.group
        found: str | None = match[group]
        return None if found is None else found.strip()

    def _at_path(self, text: str) -> str | None:
        try:
            values = self._query.values(extract(text))
        except NotJsonError:
            return None
        if not values:
            return None
        value = values[0] if len(values) == 1 else values
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def _behind(self, text: str, mark: str) -> str | None:
        flags = re.IGNORECASE if self.ignore_case else 0
        places = [match.span() for match in re.finditer(re.escape(mark), text, flags)]
        if not places:
            return None
        start, end = places[-1]
        rest = text[end:]
        # Of `**Answer:** 42` the mark has taken one half of the emphasis.
        for emphasis in ("***", "**", "*", "__", "_"):
            if text[:start].endswith(emphasis) and rest.startswith(emphasis):
                rest = rest[len(emphasis) :]
                break
        return rest.strip()

    @cached_property
    def _pattern(self) -> regex_library.Pattern[str]:
        from pytest_benchmodels.graders.patterns import compile_pattern  # noqa: PLC0415 - only suites with patterns

        return compile_pattern(str(self.regex), ignore_case=self.ignore_case)

    def _check_group(self, pattern: regex_library.Pattern[str]) -> None:
        named: Any = pattern.groupindex
        known = [*range(pattern.groups + 1), *named]
        if self.group is not UNSET and self.group not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"{shown_pattern(str(self.regex))} has no group {quote(self.group)}: it has {listed}")

    @cached_property
    def _query(self) -> PathQuery:
        from pytest_benchmodels.graders.json_paths import PathQuery  # noqa: PLC0415 - 80 ms, see there

        return PathQuery(str(self.json_path))


def _last_number(text: str) -> str | None:
    from pytest_benchmodels.graders.numerals import find_numerals, plain_numbers  # noqa: PLC0415 - 20 ms of expressions

    found = [number for number in find_numerals(plain_numbers(text[-_READ:])) if number.value.is_finite()]
    if not found:
        return None
    value = found[-1].value
    return f"{value.quantize(1):f}" if value == value.to_integral_value() and abs(value) < _LARGEST else f"{value:f}"


_READ = 20_000
_LARGEST = 10**25
"""Beyond, whole numbers are written as they were read: `quantize` has 28 digits."""


def _code_block(text: str, language: str) -> str | None:
    """The first block of the language, else the first without any; an empty `language` stands for all."""
    asked = {language, *next((names for names in _ALIASES if language in names), ())}
    unlabelled: str | None = None
    for label, code in _code_blocks(text):
        if not language or label.lower() in asked:
            return code
        if not label and unlabelled is None:
            unlabelled = code
    return unlabelled


def _code_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block (CommonMark); one that is never closed goes to the end."""
    inside: list[str] = []
    fence = label = ""
    for line in text.split("\n"):
        if fence:
            bare = line.strip(" \t")
            if len(bare) >= len(fence) and bare == fence[0] * len(bare):
                yield label, "\n".join(inside)
                fence, inside = "", []
            else:
                inside.append(line)
        elif opening := _FENCE.match(line):
            fence, label = opening["fence"], opening["language"]
    if fence:
        yield label, "\n".join(inside)
