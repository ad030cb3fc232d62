"""An item's way through pytest's protocol, the short way where nobody watches, and what other plugins want of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.compat import reported_id
from pytest_benchmodels.plugin.items.audience import RERUNS, XDIST, Audience, is_of, modules_of
from pytest_benchmodels.plugin.items.collection import FailureRepr, RunItem
from pytest_benchmodels.plugin.items.transport import attach, decisive_stage

__all__ = ["AllureTimes", "IdleItem", "Protocol", "idle_item", "keep_from_retries"]


class IdleItem(pytest.Item):
    """Never run. As `nextitem` it keeps session fixtures alive, and lets all narrower ones end.

    A real item would do only if it did come next: pytest tears down to what the two have in common, and then insists on
    it.
    """

    def runtest(self) -> None:
        raise RuntimeError("an idle item is never run")


def idle_item(session: pytest.Session) -> IdleItem:
    """One for this session."""
    return IdleItem.from_parent(session, name="benchmodels-idle")


Stage = Literal["setup", "call", "teardown"]
_STAGES: tuple[Stage, ...] = ("setup", "call", "teardown")
_STEPS = ("protocol", "logstart", "setup", "call", "teardown", "makereport", "logreport", "logfinish")
_WAY = (
    *(f"pytest_runtest_{step}" for step in _STEPS),
    "pytest_report_teststatus",
    "pytest_exception_interact",
    "pytest_bench_result",
)
_GUARDS = ("_pytest", "pytest_benchmodels", "pytest_timeout", "_hypothesis_pytestplugin", RERUNS, *XDIST)
"""Who guards a test's code on that way: captures its output, limits its time, knows its exceptions, looks for leaks.

Or runs again what failed, and so has nothing to do with what passed.
"""

_NOBODY = Audience()


class Protocol:
    """Reports items. One instance serves a session; `elsewhere` is who hears of them in another process.

    When a run is reported it has its result: nothing is left to run, capture or guard. So its reports are made here, at
    a fifth of what pytest's own way costs, unless a plugin or conftest.py of this session takes part in that way, or
    the author expects a failure. All other items go the whole way.
    """

    def __init__(self, config: pytest.Config, elsewhere: Audience = _NOBODY) -> None:
        self._config = config
        self._hook = config.hook
        self._elsewhere = elsewhere
        self._hooks: dict[Path, Any] = {}

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Report one item. The last of a session, which has no next one, ends the session's fixtures as well."""
        if nextitem is not None and isinstance(item, RunItem) and self._needs_no_guard(item):
            self._report(item)
        else:
            if isinstance(item, RunItem):
                item.tell()
            self._hook.pytest_runtest_protocol(item=item, nextitem=nextitem)

    def _needs_no_guard(self, item: RunItem) -> bool:
        if item.result is None or item.result.status == "skipped" or item.get_closest_marker("xfail") is not None:
            return False
        return self._is_unwatched and (item.result.status == "passed" or not self._may_run_again(item))

    def _may_run_again(self, item: RunItem) -> bool:
        return self._reruns is not None and self._reruns(item) is not None

    @cached_property
    def _reruns(self) -> Callable[[RunItem], object] | None:
        """How pytest-rerunfailures, where it is installed, tells how often an item is to run again; None for never."""
        called = [each.plugin for each in self._hook.pytest_runtest_protocol.get_hookimpls()]
        plugins = [plugin for plugin in called if getattr(plugin, "__name__", "") == RERUNS]
        return getattr(plugins[0], "get_reruns_count", lambda _: 1) if plugins else None

    @cached_property
    def _is_unwatched(self) -> bool:
        option = self._config.option
        if option.setupshow or option.usepdb:
            return False
        return all(is_of(module, _GUARDS) for name in _WAY for module in modules_of(self._hook, name))

    @cached_property
    def _audience(self) -> Audience:
        return Audience.of(self._config).joined_by(self._elsewhere)

    def _report(self, item: RunItem) -> None:
        hook, nodeid, location, audience = self._hook_of(item), item.nodeid, item.location, self._audience
        if audience.starts:
            hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        if audience.all_reports:
            item.tell()
        failure = item.failure()
        decisive = "call" if item.result is None else decisive_stage(item.result)
        for stage in _STAGES if audience.all_reports else (decisive,):
            if stage == "call" and decisive == "setup":
                continue
            report = self._made(item, stage, failure if stage == decisive else None)
            hook.pytest_runtest_logreport(report=report)
        item.forget()
        if audience.finishes:
            hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _hook_of(self, item: RunItem) -> Any:
        """The item's hooks: those of its folder's conftest.py files, which pytest looks up whenever it is asked."""
        hook = self._hooks.get(item.path)
        if hook is None:
            hook = self._hooks[item.path] = item.ihook
        return hook

    def _made(self, item: RunItem, stage: Stage, failure: FailureRepr | None) -> pytest.TestReport:
        """A report; without what nobody reads, where nobody does: pytest keeps each of them to the end."""
        report = pytest.TestReport(
            nodeid=reported_id(item),
            location=item.location,
            keywords=dict.fromkeys(item.keywords, 1) if self._audience.all_reports else {},
            outcome="passed" if failure is None else "failed",
            longrepr=failure,  # type: ignore[arg-type] # whatever has a `toterminal` will do
            when=stage,
            user_properties=list(item.user_properties) if self._audience.all_reports else [],
        )
        attach(item, report)
        return report


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
