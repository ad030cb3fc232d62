"""Finds the values at a path in a JSON document: RFC 9535, in bounded time and memory whatever the document is.

The library is loaded with the first path: it takes 80 ms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, SupportsIndex

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.function_extensions import ExpressionType, FilterFunction

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.graders.normalization import shown
from pytest_benchmodels.graders.patterns import compile_pattern, search

__all__ = ["PathQuery"]

_LONGEST_PATH = 1_000
_STEPS = 200_000
_SECONDS = 10.0
_PATTERN_S = 1.0
_FREE_PATH = 200
"""A value is kept with the path to it: so many characters of that cost no more than a value without any."""


class PathQuery:
    """A path that was read, ready to be looked up. Raises ValueError for what is none."""

    def __init__(self, path: str) -> None:
        if len(path) > _LONGEST_PATH:
            raise ValueError(f"a path may have {_LONGEST_PATH:,} characters, this one has {len(path):,}")
        try:
            compiled = _ENVIRONMENT.compile(path)
        except RecursionError:
            raise ValueError(f"{shown(path)} is no JSONPath: it is nested too deeply") from None
        except JSONPathError as error:
            said = clip(plain(str(error).partition("\n")[0]), 200).strip()
            raise ValueError(f"{shown(path)} is no JSONPath, such as '$.items[0].price': {said}") from None
        assert isinstance(compiled, JSONPath)  # noqa: S101 - RFC 9535 has no compound paths
        self._path = compiled

    def values(self, document: Any) -> list[Any]:
        """What stands at the path, in the document's order. Raises `CheckError` where looking for it takes too long."""
        if not isinstance(document, dict | list):  # the library would take a text for a document to be read
            return [] if self._path.segments else [document]
        budget = _BUDGET.set(_Budget())
        try:
            found = [match.obj for match in self._path.finditer(_counted(document, 0))]
            return [value.source if isinstance(value, _Object | _Array) else value for value in found]
        except RecursionError:
            raise CheckError("the answer is nested too deeply for this path") from None
        except JSONPathError as error:
            raise CheckError(f"this path cannot be looked up in the answer: {plain(str(error))}") from None
        finally:
            _BUDGET.reset(budget)


@dataclass
class _Budget:
    """What one look-up may use: `$..*..*` visits each value once for each that it is inside of, filters go further."""

    steps: int = _STEPS
    deadline: float = field(default_factory=lambda: time.monotonic() + _SECONDS)

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0 or time.monotonic() > self.deadline:
            raise CheckError(
                f"to look this path up in the answer took more than {_STEPS:,} steps or {_SECONDS:g} s; "
                "name more of the path, or lower max_tokens for a shorter answer"
            )


_BUDGET: ContextVar[_Budget] = ContextVar("_BUDGET")


class _Object(dict[str, Any]):
    """An object whose members are paid for when they are visited, each with the path to it."""

    each = 1
    source: dict[str, Any]

    def items(self) -> Any:
        _BUDGET.get().spend(len(self) * self.each)
        return super().items()


class _Array(list[Any]):
    """The same for an array."""

    each = 1
    source: list[Any]

    def __iter__(self) -> Iterator[Any]:
        _BUDGET.get().spend(len(self) * self.each)
        return super().__iter__()

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            _BUDGET.get().spend(len(self) * self.each)
        return super().__getitem__(index)


def _counted(value: Any, path_length: int) -> Any:
    """The same value, in which visits are counted. Documents are at most 64 levels deep."""
    if not isinstance(value, dict | list):
        return value
    made: Any = (
        _Object({key: _counted(child, path_length + len(key)) for key, child in value.items()})
        if isinstance(value, dict)
        else _Array([_counted(child, path_length) for child in value])
    )
    made.each, made.source = 1 + path_length // _FREE_PATH, value
    return made


class _Pattern(FilterFunction):
    """`match` and `search`, with patterns that end: they may stand in the answer."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as the library declares it
    return_type = ExpressionType.LOGICAL

    def __init__(self, *, full: bool) -> None:
        self.full = full

    def __call__(self, value: object, pattern: object) -> bool:
        """Whether the pattern matches; false for what is no pattern, as the RFC has it."""
        if not isinstance(value, str) or not isinstance(pattern, str):
            return False
        try:
            compiled = _compiled(pattern)
        except ValueError:
            return False
        return search(compiled, value, full=self.full, timeout_s=_PATTERN_S) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return compile_pattern(pattern)


class _Environment(JSONPathEnvironment):
    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions["match"] = _Pattern(full=True)
        self.function_extensions["search"] = _Pattern(full=False)


_ENVIRONMENT = _Environment(strict=True)
