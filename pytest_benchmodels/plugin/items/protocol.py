"""An item's way through pytest's protocol, the short way where nobody watches, and what other plugins want of it."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.compat import reported_id
from pytest_benchmodels.plugin.items.collection import FailureRepr, RunItem
from pytest_benchmodels.plugin.items.transport import attach, decisive_stage

__all__ = ["AllureTimes", "IdleItem", "Protocol", "hears_outcomes_only", "idle_item", "keep_from_retries"]


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
_RERUNS = "pytest_rerunfailures"
_GUARDS = ("_pytest", "pytest_benchmodels", "pytest_timeout", "_hypothesis_pytestplugin", "xdist", _RERUNS)
"""Who guards a test's code on that way: captures its output, limits its time, knows its exceptions, looks for leaks.

Or runs again what failed, and so has nothing to do with what passed.
"""

_HEAR_OUTCOMES_ONLY = (
    *(f"_pytest.{name}" for name in ("cacheprovider", "logging", "main", "stepwise", "terminal")),
    "pytest_benchmodels",
    "xdist",
    _RERUNS,  # it hears of reruns only
)
"""Which of them do nothing about the report of a setup or a teardown that passed, but pass it on."""


def _is_logged_live(config: pytest.Config) -> bool:
    """Whether pytest shows records of `logging` as they come, each below the id of its test."""
    return config.option.log_cli_level is not None or bool(config.getini("log_cli"))


def hears_outcomes_only(config: pytest.Config) -> bool:
    """Whether nobody in this process wants more of a run than the one report that decides its outcome."""
    return all(_is_of(module, _HEAR_OUTCOMES_ONLY) for module in _modules(config.hook, "pytest_runtest_logreport"))


class Protocol:
    """Reports items. One instance serves a session; `heard_elsewhere` says that a controller wants all reports.

    When a run is reported it has its result: nothing is left to run, capture or guard. So its reports are made here, at
    a fifth of what pytest's own way costs, unless a plugin or conftest.py of this session takes part in that way, or
    the author expects a failure. All other items go the whole way.
    """

    def __init__(self, config: pytest.Config, *, heard_elsewhere: bool = False) -> None:
        self._config = config
        self._hook = config.hook
        self._heard_elsewhere = heard_elsewhere
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
        return self._is_unwatched and (item.result.status == "passed" or not self._may_run_again)

    @cached_property
    def _may_run_again(self) -> bool:
        return any(_is_of(module, (_RERUNS,)) for module in _modules(self._hook, "pytest_runtest_protocol"))

    @cached_property
    def _is_unwatched(self) -> bool:
        option = self._config.option
        if option.setupshow or option.usepdb:
            return False
        return all(_is_of(module, _GUARDS) for name in _WAY for module in _modules(self._hook, name))

    @cached_property
    def _is_unheard(self) -> bool:
        return not self._heard_elsewhere and hears_outcomes_only(self._config)

    @cached_property
    def tells_start(self) -> bool:
        """Whether anybody does anything at the beginning of a run's reports."""
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        shows = terminal is not None and (terminal.showlongtestinfo or terminal.showfspath)
        return shows or self._tells("logstart", ("_pytest.logging", "_pytest.terminal"))

    @cached_property
    def tells_finish(self) -> bool:
        """The same at their end; older versions of pytest's terminal wrote percentages then."""
        return self._tells("logfinish", ("_pytest.logging",))

    def _tells(self, step: str, quiet: tuple[str, ...]) -> bool:
        """Whether others than these implement a step, or pytest's logging has a use for it."""
        modules = list(_modules(self._hook, f"pytest_runtest_{step}"))
        others = not all(_is_of(module, quiet) for module in modules)
        return others or ("_pytest.logging" in modules and _is_logged_live(self._config))

    def _report(self, item: RunItem) -> None:
        hook, nodeid, location = self._hook_of(item), item.nodeid, item.location
        if self.tells_start:
            hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        if not self._is_unheard:
            item.tell()
        failure = item.failure()
        decisive = "call" if item.result is None else decisive_stage(item.result)
        for stage in (decisive,) if self._is_unheard else _STAGES:
            if stage == "call" and decisive == "setup":
                continue
            report = self._made(item, stage, failure if stage == decisive else None)
            hook.pytest_runtest_logreport(report=report)
        item.forget()
        if self.tells_finish:
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
            keywords={} if self._is_unheard else dict.fromkeys(item.keywords, 1),
            outcome="passed" if failure is None else "failed",
            longrepr=failure,  # type: ignore[arg-type] # whatever has a `toterminal` will do
            when=stage,
            user_properties=[] if self._is_unheard else list(item.user_properties),
        )
        attach(item, report)
        return report


def _modules(hook: Any, name: str) -> Iterator[str]:
    """The modules that implement a hook."""
    return (implementation.function.__module__ for implementation in getattr(hook, name).get_hookimpls())


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


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
