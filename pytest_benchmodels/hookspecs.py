"""How users add checks, models, providers, file formats and reports: hooks for a conftest.py or a plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import Response
    from pytest_benchmodels.core.result import Result
    from pytest_benchmodels.core.scenario import Grader
    from pytest_benchmodels.providers.api_protocol import ApiProtocol

    Answer = str | Response

__all__ = [
    "pytest_bench_formats",
    "pytest_bench_graders",
    "pytest_bench_models",
    "pytest_bench_providers",
    "pytest_bench_reports",
    "pytest_bench_result",
    "pytest_bench_tools",
]


@pytest.hookspec
def pytest_bench_graders() -> list[type[Grader] | Callable[..., object]]:  # type: ignore[empty-body] # a specification has no body
    """Return Grader subclasses, and functions; each adds a check, named by its first field or by the function."""


@pytest.hookspec
def pytest_bench_formats() -> Mapping[str | tuple[str, ...], Callable[[Path, Any], object]]:  # type: ignore[empty-body] # a specification has no body
    """Return readers by the files that they read: `{".csv": read_csv, ("*.prompt.md", "*.prompt.txt"): read_prompt}`.

    A reader takes the file's path and its text (its bytes, where it declares that parameter as `bytes`). It returns a
    list of records, or yields them: each a mapping with the keys of a scenario, and with `line`, from 1, where it knows
    that. It may return a whole file's mapping instead, with `defaults` and `scenarios`; None for a file that it does
    not take for its own.
    """


@pytest.hookspec
def pytest_bench_models() -> Mapping[str, Callable[[Request], Answer | Awaitable[Answer]]]:  # type: ignore[empty-body]
    """Return functions that stand where models stand, by the names that they get there: `{"my/agent": ask}`.

    Called once, when the session starts, in each process. A sync function runs in a thread of its own.
    """


@pytest.hookspec
def pytest_bench_reports() -> Mapping[str, object]:  # type: ignore[empty-body] # the same
    """Return reports by the names that `--bench-report NAME=FILE` is to know.

    A report is a function `(path: Path, evaluation: Evaluation) -> None`, or a class or an object with such a method
    `write`. It writes its file to `path` when the session is over: in the one process, or on xdist's controller.
    """


@pytest.hookspec
def pytest_bench_providers() -> Mapping[str, ApiProtocol]:  # type: ignore[empty-body] # a specification has no body
    """Return protocols of your own over HTTP by provider name: `{"acme": Acme()}`; their models are `acme/NAME`.

    Called once, when the session starts, in each process.
    """


@pytest.hookspec
def pytest_bench_tools() -> Mapping[str, Callable[..., object]]:  # type: ignore[empty-body] # a specification has no body
    """Return functions that are tools, by the names that scenario files give them: `{"get_weather": get_weather}`.

    A function takes a call's arguments by name and returns a text, or what JSON can say; it may be async. A sync one
    runs in a thread of its own. It is called where a scenario has a tool of that name without `results`.
    """


@pytest.hookspec
def pytest_bench_result(result: Result) -> None:
    """Called once for each run's Result, where results come together: in the one process, or on the controller."""
