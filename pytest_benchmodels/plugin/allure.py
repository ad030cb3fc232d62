"""Gives allure-pytest a run's real times: it takes those of pytest's hooks, in which a run that has ended is reported.

It has no public way to it; where it is another than we know, its own times stand.
`tests/plugin/test_plugin_others.py` watches it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_benchmodels.core.result import Result

from .collect import RunItem

__all__ = ["AllureTimes"]

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
