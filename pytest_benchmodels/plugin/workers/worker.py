"""The loop of an xdist worker: many runs at once, told which by the controller.

This is the one place that touches xdist's worker side. It needs of the `WorkerInteractor` that xdist registers its
`channel`, whose commands are `("runtests", {"indices": [...]})`, `("runtests_all", {})`, `("steal", {"indices": ...})`
and `("shutdown", {})`; `item_index`, which names the item of the reports that follow; and `sendevent`. `interactor`
says whether all of it is there. `tests/plugin/test_plugin_xdist_compat.py` watches it.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run, model_of_group
from pytest_benchmodels.core.user_code import innermost
from pytest_benchmodels.engine.dispatch import CallKey, Dispatch
from pytest_benchmodels.engine.grading import unwatched
from pytest_benchmodels.engine.lanes import Job, Lanes, LaneScheduler
from pytest_benchmodels.plugin.compat import end_fixtures, is_known, is_skipped
from pytest_benchmodels.plugin.items.collection import RunItem
from pytest_benchmodels.plugin.items.protocol import Protocol, idle_item
from pytest_benchmodels.plugin.items.transport import Collected
from pytest_benchmodels.plugin.loop.assembly import assemble
from pytest_benchmodels.plugin.loop.process_guards import ignored_interrupts
from pytest_benchmodels.plugin.session.bench import Bench
from pytest_benchmodels.plugin.workers.lanes import GrantedLanes
from pytest_benchmodels.plugin.workers.messages import GRANT, Signal, WorkerConfig, WorkerUpdate
from pytest_benchmodels.plugin.workers.overdue import Marks, OverdueRecords, records_path

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.workers.lanes import Maximum

__all__ = ["interactor", "run_worker", "tell_collected"]

_JUDGING = 2
_SHUTDOWN = ("shutdown", dict[str, Any]())
_ORPHANED = ("the controller is gone", dict[str, Any]())


class _EndedRun(NamedTuple):
    item_index: int
    result: Result


def _nothing() -> None:
    """Wakes nobody: there is no loop yet."""


def interactor(config: pytest.Config) -> Any | None:
    """The plugin of xdist's own in this worker, or None if it is not as we know it."""
    plugins = config.pluginmanager.get_plugins() if is_known() else ()
    return next((plugin for plugin in plugins if type(plugin).__name__ == "WorkerInteractor"), None)


def tell_collected(session: pytest.Session, worker_config: WorkerConfig, patterns: Sequence[str]) -> None:
    """Let the controller know what node ids do not say, before it hears that this worker has collected."""
    collected = Collected.of(session.items, patterns)
    if not collected:
        return
    xdist = interactor(session.config)
    if xdist is not None and worker_config.window is None:
        xdist.sendevent("unscheduled", indices=[int(Signal.COLLECTED), 0, 0, collected.as_text()])
    else:
        collected.leave(worker_config.marks_path)


def run_worker(session: pytest.Session, bench: Bench, worker_config: WorkerConfig, xdist: Any) -> None:
    """Run what the controller sends until it says that no more will come."""
    _Worker(session, bench, worker_config, xdist).run()


class _Worker:
    """One worker's session. Commands and results arrive in one inbox, so that one thread reports everything."""

    def __init__(self, session: pytest.Session, bench: Bench, worker_config: WorkerConfig, xdist: Any) -> None:
        self._session = session
        self._bench = bench
        self._xdist = xdist
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle = idle_item(session)
        self._protocol = Protocol(session.config, worker_config.audience)
        self._last_ordinary: int | None = None
        self._is_dismissed = False
        self._unreported = 0
        self._indices: dict[str, int] = {}  # of those that are in flight
        self._marks = Marks.open(worker_config.marks_path)
        self._records = OverdueRecords(records_path(self._marks.path))
        self._lane_scheduler = self._lane_scheduler_by(worker_config)
        self._wake: Callable[[], None] = _nothing

    def run(self) -> None:
        """Work until dismissed. A worker that cannot go on has to end as by a crash.

        If it ended in order, xdist would think that it had done its part, and what it held would be lost in silence.
        """
        try:
            self._work()
        except pytest.exit.Exception as error:
            # With another status xdist would not know that the session is to end.
            raise pytest.exit.Exception(error.msg, pytest.ExitCode.INTERRUPTED) from None
        except Exception as error:  # noqa: BLE001 - see above
            self._marks.leave_word(f"internal error in the worker: {innermost(error)}")
            os._exit(pytest.ExitCode.INTERNAL_ERROR)

    def _work(self) -> None:
        executor, close = assemble(self._bench, self._watch, self._keep_begun)
        lanes = Lanes(
            executor, self._lane_scheduler, lambda index, result: self._inbox.put(_EndedRun(index, result)), close
        )
        self._wake = lanes.wake
        with ignored_interrupts(), lanes:
            self._xdist.channel.setcallback(self._receive, endmarker=_ORPHANED)
            while not self._is_over() and (message := self._inbox.get()) != _ORPHANED:
                if isinstance(message, _EndedRun):
                    self._report_run(message)
                    lanes.reported(message.item_index)
                elif message == _SHUTDOWN:
                    self._is_dismissed = True
                else:
                    self._obey(message, lanes)
        self._end_fixtures()

    def _lane_scheduler_by(self, worker_config: WorkerConfig) -> LaneScheduler[int]:
        """With a scheduler of xdist's own, which sends many items ahead, workers keep to the lanes themselves."""
        if worker_config.window is None:
            return GrantedLanes(self._signal)
        from pytest_benchmodels.plugin.workers.lanes import FileLanes, can_share  # noqa: PLC0415 - with xdist's own schedulers only

        folder = Path(worker_config.lanes_path)
        if not can_share(folder):
            return Dispatch(worker_config.window)
        return FileLanes(self._bench.settings.concurrency, self._maxima_of, folder, self._look_again)

    def _look_again(self) -> None:
        self._wake()

    def _maxima_of(self, group: str) -> Sequence[Maximum]:
        from pytest_benchmodels.plugin.workers.lanes import Maximum  # noqa: PLC0415 - as above

        model = self._bench.models.resolve(model_of_group(group))
        maxima = [Maximum(f"model {group}", self._bench.lanes.window_of(model))]
        if model.max_in_flight is not None:
            maxima.append(Maximum(f"all of {model.id}", model.max_in_flight))
        shared = self._bench.models.shared_maximum(model)
        return maxima if shared is None else [*maxima, Maximum(*shared)]

    def _receive(self, message: tuple[str, dict[str, Any]]) -> None:
        """Called by the thread that reads: a rerun, in the midst of a report, has to know that the money is spent."""
        if message[0] == WorkerUpdate.COMMAND and message[1]["is_spent"]:
            self._bench.breaker.spend_all()
        self._inbox.put(message)

    def _is_over(self) -> bool:
        """A scheduler of xdist's own dismisses a worker that is to finish what it has; ours, one that is to stop."""
        finished = isinstance(self._lane_scheduler, GrantedLanes) or not self._unreported
        return self._stopping() or (self._is_dismissed and finished)

    def _stopping(self) -> bool:
        """Whether this worker's own failures reached `-x` or `--maxfail`; the controller reads why by itself."""
        return bool(self._session.shouldfail or self._session.shouldstop)

    def _obey(self, command: tuple[str, dict[str, Any]], lanes: Lanes[int]) -> None:
        name, arguments = command
        if name == "runtests":
            self._start(arguments["indices"], lanes)
        elif name == "runtests_all":
            self._start(range(len(self._session.items)), lanes)
        elif name == "steal":
            # All that was sent has started: there is nothing to take back.
            self._xdist.sendevent("unscheduled", indices=[])
        elif name == GRANT and isinstance(self._lane_scheduler, GrantedLanes):
            self._lane_scheduler.grant(CallKey(arguments["index"], arguments["number"]))
            lanes.wake()
        elif name == WorkerUpdate.COMMAND:
            WorkerUpdate(**arguments).apply(self._bench.models, self._bench.breaker)

    def _start(self, indices: Iterable[int], lanes: Lanes[int]) -> None:
        jobs, in_turn = [], []
        for index in indices:
            item = self._session.items[index]
            if isinstance(self._lane_scheduler, GrantedLanes) and self._lane_scheduler.grant(index):
                lanes.wake()
            elif isinstance(item, RunItem) and not is_skipped(item):
                self._indices[item.nodeid] = index
                jobs.append(Job(index, item.run()))
            else:
                in_turn.append(index)
        self._unreported += len(jobs)
        lanes.submit(jobs)
        self._report_in_turn(in_turn)

    def _report_in_turn(self, indices: Sequence[int]) -> None:
        """Ordinary tests, with the next one known; skipped runs among them end at once."""
        items = self._session.items
        for number, index in enumerate(indices, 1):
            following = indices[number] if number < len(indices) else None
            if self._stopping():
                return
            ordinary = not isinstance(items[index], RunItem)
            if ordinary:
                self._last_ordinary = index
            same_kind = following is not None and ordinary and not isinstance(items[following], RunItem)
            self._report(index, items[following] if following is not None and same_kind else self._idle)

    def _report_run(self, ended: _EndedRun) -> None:
        self._unreported -= 1
        item = self._session.items[ended.item_index]
        self._indices.pop(item.nodeid, None)
        if isinstance(item, RunItem):
            item.take(ended.result)
            self._report(ended.item_index, self._idle)

    def _report(self, index: int, nextitem: pytest.Item) -> None:
        self._xdist.item_index = index
        start = time.perf_counter()
        with self._marks.marked(index):
            self._protocol.run(self._session.items[index], nextitem)
        self._xdist.sendevent("runtest_protocol_complete", item_index=index, duration=time.perf_counter() - start)

    def _end_fixtures(self) -> None:
        """Tear down the session's fixtures, and report it on the last ordinary test if they fail at it."""
        if self._last_ordinary is None:
            return
        item = self._session.items[self._last_ordinary]
        self._xdist.item_index = self._last_ordinary
        call = pytest.CallInfo.from_call(lambda: end_fixtures(self._session), "teardown")
        if call.excinfo is not None:
            # The item's own teardown is over, and plugins have cleared away what they kept of it: no hook but this.
            report = pytest.TestReport.from_item_and_call(item, call)
            item.ihook.pytest_runtest_logreport(report=report)

    def _signal(self, signal: Signal, index: int, number: int, text: str) -> None:
        self._xdist.sendevent("unscheduled", indices=[int(signal), index, number, text])

    def _keep_begun(self, run: Run, answers: tuple[Response, ...]) -> None:
        """Tell the controller, where it would understand: a scheduler of xdist's own does not."""
        index = self._indices.get(run.nodeid)
        if index is None or self._bench.settings.store is None or not isinstance(self._lane_scheduler, GrantedLanes):
            return
        from pytest_benchmodels.store import Begun  # noqa: PLC0415 - few runs have several answers

        self._signal(Signal.BEGUN, index, 0, Begun.of(run, answers, self._bench.clock.now()).as_text())

    def _watch(self, run: Run) -> AbstractContextManager[Callable[[], None]]:
        index = self._indices.get(run.nodeid)
        return unwatched(run) if index is None else self._marked(run, index)

    @contextmanager
    def _marked(self, run: Run, index: int) -> Iterator[Callable[[], None]]:
        """A check that ends the process is the likely culprit, beside whatever is being reported meanwhile."""
        with self._marks.marked(index, _JUDGING), self._records.judging(run, index) as judged_anew:
            yield judged_anew
