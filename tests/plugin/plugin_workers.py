"""xdist's workers and controller without processes: what is sent stands in queues until a test lets it arrive."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from pytest_benchmodels.core.run import Pool, lane_group
from pytest_benchmodels.engine.dispatch import CallKey, Dispatch, Window
from pytest_benchmodels.plugin.items.transport import Collected
from pytest_benchmodels.plugin.session.progress import Progress
from pytest_benchmodels.plugin.workers.lanes import GrantedLanes
from pytest_benchmodels.plugin.workers.messages import GRANT, Signal
from pytest_benchmodels.plugin.workers.scheduler import LaneScheduling

__all__ = ["JUDGE", "Desk", "Event", "Worker"]

JUDGE = "b"
"""The model that all checks ask; it may have runs of its own, and has one maximum for both."""

Event = tuple[Literal["report", "complete", "signal", "down"], Sequence[Any]]


class Worker:
    """A worker process and the controller's handle on it, in one.

    The handle is what `LaneScheduling` sees: `gateway.id`, `shutting_down`, `send_runtest_some`, `shutdown`. The
    process has the real `GrantedLanes`. `inbox` is on its way to the process, `outbox` to the controller.
    """

    def __init__(self, name: str, desk: Desk) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.is_dead = False
        self.inbox: deque[list[int] | CallKey] = deque()
        self.outbox: deque[Event] = deque()
        self.running: set[int] = set()
        self.resting: set[int] = set()
        self.holding: set[int] = set()
        self.marked: dict[int, int] = {}
        self.begun: Counter[int] = Counter()
        self.sent: list[list[int]] = []
        self._desk = desk
        self.grading: set[int] = set()
        self.asking: dict[CallKey, bool] = {}
        self._asked = 0
        self._lane_scheduler = GrantedLanes(lambda signal, *said: self.outbox.append(("signal", [int(signal), *said])))

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """What the controller sends; as in execnet, a channel whose other end is gone refuses it."""
        assert not self.shutting_down, "a worker that was told to end gets nothing more"
        self.sent.append(list(indices))
        self._desk.note_sent(self, indices)
        if self.is_dead:
            raise OSError("cannot send (already closed?)")
        self.inbox.append(list(indices))

    def sendcommand(self, name: str, *, index: int, number: int) -> None:
        """The command of our own by which a call gets its lane."""
        assert name == GRANT
        self._desk.note_granted(CallKey(index, number))
        if self.is_dead:
            raise OSError("cannot send (already closed?)")
        self.inbox.append(CallKey(index, number))

    def shutdown(self) -> None:
        self.shutting_down = True

    def receive(self) -> None:
        """Let the oldest command arrive: tests run in turn, runs start or go on."""
        command = self.inbox.popleft()
        if isinstance(command, CallKey):
            self._lane_scheduler.grant(command)
            self._go_on()
            return
        for index in command:
            if index not in self._desk.models:
                self.begun[index] += 1
                self.outbox += [("report", [index]), ("complete", [index])]
            elif self._lane_scheduler.grant(index):
                self._go_on()
            else:
                self._lane_scheduler.add(index, self._desk.models[index])
                self._lane_scheduler.take()
                self.begun[index] += 1
                self.running.add(index)

    def leave(self, index: int, *, limited: bool) -> None:
        """The run rests before its next attempt."""
        self.running.remove(index)
        self._lane_scheduler.leave(index, limited=limited)
        self.resting.add(index)

    def want(self) -> None:
        """All rests are over."""
        self._go_on()

    def grade(self, index: int) -> None:
        """The answer is there: the run needs no lane of its model's any more."""
        self.running.remove(index)
        self._lane_scheduler.leave(index)
        self.grading.add(index)

    def ask(self, index: int) -> None:
        """A check of the run asks another model."""
        self._asked += 1
        call = CallKey(index, self._asked)
        self._lane_scheduler.join(call, lane_group(JUDGE, "judge"))
        self.asking[call] = self._lane_scheduler.reenter(call)

    def over(self, call: CallKey, *, answered: bool) -> None:
        """The call has ended, be it that the limit of its run ended it while it waited."""
        del self.asking[call]
        self._lane_scheduler.done(call, answered=answered)

    def hold(self, index: int) -> None:
        self.holding.add(index)
        self._lane_scheduler.hold(index, self._desk.models[index])

    def release(self, index: int) -> None:
        self.holding.remove(index)
        self._lane_scheduler.release(index, self._desk.models[index])

    def end(self, index: int) -> None:
        """The run has its result, be it that its limit ended it while it rested."""
        for call in [call for call in self.asking if call.run == index]:
            self.over(call, answered=False)
        for indices in (self.running, self.resting, self.grading):
            indices.discard(index)
        self.outbox += [("report", [index]), ("complete", [index])]
        self._lane_scheduler.done(index)

    def die(self, *, said: int, noticed: bool) -> None:
        """End the process; of what it said last only the first `said` events got through.

        `noticed`: the controller's receiving thread already saw the connection end, its main loop did not.
        """
        self.is_dead, self.shutting_down = True, noticed
        self.inbox.clear()
        self.outbox = deque([*list(self.outbox)[:said], ("down", [])])

    def _go_on(self) -> None:
        for index in sorted(self.resting):
            if self._lane_scheduler.reenter(index):
                self.resting.remove(index)
                self.running.add(index)
        for call, has_lane in self.asking.items():
            if not has_lane:
                self.asking[call] = self._lane_scheduler.reenter(call)


class Desk:
    """The controller: its scheduler, and what that asks of its office.

    `models` maps the items that are runs to their models, `windows` each model to its most runs in flight. All else of
    the `items` are ordinary tests. `reports` counts how often each item came to an end, by a report or as the item that
    killed its worker.
    """

    def __init__(self, items: int, models: Mapping[int, str], windows: Mapping[str, int], workers: int = 2) -> None:
        self.models = dict(models)
        self.windows = dict(windows)
        self.collection = [f"item-{index}" for index in range(items)]
        self.reports: Counter[int] = Counter()
        self.refused: list[pytest.CollectReport] = []
        self.strangers: set[Worker] = set()
        self.dismissed: set[Worker] = set()
        self.briefed: list[Worker] = []
        self.wanted = 0
        self.collected: list[Collected] = []
        self.assigned: dict[Worker, set[int]] = {}
        self.away: set[int] = set()
        self.granted: set[CallKey] = set()
        self.lost: set[int] = set()
        self.bench: Any = SimpleNamespace(
            settings=SimpleNamespace(concurrency=max(self.windows.values(), default=1)),
            lanes=SimpleNamespace(dispatch=self._dispatch),
            progress=Progress(),
        )
        hook = SimpleNamespace(pytest_collectreport=self._note_refused)
        config: Any = SimpleNamespace(getvalue=lambda _: [f"{workers}*popen"], hook=hook)
        office: Any = self
        self.scheduling: Any = LaneScheduling(config, office)

    def open(self, *names: str) -> list[Worker]:
        """Workers have collected, all of them before any of it is distributed."""
        workers = [Worker(name, self) for name in names]
        for worker in workers:
            self.assigned[worker] = set()
            self.scheduling.add_node(worker)
            self.scheduling.add_node_collection(worker, self.collection)
        self.scheduling.schedule()
        return workers

    def join(self, name: str, collection: Sequence[str] | None = None) -> Worker:
        """A worker has collected."""
        worker = Worker(name, self)
        self.assigned[worker] = set()
        self.scheduling.add_node(worker)
        if collection not in (None, self.collection):
            self.strangers.add(worker)
        self.scheduling.add_node_collection(worker, collection or self.collection)
        self.scheduling.schedule()
        return worker

    def hear(self, worker: Worker) -> int | None:
        """Let a worker's oldest event arrive. Return the item that killed it, if this says so."""
        kind, numbers = worker.outbox.popleft()
        if kind == "report":
            self.reports[numbers[0]] += 1
        elif kind == "complete":
            self.assigned[worker].remove(numbers[0])
            self.away.discard(numbers[0])
            self.scheduling.mark_test_complete(worker, numbers[0], 0.0)
        elif kind == "signal":
            if numbers[0] in (Signal.LEFT, Signal.LIMITED):
                self.away.add(numbers[1])
            elif numbers[0] == Signal.OVER:
                self.granted.discard(CallKey(*numbers[1:3]))
            self.scheduling.remove_pending_tests_from_node(worker, numbers)
        else:
            return self.bury(worker)
        return None

    def bury(self, worker: Worker) -> int | None:
        """The main loop learns that a worker is gone."""
        worker.shutting_down = True
        self.granted -= worker.asking.keys()
        self.lost = self.assigned.pop(worker)
        self.away -= self.lost
        crashed = self.scheduling.remove_node(worker)
        if crashed is None:
            return None
        culprit = self.collection.index(crashed)
        self.reports[culprit] += 1
        return culprit

    def note_sent(self, worker: Worker, indices: Iterable[int]) -> None:
        """Hold each thing that is sent against the rules."""
        assigned = self.assigned[worker]
        new = [index for index in indices if index not in assigned]
        self.away.difference_update(indices)
        assigned.update(indices)
        if set(new) & self.models.keys():
            assert len(assigned - self.away) <= self._share(), "a worker has no more runs than its share of the lanes"
            assert assigned <= self.models.keys(), "a worker has tests or runs, not both"
            known = set().union(self.reports, self.lost, *self.assigned.values())
            assert known >= set(range(len(self.collection))) - self.models.keys(), "tests go first"
        for model, most in self.windows.items():
            asked = len(self.granted) if model == JUDGE else 0
            assert self._running(model) + asked <= most, "each model keeps its window"

    def note_granted(self, call: CallKey) -> None:
        """A call gets its lane."""
        assert call not in self.granted
        self.granted.add(call)
        assert self._running(JUDGE) + len(self.granted) <= self._most(JUDGE), "calls and runs of a model are one load"

    def _running(self, model: str) -> int:
        taken = set().union(*self.assigned.values()) - self.away
        return sum(self.models.get(index) == model for index in taken)

    def _most(self, model: str) -> int:
        return self.windows.get(model, max(self.windows.values(), default=1))

    def hear_of(self, collected: Collected) -> None:
        """What a worker tells of its collection."""
        self.collected.append(collected)

    def _share(self) -> int:
        """What each of the workers that are up may have; one that was refused is none of them."""
        up = sum(worker not in self.strangers for worker in self.assigned)
        lanes: int = self.bench.settings.concurrency * len(set(self.models.values()))
        return -(-lanes // up)

    def models_of(self, collection: Sequence[str]) -> dict[int, str]:
        assert collection == self.collection
        return self.models

    def prepare(self, runs: Iterable[tuple[str, str]]) -> dict[str, str]:
        return {name: name for name, _ in runs}

    def update(self, node: Worker) -> None:
        self.briefed.append(node)

    def more_workers(self) -> None:
        self.wanted += 1

    def is_reported(self, nodeid: str) -> bool:
        return self.collection.index(nodeid) in self.reports

    def is_answered(self, nodeid: str) -> bool:
        return self.is_reported(nodeid)

    def is_dismissed(self, node: Worker) -> bool:
        return node in self.dismissed

    def take_back(self, nodeid: str, node: Worker) -> None:
        assert not self.is_reported(nodeid), f"{node} reported it: it is not taken back"

    def marked_by(self, node: Worker) -> dict[int, int]:
        return node.marked

    def _note_refused(self, report: pytest.CollectReport) -> None:
        self.refused.append(report)

    def _dispatch(self) -> Dispatch[int]:
        most = max(self.windows.values(), default=1)
        judges = lane_group(JUDGE, "judge")
        windows = {model: Window(most) for model, most in self.windows.items()}
        windows[judges] = Window(self._most(JUDGE))
        return Dispatch(most, windows, [Pool((JUDGE, judges), self._most(JUDGE))])
