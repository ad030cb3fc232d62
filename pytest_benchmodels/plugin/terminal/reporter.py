"""Where results come together: in the one process, or on xdist's controller."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.record import Record
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.plugin.compat import let_go
from pytest_benchmodels.plugin.items.failure_repr import FailureRepr
from pytest_benchmodels.plugin.items.transport import WORKER_CRASH, detach, gate_reports, is_of_run, is_rerun
from pytest_benchmodels.plugin.reuse.result_keeper import Keeper
from pytest_benchmodels.plugin.session.bench import Bench, usage_errors
from pytest_benchmodels.plugin.session.durations import write_durations
from pytest_benchmodels.plugin.session.report_files import reports_for, write_reports
from pytest_benchmodels.plugin.session.user_models import answers
from pytest_benchmodels.plugin.session.verdicts import Verdicts
from pytest_benchmodels.plugin.terminal.closing_lines import (
    Ending,
    conclusion,
    cost_notes,
    markup_of_row,
    markup_of_section,
)
from pytest_benchmodels.providers.key import LEAST_HIDDEN_LENGTH
from pytest_benchmodels.reports.summary import cost_lines, interval_lines, summary_lines, wrapped
from pytest_benchmodels.reports.units import plural
from pytest_benchmodels.statistics.metrics import Figures, Tally

if TYPE_CHECKING:
    from pytest_benchmodels.reports.bench_json import Evaluation
    from pytest_benchmodels.reports.registry import Report
    from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["Reporter"]


class Reporter:
    """The plugin object that keeps and tallies results, and writes the summary and the reports."""

    def __init__(self, config: pytest.Config, bench: Bench, keeper: Keeper, verdicts: Verdicts) -> None:
        self._config = config
        self._bench = bench
        self._keeper = keeper
        self._verdicts = verdicts
        self._tally = Tally()
        self._durations: dict[str, float] = {}
        self._not_reused: dict[str, int] = {}
        self._failed_runs = 0
        self._others_failed = 0
        self._exitstatus = 0
        self._gates: tuple[GateVerdict, ...] = ()
        self._crashed: dict[str, Result] = {}
        self._reports: Mapping[str, Report] = {}

    def pytest_sessionstart(self) -> None:
        """Look at the store and at the reports before workers do, and before anything is paid for."""
        self._keeper.look()
        if not self._config.option.collectonly:
            with usage_errors():
                hook = self._config.hook.pytest_bench_reports
                self._reports = reports_for(self._bench.settings.outputs, lambda: answers(hook))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Keep a result before any other plugin hears of it."""
        is_of_a_run, record = is_of_run(report), detach(report)
        if record is not None:
            self._take(report, record)
        yield
        if is_of_a_run and record is None and report.passed:
            let_go(self._config, report)

    def _take(self, report: pytest.TestReport, record: Record) -> None:
        if (earlier := self._crashed.pop(report.nodeid, None)) is not None:
            record = replace(record, result=record.result.again_after(earlier))
        result = record.result
        if is_rerun(report):
            # The last result is the run's, with the bill of all that its worker made. A dead worker's is kept here.
            if result.error is not None and result.error.kind == WORKER_CRASH:
                self._crashed[report.nodeid] = result
            return
        if report.failed and not isinstance(report.longrepr, FailureRepr):
            # From a worker: on its way it became a text.
            shown = FailureRepr.of(result, report.location, self._config)
            report.longrepr = shown  # type: ignore[assignment] # see there
        self._keeper.keep(record)
        self._tally.add(result)
        self._verdicts.add(result)
        self._bench.progress.count(result)
        self._failed_runs += report.failed
        if result.reuse and not result.cached:
            self._not_reused[result.reuse] = self._not_reused.get(result.reuse, 0) + 1
        if result.status != "skipped" and not result.cached:
            self._durations[result.nodeid] = round(result.duration_s, 3)
        if self._is_heard:
            self._config.hook.pytest_bench_result(result=result)

    @cached_property
    def _is_heard(self) -> bool:
        """Whether anybody wants each result: by then every plugin and every conftest.py is there."""
        return bool(self._config.hook.pytest_bench_result.get_hookimpls())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None]:
        """Judge before other plugins write their reports; write ours when they have done so."""
        if self._bench.settings.shard is None:
            # Other parts split by the durations that they find: a part must not change them.
            write_durations(session.config, self._durations)
        self._others_failed = session.testsfailed - self._failed_runs
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if self._verdicts.decide and ended and self._bench.progress.total:
            self._judge(session)
        self._refuse_success(session)
        self._exitstatus = int(session.exitstatus)
        self._keeper.close(interrupted=not ended)
        self._verdicts.close(self._bench.progress.nodeids)
        yield
        self._refuse_success(session)
        self._write_reports(session)

    def _refuse_success(self, session: pytest.Session) -> None:
        """Whatever kept runs from a result (a worker that got lost, a loop that ended early): that is no success."""
        if int(session.exitstatus) == pytest.ExitCode.OK and self._bench.progress.missing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self, session: pytest.Session) -> None:
        """Let gates decide in place of single results; other failed tests and runs without a result still count."""
        others_failed = session.testsfailed > self._failed_runs
        progress = self._bench.progress
        self._gates = self._verdicts.gates(self._tally, progress.nodeids)
        session.testscollected += len(self._gates)  # or progress would tell of more than 100 %
        for verdict in self._gates:
            for report in gate_reports(verdict):
                self._config.hook.pytest_runtest_logreport(report=report)
        held = all(verdict.held for verdict in self._gates) and not progress.missing()
        session.exitstatus = pytest.ExitCode.OK if held and not others_failed else pytest.ExitCode.TESTS_FAILED

    def _write_reports(self, session: pytest.Session) -> None:
        outputs = self._bench.settings.outputs
        if not outputs or session.config.option.collectonly:
            return
        for problem in write_reports(outputs, self._reports, self._evaluation(session)):
            # The results are in the terminal and in JUnit: say so and fail, but lose nothing of them.
            self._say(f"ERROR: {problem}")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _say(self, problem: str) -> None:
        """Reports are written when pytest's summary is out: what goes wrong with them can only stand below it."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(problem, red=True)

    def _evaluation(self, session: pytest.Session) -> Evaluation:
        from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation  # noqa: PLC0415 - where a report was asked for

        run = BenchRun(
            started_at=self._keeper.started_at,
            duration_s=self._bench.clock.now() - self._keeper.started_at,
            version=version("pytest-benchmodels"),
            concurrency=self._bench.settings.concurrency,
            exit_status=int(session.exitstatus),
            id=self._keeper.run_id,
            shard=str(self._bench.settings.shard) if self._bench.settings.shard else None,
            sessions=self._keeper.sessions,
        )
        return Evaluation(
            run=run,
            figures=self._figures(),
            gates=self._gates,
            ranking=self._verdicts.ranking,
            comparison=self._verdicts.comparison,
            baseline=self._verdicts.baseline,
            coverage=self._verdicts.coverage(self._bench.progress.nodeids),
            not_started=self._verdicts.not_started(self._bench.progress.nodeids),
            results=self._keeper.results,
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None]:
        """Come last: hundreds of lines about failures would push the figures out of sight."""
        yield
        figures = self._figures()
        if figures.runs:
            width = self._config.get_terminal_writer().fullwidth
            for title, lines in self._verdicts.sections(self._gates, width):
                terminalreporter.write_sep("-", title)
                for line in lines:
                    for part in wrapped(line, width):
                        terminalreporter.write_line(part, **markup_of_section(title, line))
            terminalreporter.write_sep("=", "benchmark summary")
            markup = markup_of_row("", figures, width)
            for line in summary_lines(figures, width, self._notes(figures)):
                if not line.startswith(" "):  # what goes on from the line before looks as that does
                    markup = markup_of_row(line, figures, width)
                terminalreporter.write_line(line, **markup)
        for problem in self._keeper.problems:
            terminalreporter.write_line(problem, red=True)
        if figures.runs or (self._bench.progress.missing() and self._exitstatus == pytest.ExitCode.TESTS_FAILED):
            # pytest tells the summary of the status as it was before gates decided.
            ending = self._ending(self._exitstatus)
            good = ending.status == pytest.ExitCode.OK
            for part in wrapped(conclusion(figures, ending), self._config.get_terminal_writer().fullwidth):
                terminalreporter.write_line(part, green=good, red=not good)

    def _ending(self, exitstatus: int) -> Ending:
        return Ending(exitstatus, self._gates, self._others_failed, len(self._bench.progress.missing()))

    def _notes(self, figures: Figures) -> Iterator[str]:
        """What else a reader has to know of these figures."""
        yield from cost_notes(figures, self._bench)
        if self._config.option.verbose > 0:
            yield from cost_lines(figures)
        for variable in self._bench.models.unhidden_keys:
            short = f"that of {plain(variable)} has fewer than {LEAST_HIDDEN_LENGTH} characters"
            yield f"key not hidden: {short}, and stands in outputs wherever a server repeats it; set a longer one"
        if self._config.option.verbose > 0:
            yield from interval_lines(figures)
            for why, count in sorted(self._not_reused.items()):
                yield f"{plural(count, 'run')} {'was' if count == 1 else 'were'} run: {plain(why)}"
        progress = self._bench.progress
        if missing := len(progress.missing()):
            left = f"{missing} of {plural(progress.total, 'run')}"
            stored = f" ({self._keeper.ahead} of them are in the store)" if self._keeper.ahead else ""
            yield f"stopped early: {left} have no result here{stored}"
        yield from self._keeper.notes()

    def _figures(self) -> Figures:
        return self._tally.figures(self._bench.settings.concurrency, self._bench.lanes.windows, self._bench.lanes.pools)
