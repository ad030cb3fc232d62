"""An item's way through pytest's protocol, and the short way of those that nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import pytest

from .collect import RunItem
from .transport import attach

__all__ = ["Protocol"]

Stage = Literal["setup", "call", "teardown"]
_STAGES: tuple[Stage, ...] = ("setup", "call", "teardown")
_STEPS = ("protocol", "logstart", "setup", "call", "teardown", "makereport", "logreport", "logfinish")
_WAY = (*(f"pytest_runtest_{step}" for step in _STEPS), "pytest_report_teststatus", "pytest_bench_result")
_GUARDS = (
    *("_pytest", "pytest_benchmodels", "pytest_timeout", "_hypothesis_pytestplugin", "xdist"),
    "pytest_rerunfailures",
)
"""Who guards a test's code on that way: captures its output, limits its time, knows its exceptions, looks for leaks.

Or runs again what failed, and so has nothing to do with what passed.
"""

_HEAR_CALLS_ONLY = (
    *(f"_pytest.{name}" for name in ("cacheprovider", "logging", "main", "stepwise", "terminal")),
    "pytest_benchmodels",
)
"""Which of them do nothing about the report of a setup or a teardown that passed."""


class Protocol:
    """Reports items. One instance serves a session.

    Of a run that passed there is nothing left to run, capture or guard when it is reported. Its reports are made here
    then, at a fifth of what pytest's own way to them costs, unless a plugin or a conftest.py of this session has a part
    in that way. All other items go the whole way.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._hook = config.hook
        self._shows_setup: bool = config.option.setupshow

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Report one item. The last of a session, which has no next one, ends the session's fixtures as well."""
        if nextitem is not None and isinstance(item, RunItem) and _needs_no_guard(item) and self._is_unwatched:
            _report_passed(item, self._stages)
        else:
            self._hook.pytest_runtest_protocol(item=item, nextitem=nextitem)

    @cached_property
    def _is_unwatched(self) -> bool:
        if self._shows_setup:
            return False
        return all(_is_of(module, _GUARDS) for name in _WAY for module in self._modules(name))

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        """Those that somebody hears of: JUnit and a worker's controller want all three."""
        unheard = all(_is_of(module, _HEAR_CALLS_ONLY) for module in self._modules("pytest_runtest_logreport"))
        return ("call",) if unheard else _STAGES

    def _modules(self, hook: str) -> Iterator[str]:
        """The modules that implement a hook."""
        return (implementation.function.__module__ for implementation in getattr(self._hook, hook).get_hookimpls())


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _needs_no_guard(item: RunItem) -> bool:
    passed = item.result is not None and item.result.status == "passed"
    return passed and item.get_closest_marker("xfail") is None


def _report_passed(item: RunItem, stages: tuple[Stage, ...]) -> None:
    hook, nodeid, location = item.ihook, item.nodeid, item.location
    hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    for stage in stages:
        report = pytest.TestReport(
            nodeid=nodeid,
            location=location,
            keywords=dict.fromkeys(item.keywords, 1),
            outcome="passed",
            longrepr=None,
            when=stage,
            user_properties=list(item.user_properties),
        )
        attach(item, report)
        hook.pytest_runtest_logreport(report=report)
    item.teardown()
    hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
