"""Where results come together, in the one process or on xdist's controller, and the lines that close a session."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_benchmodels.core.result import Record
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.plugin.compat import let_go
from pytest_benchmodels.plugin.items.collection import FailureRepr
from pytest_benchmodels.plugin.items.transport import Reruns, detach, gate_reports, is_of_run, is_rerun
from pytest_benchmodels.plugin.session.bench import Bench
from pytest_benchmodels.plugin.session.report_files import reports_for, write_durations, write_reports
from pytest_benchmodels.plugin.session.result_writer import ResultWriter
from pytest_benchmodels.plugin.session.user_models import answers, usage_errors
from pytest_benchmodels.plugin.session.verdicts import Verdicts
from pytest_benchmodels.providers.key import LEAST_HIDDEN_LENGTH
from pytest_benchmodels.reports.checks import check_lines
from pytest_benchmodels.reports.summary import (
    cost_lines,
    interval_lines,
    position_lines,
    stream_lines,
    summary_lines,
    tool_lines,
    wrapped,
)
from pytest_benchmodels.reports.units import dollars, name_limit, one_line, plural, short_name, tokens
from pytest_benchmodels.reports.work import WorkspaceTally
from pytest_benchmodels.statistics.metrics import Figures

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Price
    from pytest_benchmodels.plugin.session.bench import Bench
    from pytest_benchmodels.reports.bench_json import Evaluation
    from pytest_benchmodels.reports.own_report import Report
    from pytest_benchmodels.statistics.metrics import Figures, ModelFigures
    from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["Ending", "Reporter", "conclusion", "cost_notes", "markup_of_row", "markup_of_section"]

_NAME_LIMIT = 60
_NAMED_GATES = 3
_VERDICT = re.compile(r"  (better|worse)$")

Markup = Mapping[str, bool]
_GOOD: Markup = {"green": True}
_BAD: Markup = {"red": True}
_PLAIN: Markup = {}


class Ending(NamedTuple):
    """How a session ended: pytest's exit status, the gates, failed tests that are no runs, runs without a result."""

    status: int
    gates: Sequence[GateVerdict]
    others_failed: int
    missing: int


def conclusion(figures: Figures, ending: Ending) -> str:
    """`exit status 1: 2 of 40 runs failed, 1 error`."""
    if ending.status == pytest.ExitCode.INTERRUPTED:
        reasons = [
            f"interrupted; {plural(ending.missing, 'run')} without a result" if ending.missing else "interrupted"
        ]
    elif ending.gates:
        reasons = list(_gate_reasons(ending))
    else:
        reasons = list(_run_reasons(figures, ending))
    return f"exit status {int(ending.status)}: {', '.join(reasons)}"


def _gate_reasons(ending: Ending) -> Iterator[str]:
    failed = [verdict for verdict in ending.gates if not verdict.held]
    if not failed:
        yield f"{plural(len(ending.gates), 'gate')} held, and gates decide"
    for verdict in failed[:_NAMED_GATES]:
        model = f" ({one_line(verdict.model, _NAME_LIMIT)})" if verdict.model and verdict.gate.model == "*" else ""
        yield f"gate failed: {one_line(verdict.gate.text or str(verdict.gate), _NAME_LIMIT)}{model}"
    if len(failed) > _NAMED_GATES:
        yield f"{plural(len(failed) - _NAMED_GATES, 'more gate')} failed"
    yield from _other_reasons(ending)


def _run_reasons(figures: Figures, ending: Ending) -> Iterator[str]:
    statuses = figures.statuses
    failed = statuses["failed"] - figures.xfailed
    counts = ((failed, "failed"), (statuses["timeout"], "timed out"), (statuses["error"], "ended as an error"))
    bad = [f"{count} {what}" for count, what in counts if count]
    if bad:
        listed = " and ".join(filter(None, (", ".join(bad[:-1]), bad[-1])))
        yield f"of {plural(figures.runs, 'run')} {listed}"
    yield from _other_reasons(ending)
    if not bad and not ending.others_failed and not ending.missing:
        yield (
            "no run failed" if ending.status == pytest.ExitCode.OK else "no run failed, but not all could be collected"
        )


def _other_reasons(ending: Ending) -> Iterator[str]:
    if ending.missing:
        yield f"{plural(ending.missing, 'run')} without a result"
    if ending.others_failed:
        yield f"{plural(ending.others_failed, 'other failure')}"


def _markup_of_gate(line: str) -> Markup:
    """Green for a gate that held, red for one that did not."""
    return _GOOD if line.startswith("gate held") else _BAD


def markup_of_section(title: str, line: str) -> Markup:
    """Of a line before the summary: gates, and the models of a comparison that got better or worse."""
    if title == "gates":
        return _markup_of_gate(line)
    verdict = _VERDICT.search(line) if title == "comparison" and not line.startswith("model ") else None
    return _PLAIN if verdict is None else _GOOD if verdict[1] == "better" else _BAD


def markup_of_row(line: str, figures: Figures, width: int) -> Markup:
    """Of a line of the summary: green for a model all of whose answers passed, red for one with anything else."""
    if line.startswith("errors: "):
        return _BAD
    for model in figures.models:
        if line.startswith(f"{short_name(model.model, name_limit(width))} "):
            if model.errors or model.timeouts or model.passed < model.graded:
                return _BAD
            return _GOOD if model.graded else _PLAIN
    return _PLAIN


_ENTRY = "price = {input = ..., output = ...}"


def cost_notes(figures: Figures, bench: Bench) -> Iterator[str]:
    """Lines for below the summary's table."""
    has_budget = bench.settings.budget_usd is not None
    prices = {model.model: _price(bench, model.model) for model in figures.models}
    unknown = [model for model in figures.models if model.unpriced and not model.known_cost_usd]
    nameless = [plain(model.model) for model in unknown if prices[model.model] is None]
    if nameless:
        counted = " (the budget does not count them)" if has_budget else ""
        yield f"cost unknown: {', '.join(nameless)}{counted}; set {_ENTRY} of [model.NAME] in bench.toml"
    for model in figures.models:
        price = prices[model.model]
        if model.unpriced and (price is not None or model.known_cost_usd):
            yield _in_part(model, price, has_budget=has_budget)
        if price is not None and price.cached_input is None and model.known_cached_input_tokens and not price.is_free:
            yield _at_most(model, model.known_cached_input_tokens)


def _price(bench: Bench, name: str) -> Price | None:
    return bench.models.resolve(name).price


def _in_part(model: ModelFigures, price: Price | None, *, has_budget: bool) -> str:
    runs = plural(model.unpriced, "run")
    known = f", {dollars(None, model.known_cost_usd)}" if model.known_cost_usd else ""
    counted = "; the budget counts what is known" if has_budget else ""
    why = "requests whose tokens nobody told"
    if price is not None and price.cache_write is None:
        why += ", or that wrote to a cache for which there is no cache_write in price"
    return f"cost known in part: {plain(model.model)}{known}: {runs} had {why}{counted}"


def _at_most(model: ModelFigures, cached: int) -> str:
    """No provider takes more for what it has in its cache than for other input."""
    return (
        f"cost at most: {plain(model.model)}: {tokens(cached)} tokens came from the provider's cache and are priced as "
        "other input; set cached_input in its price"
    )


class Reporter:
    """The plugin object that keeps and tallies results, and writes the summary and the reports."""

    def __init__(self, config: pytest.Config, bench: Bench, writer: ResultWriter, verdicts: Verdicts) -> None:
        self._config = config
        self._bench = bench
        self._writer = writer
        self._verdicts = verdicts
        self._durations: dict[str, float] = {}
        self._not_reused: dict[str, int] = {}
        self._workspaces = WorkspaceTally()
        self._failed_runs = 0
        self._others_failed = 0
        self._exitstatus = 0
        self._gates: tuple[GateVerdict, ...] = ()
        self._reruns = Reruns()
        self._reports: Mapping[str, Report] = {}

    def pytest_sessionstart(self) -> None:
        """Look at the store and at the reports before workers do, and before anything is paid for."""
        self._writer.look()
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
        if is_rerun(report):
            self._reruns.add(record)
            return
        if self._reruns.so_far(report.nodeid) is not None:
            record = self._reruns.add(record)
            self._reruns.forget(report.nodeid)
        result = record.result
        if report.failed and not isinstance(report.longrepr, FailureRepr):
            # It comes from a worker: on the way it became a text.
            shown = FailureRepr.of(result, report.location, self._config)
            report.longrepr = shown  # type: ignore[assignment] # see there
        self._writer.keep(record)
        self._verdicts.add(result)
        self._bench.progress.count(result)
        self._failed_runs += report.failed
        self._workspaces.add(result)
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
        self._writer.close(interrupted=not ended)
        self._verdicts.close(self._bench.progress.nodeids)
        yield
        self._refuse_success(session)
        self._write_reports(session)

    def _refuse_success(self, session: pytest.Session) -> None:
        """Exit with failure if runs have no result, whatever the cause: a lost worker, a loop that ended early."""
        if int(session.exitstatus) == pytest.ExitCode.OK and self._bench.progress.missing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self, session: pytest.Session) -> None:
        """Let gates decide in place of single results; other failed tests and runs without a result still count."""
        others_failed = session.testsfailed > self._failed_runs
        progress = self._bench.progress
        self._gates = self._verdicts.gates(progress.nodeids)
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
            started_at=self._writer.started_at,
            duration_s=self._bench.clock.now() - self._writer.started_at,
            version=version("pytest-benchmodels"),
            concurrency=self._bench.settings.concurrency,
            exit_status=int(session.exitstatus),
            id=self._writer.run_id,
            shard=str(self._bench.settings.shard) if self._bench.settings.shard else None,
            sessions=self._writer.sessions,
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
            results=self._writer.results,
            transcripts=self._writer.transcripts,
            ze_models=self._verdicts.ze_models,
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
        for problem in self._writer.problems:
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
        if self._bench.settings.allow_code:
            from pytest_benchmodels.workspaces import told_confinement  # noqa: PLC0415 - few sessions need it

            yield f"code of answers was confined {told_confinement()}"
        yield from self._workspaces.notes(details=self._config.option.verbose > 0)
        for variable in self._bench.models.unhidden_keys:
            short = f"that of {plain(variable)} has fewer than {LEAST_HIDDEN_LENGTH} characters"
            yield f"key not hidden: {short}, and stands in outputs wherever a server repeats it; set a longer one"
        if self._config.option.verbose > 0:
            yield from interval_lines(figures)
            yield from position_lines(figures)
            yield from stream_lines(figures)
            yield from tool_lines(figures)
        yield from self._bench.files.notes
        if self._verdicts.ze_models:
            from pytest_benchmodels.reports.ze_lines import ze_lines  # noqa: PLC0415 - few sessions have such suites

            yield from ze_lines(self._verdicts.ze_models)
        yield from check_lines(figures.checks, details=self._config.option.verbose > 0)
        if self._config.option.verbose > 0:
            for why, count in sorted(self._not_reused.items()):
                yield f"{plural(count, 'run')} {'was' if count == 1 else 'were'} run: {plain(why)}"
        progress = self._bench.progress
        if missing := len(progress.missing()):
            left = f"{missing} of {plural(progress.total, 'run')}"
            stored = f" ({self._writer.ahead} of them are in the store)" if self._writer.ahead else ""
            yield f"stopped early: {left} have no result here{stored}"
        yield from self._writer.notes()

    def _figures(self) -> Figures:
        lanes = self._bench.lanes
        return self._verdicts.figures(self._bench.settings.concurrency, lanes.windows, lanes.pools)
