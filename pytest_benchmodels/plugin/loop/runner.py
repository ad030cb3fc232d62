"""Collects and runs: in the one process, or in an xdist worker."""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Failure, Result, Timing
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.plugin.compat import let_go
from pytest_benchmodels.plugin.items.collection import RunItem, ScenarioFile, with_trials
from pytest_benchmodels.plugin.items.protocol import keep_from_retries
from pytest_benchmodels.plugin.items.transport import attach, is_of_run
from pytest_benchmodels.plugin.loop.process_guards import kept_open, no_silent_exit
from pytest_benchmodels.plugin.loop.session_loop import run_session
from pytest_benchmodels.plugin.session.bench import BENCH, Bench
from pytest_benchmodels.plugin.session.planning import print_plan
from pytest_benchmodels.plugin.session.report_files import read_durations, shard_of
from pytest_benchmodels.plugin.session.scenario_files import LEFT_OUT, NOTES, left_out_line
from pytest_benchmodels.plugin.workers.messages import WorkerConfig
from pytest_benchmodels.reports.units import result_properties
from pytest_benchmodels.reports.work import work_metadata

__all__ = ["Runner", "UnseenTerminal"]


class Runner:
    """The plugin object wherever items are collected."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._foreign_errors = 0

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """What agents work on is not collected; pytest asks for no folder that the command line names."""
        return self._bench.files.is_fixture(collection_path) or None

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
        try:
            own = self._bench.files.own_formats(parent.session, file_path.parent)
        except ConfigError as error:
            raise parent.CollectError(str(error)) from None
        if self._bench.files.is_scenario_file(file_path, own):
            return ScenarioFile.from_parent(parent, path=file_path)
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A worker's controller hears of failed reports only, and is to refuse the session as one process would."""
        report = yield
        is_ours = (
            isinstance(collector, ScenarioFile) or getattr(collector, "path", None) in self._bench.files.broken_folders
        )
        if is_ours and report.failed:
            report.bench_runs = self._bench.files.asked_runs  # type: ignore[attr-defined] # plain data crosses as it is
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._foreign_errors += report.failed and not hasattr(report, "bench_runs")

    def pytest_report_collectionfinish(self) -> str | list[str]:
        return left_out_line(self._bench.files.left_out) if self._bench.files.left_out else []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker has no terminal: its controller tells what it left out."""
        output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[LEFT_OUT] = self._bench.files.left_out
            output[NOTES] = list(self._bench.files.notes)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        shard = self._bench.settings.shard
        if shard is not None:
            runs = [item.nodeid for item in items if isinstance(item, RunItem)]
            mine = shard_of(runs, read_durations(config), shard)
            # Ordinary tests cannot be split by the runs' durations: they belong to the first part.
            others = [item for item in items if not isinstance(item, RunItem) and shard.number > 1]
            others += [item for item in items if isinstance(item, RunItem) and item.nodeid not in mine]
            _deselect(config, items, others)

    @pytest.hookimpl(tryfirst=True)  # before xdist tells the controller that this worker has collected
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Every plugin has had its say: these items are the session's. Whoever's loop runs them, none may get lost."""
        session.items[:] = with_trials(session.items)
        keep_from_retries(session)
        option = session.config.option
        if not (option.collectonly or getattr(option, "setuponly", False) or self._bench.settings.plan):
            self._bench.progress.expect(item.nodeid for item in session.items if isinstance(item, RunItem))
        if self._bench.worker_config is not None:
            from pytest_benchmodels.plugin.workers.worker import tell_collected  # noqa: PLC0415 - only a worker needs it

            tell_collected(session, self._bench.worker_config, self._bench.settings.patterns)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        option = session.config.option
        if option.collectonly or getattr(option, "setuponly", False):
            return None
        # Modules and items stay to the end. To search them for garbage again and again costs a tenth of a session with
        # 12,000 of them, and pytest's last look 10 ms in each worker. Garbage that the runs make is still found.
        gc.freeze()
        if self._bench.worker_config is not None:
            return self._worker_loop(session, self._bench.worker_config)
        if self._foreign_errors and not option.continue_on_collection_errors:
            plural = "s" if self._foreign_errors != 1 else ""
            raise session.Interrupted(f"{self._foreign_errors} error{plural} during collection")
        if self._bench.settings.plan:
            print_plan(session, self._bench)
        else:
            with kept_open(session.config), no_silent_exit(lambda: len(self._bench.progress.missing())):
                run_session(session, self._bench)
        return True

    def _worker_loop(self, session: pytest.Session, worker_config: WorkerConfig) -> bool | None:
        from pytest_benchmodels.plugin.workers.worker import interactor, run_worker  # noqa: PLC0415 - only a worker needs it

        xdist = interactor(session.config)
        if xdist is None:
            return None
        with kept_open(session.config):
            run_worker(session, self._bench, worker_config, xdist)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if isinstance(item, RunItem) and item.result is None and _is_skip(call):
            item.conclude(_skipped(item, str(call.excinfo.value) if call.excinfo else ""))
        report = yield
        if isinstance(item, RunItem):
            attach(item, report)
        return report

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item) -> bool | None:
        """The engine keeps a run's limit itself: a signal cannot know which of many runs is late."""
        return True if isinstance(item, RunItem) else None

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> bool | None:
        return True if isinstance(item, RunItem) else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_runtest_metadata(self, item: pytest.Item) -> dict[str, Any]:
        if isinstance(item, RunItem) and item.result is not None:
            return {**result_properties(item.result), **work_metadata(item.result)}
        return {}


class UnseenTerminal:
    """The plugin object of an xdist worker that lets pytest's terminal forget the reports of runs.

    Nobody sees it: the controller has a terminal of its own. But at its end it would go through all of them for each
    failure.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        yield
        if is_of_run(report):
            let_go(self._config, report)


def _deselect(config: pytest.Config, items: list[pytest.Item], others: list[pytest.Item]) -> None:
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]
    if others:
        config.hook.pytest_deselected(items=others)


def _is_skip(call: pytest.CallInfo[None]) -> bool:
    return call.when == "setup" and call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)


def _skipped(item: RunItem, reason: str) -> Result:
    return Result(
        nodeid=item.nodeid,
        scenario=item.scenario.id,
        model=item.model,
        trial=item.trial,
        status="skipped",
        timing=Timing(item.config.stash[BENCH].clock.now(), 0.0),
        error=Failure("skip", plain(reason)),
    )
