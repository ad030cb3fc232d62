"""What a command-line agent printed -> its answer, what it took, and what it says of its own failure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from pytest_benchmodels.core.agent import AgentOutput, EventCall, Place, parse_place
from pytest_benchmodels.core.message import ToolCall, ToolResult, Usage
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.providers.dialect import UnreadableError

__all__ = ["Printed", "read_output"]

_MOST = 2**53
_PATTERNS_S = 10.0
"""For how many seconds all patterns of a table may search one output: whoever wrote that may know them."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What was found. `text` is None where no answer stands in it; `error` is empty where the agent tells of none."""

    text: str | None
    thinking: str = ""
    usage: Usage = field(default_factory=Usage)
    served_model: str = ""
    finish_reason: str | None = None
    error: str = ""
    steps: int | None = None
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


def read_output(output: AgentOutput, printed: str, *, is_cut: bool = False, patterns_s: float = _PATTERNS_S) -> Printed:
    """Read it; raises `UnreadableError`, whose text completes "its output ...". It may take a while.

    `is_cut`: its beginning is missing. `patterns_s`: for how many seconds patterns may search it, all together.
    """
    if output.format == "text":
        return _Text(output, printed, patterns_s).read()
    return _Events(output, _documents(output, printed, is_cut=is_cut)).read()


def _documents(output: AgentOutput, printed: str, *, is_cut: bool) -> list[Any]:
    if output.format == "json":
        if is_cut:
            raise UnreadableError("is longer than what is kept of it, and JSON cannot be read without its beginning")
        document = _parsed(printed)
        if document is None:
            raise UnreadableError(f"is no JSON document: it begins with {quote(printed.strip())}")
        return document if isinstance(document, list) else [document]
    # Warnings may stand between the lines, and of what was cut the first line is a half.
    found = [each for each in map(_parsed, printed.splitlines()) if isinstance(each, dict)]
    if not found:
        raise UnreadableError(f"has no line that is a JSON object: it begins with {quote(printed.strip())}")
    return found[-1:] if output.format == "json_line" else found


def _parsed(text: str) -> Any:
    """What a JSON text stands for; None for any other."""
    text = text.strip()
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _Events:
    """Values by paths, in one document or in several events."""

    def __init__(self, output: AgentOutput, events: Sequence[Any]) -> None:
        self._output = output
        self._events = events

    def read(self) -> Printed:
        """All that stands in it."""
        output = self._output
        text = self._first(output.text)
        calls = list(self._calls())
        return Printed(
            text=text,
            thinking="\n\n".join(self._texts(output.thinking)),
            usage=_usage(output, self._figure),
            served_model=", ".join(dict.fromkeys(self._served())),
            finish_reason=self._first(output.finish_reason),
            error=self._error(text),
            steps=_steps(self._figure(output.steps), sum(len(self._all(path)) for path in output.steps)),
            calls=tuple(call for call, _ in calls),
            results=tuple(result for _, result in calls),
        )

    def _first(self, paths: Sequence[str]) -> str | None:
        """The text at the first of the paths that leads to one, in the last event that has it."""
        for path in paths:
            for event in reversed(self._events):
                for value in _at(event, path):
                    if isinstance(value, str):
                        return value
        return None

    def _all(self, path: str) -> list[Any]:
        return [value for event in self._events for value in _at(event, path)]

    def _texts(self, paths: Sequence[str]) -> Iterator[str]:
        for event in self._events:
            for path in paths:
                yield from (value for value in _at(event, path) if isinstance(value, str) and value.strip())

    def _served(self) -> Iterator[str]:
        for path in self._output.served_model:
            for event in reversed(self._events):
                if found := [value for value in _at(event, path) if isinstance(value, str) and value]:
                    yield from found
                    return

    def _figure(self, paths: Sequence[str]) -> float | None:
        found = [figure for event in self._events if (figure := _sum_of(event, paths)) is not None]
        if not found:
            return None
        return math.fsum(found) if self._output.sums else found[-1]

    def _error(self, text: str | None) -> str:
        """In the agent's own words: where it only says that there is one, what stands where its answer would."""
        for path in self._output.error:
            for event in reversed(self._events):
                for value in _at(event, path):
                    if value:
                        return _message(value) or text or f"{path} is {quote(value)}"
        return ""

    def _calls(self) -> Iterator[tuple[ToolCall, ToolResult]]:
        for event in self._events:
            for spec in self._output.calls:
                for found in _at(event, spec.at):
                    yield from _call(spec, found)


def _call(spec: EventCall, found: Any) -> Iterator[tuple[ToolCall, ToolResult]]:
    name = next((value for value in _at(found, spec.name) if isinstance(value, str)), None)
    if name is None:
        return
    identity = str(found.get("id") or found.get("callID") or "") if isinstance(found, Mapping) else ""
    told: Any = next(iter(_at(found, spec.arguments)), {}) if spec.arguments else {}
    arguments = told if isinstance(told, Mapping) else {spec.arguments.rpartition(".")[2]: told}
    result = next(iter(_at(found, spec.result)), "") if spec.result else ""
    said = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    yield ToolCall(identity, name, arguments), ToolResult(identity, said)


def _at(value: Any, path: str) -> list[Any]:
    """All that a path leads to."""
    found = [value]
    step: Place
    for step in parse_place(path):
        found = [each for one in found for each in step.find(one)]
    return found


def _sum_of(event: Any, paths: Sequence[str]) -> float | None:
    figures = [value for path in paths for value in _at(event, path) if _is_figure(value)]
    return math.fsum(figures) if figures else None


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _message(value: Any) -> str:
    """The words of an error: a text, or what an object says under the names that APIs use."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for path in ("message", "data.message", "error.message", "error"):
            for found in _at(value, path):
                if isinstance(found, str) and found:
                    return found
        return json.dumps(value, ensure_ascii=False)
    return ""


class _Text:
    """Values by patterns, each with one group, in plain text."""

    def __init__(self, output: AgentOutput, printed: str, limit_s: float) -> None:
        self._output = output
        self._printed = printed
        self._limit_s = limit_s
        self._ends_at = monotonic() + limit_s

    def read(self) -> Printed:
        """All that stands in it."""
        output = self._output
        text = self._last(output.text) if output.text else self._printed
        return Printed(
            text=None if text is None else text.strip(),
            thinking=self._last(output.thinking) or "",
            usage=_usage(output, self._figure),
            served_model=self._last(output.served_model) or "",
            finish_reason=self._last(output.finish_reason),
            error=self._last(output.error) or "",
            steps=_steps(self._figure(output.steps), sum(len(self._all(pattern)) for pattern in output.steps)),
        )

    def _last(self, patterns: Sequence[str]) -> str | None:
        for pattern in patterns:
            if found := self._all(pattern):
                last: str = found[-1]
                return last
        return None

    def _all(self, pattern: str) -> list[str]:
        """All that the pattern finds; other threads go on meanwhile."""
        import regex  # noqa: PLC0415 - 25 ms that only an agent with patterns pays

        try:
            left_s = max(self._ends_at - monotonic(), 0.0)
            found: list[str] = regex.findall(pattern, self._printed, regex.MULTILINE, timeout=left_s, concurrent=True)
        except TimeoutError:
            rule = "avoid repeats inside repeats, such as (a+)+, or have it print JSON"
            raise UnreadableError(
                f"takes more than {self._limit_s:g} s to search for {quote(pattern)}: {rule}"
            ) from None
        return found

    def _figure(self, patterns: Sequence[str]) -> float | None:
        found = [each for pattern in patterns for each in self._all(pattern)]
        figures = [figure for each in found if (figure := _written_figure(each)) is not None]
        if not figures:
            return None
        return math.fsum(figures) if self._output.sums else figures[-1]


_FIGURE = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?([kKmM]?)", re.ASCII)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


def _written_figure(text: str) -> float | None:
    """The number that is meant by `1,234`, `58k` or `1.2M`."""
    found = _FIGURE.fullmatch(text.strip())
    return None if found is None else float(found[1].replace(",", "")) * _UNITS[found[2].lower()]


def _steps(figure: float | None, count: int) -> int | None:
    """How many were taken; None where nothing tells it."""
    return round(figure) if figure is not None else count or None


def _usage(output: AgentOutput, figure: Any) -> Usage:
    def tokens(paths: Sequence[str]) -> int | None:
        value = figure(paths)
        return None if value is None else round(value)

    return Usage(
        input_tokens=tokens(output.input_tokens),
        output_tokens=tokens(output.output_tokens),
        cached_input_tokens=tokens(output.cached_input_tokens),
        cache_write_tokens=tokens(output.cache_write_tokens),
        reasoning_tokens=tokens(output.reasoning_tokens),
        stated_cost_usd=figure(output.cost_usd),
    )
