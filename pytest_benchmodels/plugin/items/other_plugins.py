"""What other plugins want of runs: Allure a history of its own, pytest-retry to be told off."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.items.collection import RunItem

__all__ = ["AllureTimes", "keep_from_retries"]

_LISTENER = "allure_listener"


class AllureTimes:
    """The plugin object of a session with `--alluredir`."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        result = item.result if isinstance(item, RunItem) else None
        try:
            yield
        finally:
            if result is not None:
                _set_times(item, result)


def _set_times(item: pytest.Item, result: Result) -> None:
    listener: Any = item.config.pluginmanager.get_plugin(_LISTENER)
    cache, logger = getattr(listener, "_cache", None), getattr(listener, "allure_logger", None)
    case: Any = logger.get_test(cache.get(item.nodeid)) if cache is not None and logger is not None else None
    if hasattr(case, "start") and hasattr(case, "stop"):
        case.start = round(result.started_at * 1000)
        case.stop = round((result.started_at + result.duration_s) * 1000)


_NAME = "pytest-retry"
_SAID = (
    "pytest-retry runs no scenario again: --bench-retries repeats requests that failed, --bench-repeat runs all "
    "several times, and pytest-rerunfailures' --reruns runs failed ones again"
)


def keep_from_retries(session: pytest.Session) -> None:
    """Let it take none of the session's runs, and say so where it would have."""
    if not session.config.pluginmanager.hasplugin(_NAME):
        return
    asked = [item for item in session.items if isinstance(item, RunItem) and item.get_closest_marker("flaky")]
    for item in asked:
        item.add_marker(pytest.mark.flaky(condition=False), append=False)
    if asked and not hasattr(session.config, "workerinput"):
        warnings.warn(pytest.PytestWarning(_SAID), stacklevel=2)
