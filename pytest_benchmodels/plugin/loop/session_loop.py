"""The loop of the one process: ordinary tests first, then runs in the order in which they end."""

from __future__ import annotations

import queue
import shlex
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

import pytest

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.grading import Watch, unwatched
from pytest_benchmodels.engine.lanes import Job, Lanes
from pytest_benchmodels.plugin.compat import is_skipped
from pytest_benchmodels.plugin.items.collection import RunItem, asked_models
from pytest_benchmodels.plugin.items.protocol import IdleItem, Protocol, idle_item
from pytest_benchmodels.plugin.loop.assembly import assemble
from pytest_benchmodels.plugin.loop.process_guards import gentle_interrupts
from pytest_benchmodels.plugin.session.bench import Bench, Wanted
from pytest_benchmodels.plugin.session.report_files import read_durations
from pytest_benchmodels.plugin.workers.overdue import may_hold

__all__ = ["LanesToFree", "ResultQueue", "run_session"]


# To report a run takes a quarter of a millisecond, so no lane stays empty for long.
_FREED_TOGETHER = 32


def _nowhere(what: Iterable[object]) -> None:
    """Keeps nothing."""


class _GoesOn(NamedTuple):
    """A run's answers so far."""

    run: Run
    answers: tuple[Response, ...]


class ResultQueue:
    """A queue of results. `put` and `interrupt` may be called from any thread, and from a signal's handler.

    With `in_order`, results come out in that order, whichever came in first: `--sw` takes what stands before a failure
    for passed. An interrupt waits its turn: what has ended before it is reported. `keep` gets all that came in since
    it was called last, before any of it is taken; `keep_begun` the answers so far of runs that go on.
    """

    def __init__(
        self,
        in_order: Sequence[RunItem] = (),
        keep: Callable[[Iterable[tuple[Scenario, Result]]], None] = _nowhere,
        keep_begun: Callable[[Sequence[tuple[Run, tuple[Response, ...]]]], None] = _nowhere,
    ) -> None:
        self._keep = keep
        self._keep_begun = keep_begun
        self._waiting: deque[tuple[RunItem, Result] | str] = deque()
        self._queue: queue.SimpleQueue[tuple[RunItem, Result] | str | _GoesOn] = queue.SimpleQueue()
        self._order = deque(in_order)
        self._early: dict[RunItem, Result] = {}

    def put(self, item: RunItem, result: Result) -> None:
        self._queue.put((item, result))

    def put_begun(self, run: Run, answers: tuple[Response, ...]) -> None:
        """A run has come so far, and goes on."""
        self._queue.put(_GoesOn(run, answers))

    def interrupt(self, signal_name: str) -> None:
        """Let the session end as by Ctrl-C, after what has come in so far."""
        self._queue.put(signal_name)

    def take(self) -> tuple[RunItem, Result]:
        """Wait for the next result; raise pytest's `Interrupted` if the session is to end."""
        if not self._order:
            return self._next()
        wanted = self._order.popleft()
        while wanted not in self._early:
            item, result = self._next()
            self._early[item] = result
        return wanted, self._early.pop(wanted)

    @property
    def is_drained(self) -> bool:
        """Whether the next result may have to be waited for: all that came in so far is taken.

        With `in_order`, another run's result may be there, but that does not help the one that is next.
        """
        return self._order[0] not in self._early if self._order else not self._waiting

    def _next(self) -> tuple[RunItem, Result]:
        while not self._waiting:
            self._receive()
        received = self._waiting.popleft()
        if isinstance(received, str):
            raise pytest.Session.Interrupted(f"{received}; runs in flight were given up")
        return received

    def _receive(self) -> None:
        """Wait for one arrival, and take all others that are there by then."""
        arrivals = [self._queue.get()]
        while not self._queue.empty():
            arrivals.append(self._queue.get())
        if begun := [arrival for arrival in arrivals if isinstance(arrival, _GoesOn)]:
            self._keep_begun(begun)
        self._waiting += [arrival for arrival in arrivals if not isinstance(arrival, _GoesOn)]
        self._keep((arrival[0].scenario, arrival[1]) for arrival in self._waiting if not isinstance(arrival, str))


class LanesToFree:
    """Frees the lanes of runs that were reported, together for runs that ended together, at most 32 at once.

    Freed one by one, each would make the event loop start a run while the next is reported, and the two threads would
    take the interpreter from each other.
    """

    def __init__(self, result_queue: ResultQueue, free: Callable[..., None]) -> None:
        """`free` gets the runs."""
        self._result_queue = result_queue
        self._free = free
        self._reported: list[RunItem] = []

    def add(self, item: RunItem) -> None:
        """A run was reported. All lanes are freed before anybody waits for the next result, which may need one."""
        self._reported.append(item)
        if self._result_queue.is_drained or len(self._reported) >= _FREED_TOGETHER:
            self._free(*self._reported)
            self._reported.clear()


def run_session(session: pytest.Session, bench: Bench) -> None:
    """Run every item of the session; raise pytest's own Failed or Interrupted where it is to stop.

    A skipped run is reported without the engine: it must not call its model.
    """
    ordinary, skipped, runs = _sorted_out(session.items)
    bench.prepare(Wanted.by(((item.model, item.nodeid) for item in runs), asked_models(runs)))
    bench.progress.expect(item.nodeid for item in (*skipped, *runs))
    _leave_paths_out(session.config, (*skipped, *runs))
    idle = idle_item(session)
    protocol = Protocol(session.config)
    for number, item in enumerate(ordinary, 1):
        following = ordinary[number] if number < len(ordinary) else idle if skipped or runs else None
        _report(protocol, item, following)
    for left, skipped_run in zip(reversed(range(len(skipped))), skipped, strict=True):
        _report(protocol, skipped_run, idle if left or runs else None)
    if runs:
        _run_lanes(runs, bench, bench.lanes.dispatch(), idle, protocol)


def _leave_paths_out(config: pytest.Config, runs: Sequence[RunItem]) -> None:
    """Let pytest write plain dots, as with xdist, where runs of several files are going to end in any order.

    It would begin a line with the file's path whenever that is another than the one before.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and config.option.verbose <= 0 and len({item.path for item in runs}) > 1:
        reporter.ensure_newline()
        reporter.showfspath = False


def _report(protocol: Protocol, item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Report one item, and stop the session if that was enough (`-x`, `--maxfail`, `--sw`)."""
    protocol.run(item, nextitem)
    session = item.session
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


def _sorted_out(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[RunItem], list[RunItem]]:
    ordinary: list[pytest.Item] = []
    skipped: list[RunItem] = []
    runs: list[RunItem] = []
    for item in items:
        if not isinstance(item, RunItem):
            ordinary.append(item)
        elif is_skipped(item):
            skipped.append(item)
        else:
            runs.append(item)
    return ordinary, skipped, runs


def _run_lanes(
    runs: Sequence[RunItem], bench: Bench, dispatch: Dispatch[RunItem], idle: IdleItem, protocol: Protocol
) -> None:
    """Report runs as they end; in their own order for `--sw`, which then has them started in it too."""
    config = runs[0].config
    stepwise = bool(getattr(config.option, "stepwise", False))
    result_queue = ResultQueue(runs if stepwise else (), bench.keep_ahead, partial(_keep_begun, bench))
    durations = {} if stepwise else read_durations(config)
    to_do = [Job(item, item.run(), durations.get(item.nodeid)) for item in runs]
    with _watch(bench, config, [job.run for job in to_do]) as watch:
        executor, close = assemble(bench, watch, result_queue.put_begun)
        lanes = Lanes(executor, dispatch, result_queue.put, close)
        with gentle_interrupts(result_queue.interrupt), lanes:
            bench.progress.begin(bench.progress.total, lambda: lanes.in_flight)
            start = lanes.recall if bench.settings.reuse else lanes.submit
            start(to_do)
            lanes_to_free = LanesToFree(result_queue, lanes.reported)
            for left in reversed(range(len(runs))):
                item, result = result_queue.take()
                bench.lanes.learn(result)
                item.take(result)
                _report(protocol, item, idle if left else None)
                lanes_to_free.add(item)


def _keep_begun(bench: Bench, begun: Sequence[tuple[Run, tuple[Response, ...]]]) -> None:
    if bench.settings.store is not None:
        from pytest_benchmodels.store import Begun  # noqa: PLC0415 - few runs have several answers

        bench.keep_begun([Begun.of(run, answers, bench.clock.now()) for run, answers in begun])


def _watch(bench: Bench, config: pytest.Config, runs: Sequence[Run]) -> AbstractContextManager[Watch]:
    """Let another process look for checks that hold the interpreter, where there may be one."""
    if not any(map(may_hold, runs)):
        return nullcontext(unwatched)
    from pytest_benchmodels.plugin.workers.overdue import looked_after  # noqa: PLC0415 - where checks are not ours

    stored = bench.settings.store is not None
    words = [*map(str, config.invocation_params.args), "--bench-resume"]
    # A command that resumed a run already names it.
    command = shlex.join(dict.fromkeys(words))
    return looked_after(f"Its results so far are in the store; the others: pytest {command}" if stored else "")
