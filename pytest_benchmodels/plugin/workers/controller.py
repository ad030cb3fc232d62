"""xdist's controller: prepares workers, schedules them, and completes the report of what a crash ended."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from pytest_benchmodels.core.message import Usage
from pytest_benchmodels.core.model import bill
from pytest_benchmodels.core.result import Account, Failure, Record, Result, Timing
from pytest_benchmodels.core.run import file_of, name_in_file, parse_run_name
from pytest_benchmodels.core.text import plain
from pytest_benchmodels.plugin.compat import Witness, WorkerBoot, blame_rightly, drop_testcase, is_known
from pytest_benchmodels.plugin.items.audience import Audience
from pytest_benchmodels.plugin.items.transport import (
    WORKER_CRASH,
    Collected,
    Reruns,
    carried_result,
    complete_crash,
    is_rerun,
    teardown_after,
)
from pytest_benchmodels.plugin.loop.process_guards import gentle_interrupts
from pytest_benchmodels.plugin.session.bench import Bench, Wanted, distant
from pytest_benchmodels.plugin.session.scenario_files import LEFT_OUT, NOTES, left_out_line
from pytest_benchmodels.plugin.workers.messages import WorkerConfig, WorkerUpdate
from pytest_benchmodels.plugin.workers.overdue import Marks, Watchdog
from pytest_benchmodels.plugin.workers.scheduler import LaneScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from pytest_benchmodels.core.model import Model

__all__ = ["Controller"]

_OURS = ("load", "worksteal")
_UNKNOWN_XDIST = "this pytest-xdist is not as pytest-benchmodels knows it: each worker does one run at a time"


class Controller:
    """The plugin object of a session that distributes its items."""

    def __init__(self, config: pytest.Config, bench: Bench) -> None:
        self._config = config
        self.bench = bench
        self._schedules = config.getoption("dist") in _OURS and is_known()
        if not is_known():
            config.issue_config_time_warning(pytest.PytestWarning(_UNKNOWN_XDIST), stacklevel=2)
        self._marks: dict[str, Marks] = {}
        self._watchdog = Watchdog(self._marks)
        self._reported: set[str] = set()
        self._reported_by: set[tuple[object, str]] = set()
        self._unanswered: set[str] = set()
        self._reruns = Reruns()
        self._updated_workers: list[WorkerController] = []
        self._folder = Path(tempfile.mkdtemp(prefix="benchmodels-"))
        self._dismissed: set[WorkerController] = set()
        self._crash: pytest.TestReport | None = None
        self._boot: WorkerBoot | None = None
        self._scenario_files: dict[str, bool] = {}
        self._asked: dict[str, str] = {}
        self._elsewhere: list[str] = []

    def hear_of(self, told: Collected | str) -> None:
        """Learn from a worker what it collected; or, as a text, the answers so far of a run that goes on (`Begun`)."""
        if isinstance(told, str):
            from pytest_benchmodels.store import Begun  # noqa: PLC0415 - few runs have several answers

            self.bench.keep_begun([Begun.from_text(told)])
            return
        self._scenario_files.update(dict.fromkeys(told.files, True))
        self._asked.update(told.asked)

    def is_dismissed(self, node: WorkerController) -> bool:
        """Whether the worker ended because it was told to, and not by a crash."""
        return node in self._dismissed

    def is_reported(self, nodeid: str) -> bool:
        """Whether the item's outcome arrived, even if its worker died right after."""
        return nodeid in self._reported

    def is_answered(self, nodeid: str) -> bool:
        """Whether the run's model answered it, so that its server may bear one call more."""
        return nodeid in self._reported and nodeid not in self._unanswered

    def take_back(self, nodeid: str, node: WorkerController) -> None:
        """Forget what a dead worker began to report of an item that runs again."""
        drop_testcase(self._config, nodeid, node)

    def more_workers(self) -> None:
        """Start further workers: there is more to do than those that are up have begun."""
        if self._boot is not None:
            self._boot.go_on()

    def update(self, node: WorkerController) -> None:
        """Tell a worker what the session knows: prices, models out of order, money spent."""
        self._updated_workers.append(node)
        self._send_update(node)

    def marked_by(self, node: WorkerController) -> Mapping[int, int]:
        """The items in whose user code this worker was when it ended, and how suspect each is."""
        marks = self._marks.get(node.gateway.id)
        return marks.read() if marks else {}

    def _last_words(self, node: WorkerController | None) -> str:
        """What the worker left for us when it ended, if it could."""
        marks = self._marks.get(node.gateway.id) if node is not None else None
        return plain(marks.last_words()) if marks else ""

    def models_of(self, collection: Sequence[str]) -> dict[int, str]:
        """The model's name for each item that is a run, by the item's place in the collection."""
        found = {}
        for index, nodeid in enumerate(collection):
            name = parse_run_name(nodeid)
            if name is not None and self._is_scenario_file(file_of(nodeid)):
                found[index] = name.model
        return found

    def prepare(self, runs: Iterable[tuple[str, str]]) -> dict[str, Model]:
        """Make ready for the models of runs, and for those that their checks ask, as workers told."""
        return self.bench.prepare(Wanted.by(runs, self._asked, elsewhere=self._elsewhere))

    def _is_scenario_file(self, path: str) -> bool:
        if path not in self._scenario_files:
            self._scenario_files[path] = self.bench.files.is_scenario_file(PurePosixPath(path))
        return self._scenario_files[path]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Let the first interrupt end the session in order: workers report what is done, and give up the rest."""
        self._watchdog.start()
        with gentle_interrupts(self._stop):
            return (yield)

    def _stop(self, signal_name: str) -> None:
        """Ask xdist's loop to stop, and wake it. It has no public way; `-x` sets the same attribute."""
        dsession: Any = self._config.pluginmanager.getplugin("dsession")
        dsession.shouldstop = f"{signal_name}; runs in flight were given up"
        if self._schedules:
            # The signal may have come while this thread held the queue's lock, and would wait for itself.
            wake: tuple[str, dict[str, object]] = ("unscheduled", {"node": None, "indices": []})
            threading.Thread(target=dsession.queue.put, args=(wake,), name="benchmodels-wake", daemon=True).start()

    def _silence_status_line(self) -> None:
        """Let xdist's status line rest: from here on it would be written over pytest's dots.

        xdist's own schedulers wait for all workers, ours starts with the first. It has no public way either.
        """
        status: Any = self._config.pluginmanager.getplugin("terminaldistreporter")
        if status is not None:
            status._isatty = False  # noqa: SLF001 - see above

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Each worker collects all: the largest count is the session's."""
        self.bench.files.asked_runs = max(self.bench.files.asked_runs, getattr(report, "bench_runs", 0))

    @pytest.hookimpl(optionalhook=True, trylast=True)  # when xdist has told of them all
    def pytest_xdist_setupnodes(self, specs: list[object]) -> None:
        self._elsewhere = distant(specs)
        if self._schedules:
            self._boot = WorkerBoot(self._config, specs)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        marks = self._marks[node.gateway.id] = Marks.create(self._folder / f"{node.gateway.id}.marks")
        share = None if self._schedules else max(1, self.bench.settings.concurrency // len(node.nodemanager.specs))
        worker_config = WorkerConfig(
            file=self.bench.file,
            sim_url=self.bench.sim_url,
            limits_path=str(self._folder / "limits.sqlite"),
            marks_path=marks.path,
            lanes_path=str(self._folder),
            window=share,
            resumed=self.bench.resumed,
            clock=self.bench.clock,
            audience=Audience.of(self._config),
        )
        worker_config.put(node.workerinput)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController, error: object | None) -> None:
        output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
        self.bench.files.left_out = max(self.bench.files.left_out, output.get(LEFT_OUT, 0))
        self.bench.files.notes.update(dict.fromkeys(output.get(NOTES, ())))
        if error is None:
            self._dismissed.add(node)

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Generator[None, object, object]:
        scheduler = yield
        if self._schedules:
            return LaneScheduling(config, self)
        blame_rightly(scheduler, Witness(lambda node, nodeid: (node, nodeid) in self._reported_by, self.marked_by))
        return scheduler

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: WorkerController, ids: Sequence[str]) -> None:
        """Make ready for the models where a scheduler of xdist's own distributes the items."""
        self.hear_of(Collected.left(self._folder / f"{node.gateway.id}.marks"))
        if self._boot is not None:
            self._boot.came_up()
        if self._schedules:
            self._silence_status_line()
        else:
            models = self.models_of(ids)
            self.prepare((model, ids[index]) for index, model in models.items())
            times = len(node.nodemanager.specs) if self._config.getoption("dist") == "each" else 1
            self.bench.progress.expect([ids[index] for index in models] * times)
            self.update(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        name = parse_run_name(crashitem)
        if name is None or not self.models_of([crashitem]):
            return
        worker: Any = getattr(report, "node", None)
        died = f"worker {worker.gateway.id} died while it had this run" if worker else "its worker died"
        words = self._last_words(worker) or "a check, a hook or the system ended the process"
        # What its requests took is unknown: who could tell is dead.
        took = bill(self.bench.models.resolve(name.model).price, [Usage()])
        result = Result(
            nodeid=crashitem,
            scenario=name_in_file(name.scenario),
            model=name.model,
            trial=name.trial,
            status="error",
            timing=Timing(self.bench.clock.now(), 0.0),
            account=Account().billed(took),
            error=Failure(WORKER_CRASH, f"{died}: {words}"),
        )
        complete_crash(report, result)
        self._crash = report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        if is_rerun(report):
            # Its outcome is still to come, maybe from another worker.
            if (result := carried_result(report)) is not None:
                self._count_rerun(result)
        elif report.when == "call" or not report.passed:
            self._reported.add(report.nodeid)
            if not self._schedules:
                self._reported_by.add((getattr(report, "node", None), report.nodeid))
        yield
        if report is self._crash:
            # JUnit takes an item's properties from its teardown, which a crashed run never had.
            self._crash = None
            self._config.hook.pytest_runtest_logreport(report=teardown_after(report))

    def pytest_bench_result(self, result: Result) -> None:
        """Learn from each result, and tell the workers when it trips a model or spends the budget."""
        if result.response is None:
            self._unanswered.add(result.nodeid)
        self.bench.lanes.learn(result)
        counted = self._reruns.so_far(result.nodeid)
        self._count(result, None if counted is None else counted.result)
        self._reruns.forget(result.nodeid)

    def _count_rerun(self, result: Result) -> None:
        """Count a run that a plugin makes again: its money is spent, and more may follow."""
        counted = self._reruns.so_far(result.nodeid)
        self._count(self._reruns.add(Record(result)).result, None if counted is None else counted.result)

    def _count(self, result: Result, counted: Result | None) -> None:
        breaker = self.bench.breaker
        before = len(breaker.tripped), breaker.is_spent
        breaker.count(result, counted)
        if (len(breaker.tripped), breaker.is_spent) != before:
            for node in self._updated_workers:
                self._send_update(node)

    def _send_update(self, node: WorkerController) -> None:
        # A worker that just died refuses it.
        with suppress(OSError):
            if not node.shutting_down:
                node.sendcommand(
                    WorkerUpdate.COMMAND, **WorkerUpdate.of(self.bench.models, self.bench.breaker).as_arguments()
                )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One process says it when it has collected."""
        if self.bench.files.left_out and self._config.option.verbose >= 0:
            terminalreporter.write_line(left_out_line(self.bench.files.left_out))

    def pytest_unconfigure(self) -> None:
        self._watchdog.stop()
        for marks in self._marks.values():
            marks.close()
        shutil.rmtree(self._folder, ignore_errors=True)
