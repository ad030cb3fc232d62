"""How users add checks, models and providers of their own: hooks for a conftest.py or a plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .core.exchange import Request, Response
    from .core.grading import Grader
    from .core.result import Result
    from .providers.api_protocol import ApiProtocol

    Answer = str | Response

__all__ = ["pytest_bench_graders", "pytest_bench_models", "pytest_bench_providers", "pytest_bench_result"]


@pytest.hookspec
def pytest_bench_graders() -> list[type[Grader] | Callable[..., object]]:  # type: ignore[empty-body] # a specification has no body
    """Return Grader subclasses, and functions; each adds a check, named by its first field or by the function."""


@pytest.hookspec
def pytest_bench_models() -> Mapping[str, Callable[[Request], Answer | Awaitable[Answer]]]:  # type: ignore[empty-body]
    """Return functions that stand where models stand, by the names that they get there: `{"my/agent": ask}`.

    Called once, when the session starts, in each process. A sync function runs in a thread of its own.
    """


@pytest.hookspec
def pytest_bench_providers() -> Mapping[str, ApiProtocol]:  # type: ignore[empty-body] # a specification has no body
    """Return protocols of your own over HTTP by provider name: `{"acme": Acme()}`; their models are `acme/NAME`.

    Called once, when the session starts, in each process.
    """


@pytest.hookspec
def pytest_bench_result(result: Result) -> None:
    """Called once for each run's Result, where results come together: in the one process, or on the controller."""
