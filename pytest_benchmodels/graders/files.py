"""Checks of the files that a run left in its workspace."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.workspace import Workspace
from pytest_benchmodels.graders.documents import NotJsonError, parse
from pytest_benchmodels.graders.examples import specimen
from pytest_benchmodels.graders.globs import Globs, Patterns, path_fault
from pytest_benchmodels.graders.markdown import Markdown
from pytest_benchmodels.graders.nested_values import WantedValue
from pytest_benchmodels.graders.normalization import listed, right, shown, shown_pattern, wrong
from pytest_benchmodels.graders.patterns import compile_pattern, find_match
from pytest_benchmodels.graders.workspace_files import (
    UnreadableError,
    content_of,
    kind_of,
    listed_content,
    text_of,
    undecided,
    workspace_of,
)
from pytest_benchmodels.graders.workspace_text import OTHERS, TextConditions

if TYPE_CHECKING:
    import regex

    from pytest_benchmodels.graders.json_paths import PathQuery

__all__ = ["CHECKS", "Count", "FileCheck", "PatternCheck"]

_Text = Annotated[str, Meta(min_length=1)]
_Texts = _Text | tuple[_Text, ...]
_Seconds = Annotated[float, Meta(gt=0, le=60)]
_MOST_SEARCHED = 500_000
_MOST_OUTLINED = 200_000
_MOST_JSON = 1_000_000
_TOLD = 5
_MOST_COUNTED = 100_000
_LEAST_S = 1e-6
"""`regex` takes 0 for no limit."""


class FileCheck(Grader, frozen=True, dict=True):
    """A file is in the workspace, and is as it has to be; with `absent: true` or `exists: false`, it is not there.

    `contains` and `not_contains` are texts, `matches` patterns in which `^` and `$` are the ends of lines; `equals` is
    the whole text but for line breaks at its end, `equals_file` the same by a file beside the scenario. `json_path`:
    the file is one JSON document with a value at this path, which has to be `value`, where that is there; checks may
    stand in it, as in `arguments` of `tool_called`. `section_header`: titles of Markdown headings. `checks` are checks
    of its text, each as in such `arguments`.
    """

    file: Annotated[str, Meta(min_length=1, max_length=1000)]
    exists: bool = True
    absent: bool = False
    contains: _Texts = ()
    not_contains: _Texts = ()
    matches: _Texts = ()
    equals: str | None = None
    equals_file: str | None = None
    json_path: str = ""
    value: Any = UNSET
    section_header: _Texts = ()
    checks: tuple[Any, ...] = ()
    timeout: _Seconds = 10.0

    bounded: ClassVar[bool] = False
    needs_workspace: ClassVar[bool] = True
    file_options: ClassVar[tuple[str, ...]] = ("equals_file",)

    def __post_init__(self) -> None:
        if fault := path_fault(self.file):
            raise ValueError(fault)
        if self.file.endswith("/"):
            raise ValueError(f"{quote(self.file)} is a folder: name a file in it, or use `pattern` with `files:`")
        if "*" in self.file:
            raise ValueError(
                f"{quote(self.file)}: `file` is about one file; for all that fit use `pattern` with `files:`"
            )
        if self._is_absent and self._asks_more:
            raise ValueError("a file that is absent has no content: leave the other options out")
        if self.value is not UNSET and not self.json_path:
            raise ValueError("`value` is that at a `json_path`, and none is there")
        # Made now, so that what is wrong is reported with its line.
        _ = self._patterns, self._query, self._wanted, self._conditions

    def grade(self, context: GradingContext) -> Grade:
        """Look at the file; `CheckError` for a pattern or a path that takes too long."""
        workspace, name = workspace_of(context), quote(self.file)
        kind = kind_of(workspace, self.file)
        if self._is_absent:
            return Grade.of(kind == "nothing", f"{name} is {'not there' if kind == 'nothing' else _there(kind)}")
        if kind == "nothing":
            return wrong(f"expected {name}, and it is not there")
        try:
            content = content_of(workspace, self.file) if self._asks_more else b""
            text = text_of(content).replace("\r\n", "\n")
        except UnreadableError as reason:
            return undecided(f"{name} cannot be judged: it {reason}")
        if kind != "file":
            return wrong(f"expected a file {name}, found {kind}")
        faults = list(self._faults(text))
        if faults:
            return wrong(f"{name}: {'; '.join(faults)}")
        return right(f"{name} is as it has to be" if self._asks_more else f"{name} is there")

    def example_file(self) -> tuple[str, str] | None:
        """The file's path and a text that satisfies it, as far as one can be told: `sim/agent` writes that."""
        whole = next((each for each in (self.equals, self.equals_file) if each is not None), None)
        headings = (f"# {title}" for title in listed(self.section_header))
        parts = [*listed(self.contains), *filter(None, map(specimen, listed(self.matches))), *headings]
        if self._is_absent or (whole is None and not parts and self._asks_more):
            return None
        return self.file, "\n".join((*parts, "")) if whole is None else whole

    @property
    def _is_absent(self) -> bool:
        return self.absent or not self.exists

    @property
    def _asks_more(self) -> bool:
        whole = (self.equals, self.equals_file)
        parts = (self.contains, self.not_contains, self.matches, self.json_path, self.section_header, self.checks)
        return any(parts) or any(each is not None for each in whole)

    def _faults(self, text: str) -> Iterator[str]:
        yield from (f"it lacks {shown(each)}" for each in listed(self.contains) if each not in text)
        for each in listed(self.not_contains):
            if each in text:
                yield f"line {text.count(chr(10), 0, text.index(each)) + 1} has {shown(each)}, which must not be there"
        for whole in (self.equals, self.equals_file):
            if whole is not None and (fault := _difference(whole, text)):
                yield fault
        yield from self._unmatched(text)
        yield from self._json_faults(text)
        yield from self._missing_headings(text)
        if self._conditions is not None:
            yield from self._conditions.faults(text, "its text")

    def _unmatched(self, text: str) -> Iterator[str]:
        if self._patterns and len(text) > _MOST_SEARCHED:
            yield f"patterns are matched against at most {_MOST_SEARCHED:,} characters, it has {len(text):,}"
            return
        for pattern in self._patterns:
            if find_match(pattern, text, timeout_s=self.timeout) is None:
                yield f"{shown_pattern(pattern.pattern)} matches nothing in it"

    def _json_faults(self, text: str) -> Iterator[str]:
        if self._query is None:
            return
        where = shown(self.json_path)
        if len(text) > _MOST_JSON:
            yield f"JSON is read of up to {_MOST_JSON:,} characters, it has {len(text):,}"
            return
        try:
            found = self._query.values(_document(text))
        except NotJsonError as reason:
            yield f"it is no JSON document: {reason}"
            return
        if not found:
            yield f"it has nothing at {where}"
        elif self._wanted is not None:
            yield from filter(None, [self._wanted.fault(value, f"at {where}") for value in found][:_TOLD])

    def _missing_headings(self, text: str) -> Iterator[str]:
        titles = listed(self.section_header)
        if titles and len(text) > _MOST_OUTLINED:
            yield f"Markdown is read of up to {_MOST_OUTLINED:,} characters, it has {len(text):,}"
            return
        for title in titles:
            if not Markdown(headings=(title,)).grade(Response(text)).passed:
                yield f"it has no heading {quote(title)}"

    @cached_property
    def _patterns(self) -> list[regex.Pattern[str]]:
        return [compile_pattern(pattern, by_line=True) for pattern in listed(self.matches)]

    @cached_property
    def _query(self) -> PathQuery | None:
        if not self.json_path:
            return None
        from pytest_benchmodels.graders.json_paths import PathQuery  # noqa: PLC0415 - 80 ms, see there

        return PathQuery(self.json_path)

    @cached_property
    def _wanted(self) -> WantedValue | None:
        return None if self.value is UNSET else WantedValue(self.value, "value", OTHERS)

    @cached_property
    def _conditions(self) -> TextConditions | None:
        return TextConditions(self.checks, "checks") if self.checks else None


def _there(kind: str) -> str:
    return "there, and must not be" if kind == "file" else f"{kind}, and nothing must be there"


def _document(text: str) -> object:
    if text.lstrip()[:1] in ("`", "~"):  # `parse` would take what a model fenced, but nobody else does
        raise NotJsonError("it begins with a fence of Markdown")
    return parse(text)


def _difference(wanted: str, text: str) -> str:
    """The first line in which two texts differ; empty where none does."""
    expected, found = wanted.replace("\r\n", "\n").rstrip("\n").split("\n"), text.rstrip("\n").split("\n")
    if expected == found:
        return ""
    pairs = enumerate(zip(expected, found, strict=False), 1)
    number, one, other = next(((n, a, b) for n, (a, b) in pairs if a != b), (0, "", ""))
    if number:
        return f"line {number}: expected {shown_line(one)}, got {shown_line(other)}"
    return f"expected {len(expected):,} lines, it has {len(found):,}"


def shown_line(line: str) -> str:
    """A line in quotes, cut; its white space is part of it."""
    return quote(line[:200], 80)


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often at `least` and at `most`."""

    least: Annotated[int, Meta(ge=0)] = 0
    most: Annotated[int, Meta(ge=0)] | None = None


class PatternCheck(Grader, frozen=True, dict=True):
    """A pattern is found in the files of the workspace that fit `files`; with `absent: true`, in none of them.

    `^` and `$` are the ends of lines. `count` is how often it is found, all files together: a number, or `least` and
    `most`. Binary files are passed over, and so are `node_modules` and `.git` unless `files` names them. To search all
    files may take `timeout` seconds.
    """

    pattern: Annotated[str, Meta(min_length=1)]
    files: Patterns = "**"
    count: Annotated[int, Meta(ge=0)] | Count | None = None
    absent: bool = False
    ignore_case: bool = False
    timeout: _Seconds = 10.0

    bounded: ClassVar[bool] = False
    needs_workspace: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files: the list is empty: leave it out for all files")
        if self.absent and self.count is not None:
            raise ValueError("`absent: true` is a count of 0: leave `count` out")
        least, most = self._bounds
        if least > most:
            raise ValueError(f"count: at least {least} and at most {most} cannot both hold")
        if least == 0 and most == math.inf:
            raise ValueError("count: any number is at least 0: write `most`, or a number")
        if max(least, 0 if most == math.inf else most) >= _MOST_COUNTED:
            raise ValueError(f"count: up to {_MOST_COUNTED - 1:,} are counted")
        _ = self._compiled, self._globs

    def grade(self, context: GradingContext) -> Grade:
        """Search file by file; `CheckError` where that takes too long."""
        workspace = workspace_of(context)
        search = _Search(self._compiled, self.timeout)
        files = self._globs.of(workspace.names())
        least, most = self._bounds
        enough = least if most == math.inf else int(most) + 1
        for path in files:
            search.look_into(workspace, path, max(enough, _TOLD))
            if len(search.found) >= max(enough, _TOLD):
                break
        said = f"{shown_pattern(self.pattern)} was {search.told(len(files), self._globs.told())}"
        count = len(search.found)
        if count > most:
            return wrong(f"{said}; {'it must not be there' if most == 0 else f'expected at most {most}'}")
        if search.unread and (count < least or most < math.inf):
            return undecided(f"{said}; not searched: {search.unread_told()}")
        return right(said) if count >= least else wrong(f"{said}; expected {'at least ' * (most > least)}{least}")

    @property
    def _bounds(self) -> tuple[int, float]:
        if self.absent:
            return 0, 0
        if self.count is None:
            return 1, math.inf
        if isinstance(self.count, int):
            return self.count, self.count
        return self.count.least, math.inf if self.count.most is None else self.count.most

    @cached_property
    def _compiled(self) -> regex.Pattern[str]:
        return compile_pattern(self.pattern, ignore_case=self.ignore_case, by_line=True)

    @cached_property
    def _globs(self) -> Globs:
        return Globs(self.files)


class _Search:
    """Where a pattern was found so far, as `path:line`, and which files could not be searched."""

    def __init__(self, pattern: regex.Pattern[str], timeout_s: float) -> None:
        self._pattern = pattern
        self._timeout_s = self._left_s = timeout_s
        self.found: list[str] = []
        self.unread: list[str] = []

    def look_into(self, workspace: Workspace, path: str, most: int) -> None:
        """Search one file, until so many are found in all."""
        try:
            content = listed_content(workspace, path)
        except UnreadableError as reason:
            self.unread.append(f"{quote(path)} {reason}")
            return
        if b"\0" in content:
            return
        text = content.decode("utf-8", "replace").replace("\r\n", "\n")
        if len(text) > _MOST_SEARCHED:
            self.unread.append(f"{quote(path)} has more than {_MOST_SEARCHED:,} characters")
            return
        at, line, counted = 0, 1, 0
        while at <= len(text) and len(self.found) < most:
            match = self._next(text, at)
            if match is None:
                return
            line += text.count("\n", counted, match.start())
            counted = match.start()
            self.found.append(f"{path}:{line}")
            at = match.end() + (match.end() == match.start())

    def _next(self, text: str, at: int) -> regex.Match[str] | None:
        """The next match; what searching takes is taken from the time that is left for all files."""
        start = time.perf_counter()
        try:
            match: regex.Match[str] | None = self._pattern.search(text, at, timeout=self._left_s, concurrent=True)
        except TimeoutError:
            raise CheckError(
                f"pattern {shown_pattern(self._pattern.pattern)} took more than {self._timeout_s:g} s in these files; "
                "avoid repeats inside repeats, such as (a+)+, or name fewer files"
            ) from None
        except MemoryError:
            raise CheckError(f"pattern {shown_pattern(self._pattern.pattern)} took too much memory") from None
        self._left_s = max(self._left_s - (time.perf_counter() - start), _LEAST_S)
        return match

    def told(self, files: int, patterns: str) -> str:
        if not files:
            return f"found nowhere: no file fits {patterns}"
        if not self.found:
            return f"not found in {files:,} file{'s' * (files > 1)} that fit {patterns}"
        places = ", ".join(quote(place)[1:-1] for place in self.found[:_TOLD])
        more = f" and {len(self.found) - _TOLD:,} more" if len(self.found) > _TOLD else ""
        return f"found in {places}{more}"

    def unread_told(self) -> str:
        more = f" and {len(self.unread) - 3} more" if len(self.unread) > 3 else ""
        return ", ".join(self.unread[:3]) + more


CHECKS: tuple[type[Grader], ...] = (FileCheck, PatternCheck)
"""The checks of this family, in the order in which they are told."""
