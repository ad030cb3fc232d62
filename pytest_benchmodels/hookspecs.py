"""How users add graders of their own: hooks for a conftest.py or a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .core.grading import Grader
    from .core.result import Result

__all__ = ["pytest_bench_graders", "pytest_bench_result"]


@pytest.hookspec
def pytest_bench_graders() -> list[type[Grader] | Callable[..., object]]:  # type: ignore[empty-body] # a specification has no body
    """Return Grader subclasses, and functions; each adds a check, named by its first field or by the function."""


@pytest.hookspec
def pytest_bench_result(result: Result) -> None:
    """Called once for each run's Result, where results come together: in the one process, or on the controller."""
