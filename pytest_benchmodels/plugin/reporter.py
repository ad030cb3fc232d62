"""Where results come together: in the one process, or on xdist's controller."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from importlib.metadata import version
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.metrics import Figures, Tally
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.reports.bench_json import BenchRun, write_bench_json
from pytest_benchmodels.reports.summary import summary_lines

from .bench import Bench
from .durations import write_durations
from .transport import detach

__all__ = ["Reporter"]


class Reporter:
    """The plugin object that tallies results and writes the summary and the reports."""

    def __init__(self, config: pytest.Config, bench: Bench) -> None:
        self._config = config
        self._bench = bench
        self._tally = Tally()
        self._durations: dict[str, float] = {}
        self._results: list[Result] = []
        self._started_at = time.time()
        self._problems: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = detach(report)
        if result is None:
            return
        self._tally.add(result)
        self._bench.progress.count(result)
        if result.status != "skipped":
            self._durations[result.nodeid] = round(result.duration_s, 3)
        if self._bench.settings.json_file is not None:
            self._results.append(result)
        self._config.hook.pytest_bench_result(result=result)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        write_durations(session.config, self._durations)
        if self._bench.settings.json_file is None or session.config.option.collectonly:
            return
        run = BenchRun(
            started_at=self._started_at,
            duration_s=time.time() - self._started_at,
            version=version("pytest-benchmodels"),
            concurrency=self._bench.settings.concurrency,
            exit_status=int(exitstatus),
        )
        try:
            write_bench_json(self._bench.settings.json_file, run, self._figures(), self._results)
        except ConfigError as error:
            # The results are in the terminal and in JUnit: say so and fail, but lose nothing of them.
            self._problems.append(str(error))
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None]:
        """Come last: hundreds of lines about failures would push the figures out of sight."""
        yield
        self._summarise(terminalreporter)

    def _summarise(self, terminalreporter: Any) -> None:
        figures = self._figures()
        if figures.runs:
            terminalreporter.write_sep("=", "benchmark summary")
            for line in summary_lines(figures, self._config.get_terminal_writer().fullwidth):
                terminalreporter.write_line(line)
            for line in self._unknown_prices(figures):
                terminalreporter.write_line(line)
        missing = self._bench.progress.total - self._bench.progress.done
        if missing > 0:
            terminalreporter.write_line(f"stopped early: {missing} of {self._bench.progress.total} runs have no result")
        for problem in self._problems:
            terminalreporter.write_line(f"ERROR: {problem}", red=True)

    def _unknown_prices(self, figures: Figures) -> Iterator[str]:
        """An unknown cost is not 0: say it once, and what follows for a budget."""
        names = [model.model for model in figures.models if model.graded and model.cost_usd is None]
        if names:
            counted = " (the budget does not count them)" if self._bench.settings.budget_usd is not None else ""
            price = "price = {input = ..., output = ...}"
            yield f"cost unknown: {plain(', '.join(names))}{counted}; set {price} of [model.NAME] in bench.toml"

    def _figures(self) -> Figures:
        return self._tally.figures(self._bench.settings.concurrency, self._bench.windows)
