"""Which xdist worker runs what: our scheduler, on the controller.

A worker gets as many runs as it has lanes, and the next one when one of them ends: nothing is sent ahead, so that no
hanging run holds another one back. It starts with the first worker that has collected, which has the lanes of all; the
others take over as these fall free. Ordinary tests go first, in
chunks of neighbours, so that their fixtures are shared as under xdist's own schedulers.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from xdist.report import report_collection_diff
from xdist.workermanage import parse_tx_spec_config

from pytest_benchmodels.engine.dispatch import CallKey, Dispatch
from pytest_benchmodels.plugin.items.transport import Collected
from pytest_benchmodels.plugin.session.report_files import read_durations
from pytest_benchmodels.plugin.workers.messages import GRANT, Signal

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.plugin.session.bench import Bench

__all__ = ["LaneScheduling"]

_CHUNKS_PER_WORKER = 4
_SIGNAL_PARTS = 4
_Key = int | CallKey


class SchedulerHost(Protocol):
    """What the scheduler asks of the controller."""

    bench: Bench

    def hear_of(self, told: Collected | str) -> None: ...

    def models_of(self, collection: Sequence[str]) -> dict[int, str]: ...

    def prepare(self, runs: Iterable[tuple[str, str]]) -> Mapping[str, Model]: ...

    def update(self, node: WorkerController) -> None: ...

    def more_workers(self) -> None: ...

    def take_back(self, nodeid: str, node: WorkerController) -> None: ...

    def is_reported(self, nodeid: str) -> bool: ...

    def is_answered(self, nodeid: str) -> bool: ...

    def is_dismissed(self, node: WorkerController) -> bool: ...

    def marked_by(self, node: WorkerController) -> Mapping[int, int]: ...


class LaneScheduling:
    """Implements `xdist.scheduler.Scheduling`. Items are known by their index in the collection.

    `config` is no part of that, but xdist's own schedulers have it, and pytest-rerunfailures asks for it.
    """

    def __init__(self, config: pytest.Config, controller: SchedulerHost) -> None:
        self.config = config
        self._controller = controller
        self._workers = len(parse_tx_spec_config(config))
        self._collection: list[str] | None = None
        self._is_scheduled = False
        self._collected_by: WorkerController | None = None
        self._ready: list[WorkerController] = []
        self._held: dict[WorkerController, list[int]] = {}
        self._models: dict[int, str] = {}
        self._chunks: deque[list[int]] = deque()
        self._dispatch: Dispatch[int] = Dispatch(1)
        self._in_flight_at_most = 1
        self._away: set[int] = set()
        self._wanting: dict[_Key, WorkerController] = {}
        self._calls: dict[CallKey, WorkerController] = {}
        self._holds: dict[tuple[_Key, str], WorkerController] = {}

    @property
    def nodes(self) -> list[WorkerController]:
        return list(self._held)

    @property
    def collection_is_completed(self) -> bool:
        """True from the first collection on: the others are not waited for."""
        return self._collection is not None

    @property
    def tests_finished(self) -> bool:
        return self.collection_is_completed and not (self._chunks or len(self._dispatch) or self.in_flight)

    @property
    def has_pending(self) -> bool:
        """True from the first `schedule` on: xdist then stops telling how many workers are there yet."""
        return self._is_scheduled

    @property
    def in_flight(self) -> int:
        """How many items the workers hold."""
        return sum(map(len, self._held.values()))

    def add_node(self, node: WorkerController) -> None:
        self._held[node] = []

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        collection = list(collection)
        if self._collection is None:
            self._collection, self._collected_by = collection, node
            self._plan(collection)
        elif collection != self._collection:
            self._refuse(node, collection)
            return
        self._controller.update(node)
        self._ready.append(node)

    def schedule(self) -> None:
        """Give free lanes to runs that come back from a rest, then to those that have not started."""
        self._is_scheduled = True
        for key, node in list(self._wanting.items()):
            if not node.shutting_down and self._dispatch.reenter(key):
                del self._wanting[key]
                if isinstance(key, CallKey):
                    _grant(node, key)
                else:
                    self._away.discard(key)
                    _send(node, [key])
        # The worker with the fewest first: one that has just come up takes over what falls free elsewhere.
        for node in sorted(self._ready, key=lambda node: len(self._held[node])):
            self._feed(node)
        if self._chunks or len(self._dispatch):
            self._controller.more_workers()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:  # noqa: ARG002 - xdist's interface
        self._held[node].remove(item_index)
        self._forget(item_index)
        self.schedule()

    def mark_test_pending(self, item: str) -> None:
        """Let an item run once more; for plugins that rerun what a crash ended."""
        if self._collection is not None:
            self._add([self._collection.index(item)])
            self.schedule()

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Hear a worker's signal about one of its runs, or a call of one; see `Signal`."""
        if node not in self._held or len(indices) != _SIGNAL_PARTS:
            return
        said: Sequence[Any] = indices
        signal, index, number, text = said
        if signal in (Signal.COLLECTED, Signal.BEGUN):
            self._controller.hear_of(Collected.from_text(text) if signal == Signal.COLLECTED else text)
            return
        key = CallKey(index, number) if number else index
        if signal in (Signal.LEFT, Signal.LIMITED):
            self._dispatch.leave(key, limited=signal == Signal.LIMITED)
            if not number:
                self._away.add(index)
        elif signal == Signal.WANTED:
            self._wanting[key] = node
        elif signal == Signal.HELD:
            self._dispatch.hold(key, text)
            self._holds[key, text] = node
        elif signal == Signal.RELEASED:
            self._release(key, text)
        elif signal == Signal.JOINED:
            self._dispatch.join(key, text)
            self._calls[key] = self._wanting[key] = node
        elif signal == Signal.OVER:
            self._end_call(key, answered=bool(text))
        self.schedule()

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a worker that ended; return the item that killed it, and let the others that it held run again."""
        held = self._held.pop(node)
        if node in self._ready:
            self._ready.remove(node)
        if self._collection is None or self._controller.is_dismissed(node):
            # Runs of a dismissed worker have no result: the session is stopping, `-x` has had enough.
            return None
        for index in held:
            self._forget(index)
        for call in [call for call, holder in self._calls.items() if holder is node]:
            self._end_call(call)
        for key, group in [hold for hold, holder in self._holds.items() if holder is node]:
            # The hold may be that of a run that has ended: its response said how long to leave the model alone.
            self._release(key, group)
        unfinished = [index for index in held if not self._controller.is_reported(self._collection[index])]
        culprit = self._culprit(node, unfinished)
        again = [index for index in unfinished if index != culprit]
        for index in again:
            self._controller.take_back(self._collection[index], node)
        self._add(again)
        self.schedule()
        return None if culprit is None else self._collection[culprit]

    def _forget(self, index: int) -> None:
        """No worker has the item any more."""
        self._away.discard(index)
        self._wanting.pop(index, None)
        if index in self._models and self._collection is not None:
            self._dispatch.done(index, answered=self._controller.is_answered(self._collection[index]))

    def _end_call(self, call: CallKey, *, answered: bool = False) -> None:
        del self._calls[call]
        self._wanting.pop(call, None)
        self._dispatch.done(call, answered=answered)

    def _release(self, key: _Key, group: str) -> None:
        self._holds.pop((key, group), None)
        self._dispatch.release(key, group)

    def _culprit(self, node: WorkerController, unfinished: Sequence[int]) -> int | None:
        """The item in whose user code the process ended, as far as it left a mark; else the one held longest."""
        marked = self._controller.marked_by(node)
        return max(unfinished, key=lambda index: marked.get(index, 0), default=None)

    def _plan(self, collection: Sequence[str]) -> None:
        """Sort out tests and runs, and how many runs a worker may have at once."""
        self._models = self._controller.models_of(collection)
        runs = ((model, collection[index]) for index, model in self._models.items())
        models = self._controller.prepare(runs)
        self._dispatch = self._controller.bench.lanes.dispatch()
        in_flight = self._controller.bench.settings.concurrency * len(models)
        self._in_flight_at_most = in_flight
        self._add(range(len(collection)))
        self._controller.bench.progress.expect(collection[index] for index in self._models)
        self._controller.bench.progress.begin(len(self._models), lambda: self._dispatch.in_flight)

    def _add(self, indices: Iterable[int]) -> None:
        durations = read_durations(self.config)
        tests = []
        for index in indices:
            if index in self._models:
                nodeid = self._collection[index] if self._collection else ""
                self._dispatch.add(index, self._models[index], durations.get(nodeid))
            else:
                tests.append(index)
        size = max(1, math.ceil(len(tests) / (self._workers * _CHUNKS_PER_WORKER)))
        self._chunks.extend(tests[start : start + size] for start in range(0, len(tests), size))

    def _feed(self, node: WorkerController) -> None:
        """Send what the worker has room for: a chunk of tests if it holds nothing, else runs for its free lanes."""
        held = self._held[node]
        if node.shutting_down:
            return
        send: list[int] = []
        if self._chunks:
            send = [] if held else self._chunks.popleft()
        elif not any(index not in self._models for index in held):
            busy = sum(index not in self._away for index in held)
            while busy + len(send) < self._lanes() and (index := self._dispatch.take()) is not None:
                send.append(index)
        if send:
            held.extend(send)
            _send(node, send)

    def _lanes(self) -> int:
        """How many runs a worker may have: its share among those that are up. The first one alone has all."""
        return math.ceil(self._in_flight_at_most / max(1, len(self._ready)))

    def _refuse(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Say how this worker's collection differs, and do without the worker."""
        first = self._collected_by.gateway.id if self._collected_by else "?"
        difference = report_collection_diff(self._collection or [], collection, first, node.gateway.id)
        report = pytest.CollectReport(node.gateway.id, "failed", longrepr=difference or "order differs", result=[])
        self.config.hook.pytest_collectreport(report=report)
        node.shutdown()


def _grant(node: WorkerController, call: CallKey) -> None:
    """Give a call its lane. A worker that just died refuses it, and its calls end with it."""
    with suppress(OSError):
        node.sendcommand(GRANT, index=call.run, number=call.number)


def _send(node: WorkerController, indices: list[int]) -> None:
    """Send items; a worker that just died refuses them, and `remove_node` gives them to others."""
    with suppress(OSError):
        node.send_runtest_some(indices)
