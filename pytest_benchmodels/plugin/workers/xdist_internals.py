"""The private shape of xdist that we rely on, and whom it blames for a crash."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

__all__ = ["Witness", "WorkerBoot", "blame_rightly", "is_known"]

_WORKER = ("sendevent", "run_one_test", "pytest_runtestloop")
_SESSION = ("worker_unscheduled", "worker_runtest_protocol_complete", "triggershutdown", "_clone_node")


def is_known() -> bool:
    """True for the versions that were tested, and those that kept what we need."""
    try:
        from xdist.dsession import DSession  # noqa: PLC0415 - xdist may be another one
        from xdist.remote import WorkerInteractor  # noqa: PLC0415 - the same
    except ImportError:
        return False
    return all(hasattr(WorkerInteractor, name) for name in _WORKER) and all(
        hasattr(DSession, name) for name in _SESSION
    )


class Witness(NamedTuple):
    """What is known of a worker: whether an item of its was reported, and which ones it was in when it ended."""

    is_reported_by: Callable[[Any, str], bool]
    marked_by: Callable[[Any], Mapping[int, int]]


def blame_rightly(scheduler: Any, witness: Witness) -> None:
    """Correct what a scheduler does where a worker dies."""
    if hasattr(scheduler, "assigned_work") and hasattr(scheduler, "registered_collections"):
        scheduler.remove_node = _Scopes(scheduler, witness, scheduler.remove_node).remove_node
    elif hasattr(scheduler, "_removed2pending") and hasattr(scheduler, "node2collection"):
        each = _Each(scheduler, witness, scheduler.remove_node, scheduler.add_node_collection, scheduler.schedule)
        scheduler.remove_node, scheduler.add_node_collection = each.remove_node, each.add_node_collection
        scheduler.schedule = each.schedule


class _Scopes(NamedTuple):
    """`loadscope`, `loadfile`, `loadgroup`: units of node ids, each of which is finished or not."""

    scheduler: Any
    witness: Witness
    remove: Callable[[Any], str | None]

    def remove_node(self, node: Any) -> str | None:
        assigned = self.scheduler.assigned_work[node]
        units = list(assigned.values())
        for unit in units:
            for nodeid, finished in unit.items():
                unit[nodeid] = finished or self.witness.is_reported_by(node, nodeid)
        left = [nodeid for unit in units for nodeid, finished in unit.items() if not finished]
        culprit = _culprit(left, self.scheduler.registered_collections.get(node, ()), self.witness.marked_by(node))
        for unit in units:
            if culprit in unit:
                unit[culprit] = True  # or it would be sent to the next worker
        # xdist puts finished units back in the queue, too. A worker that takes a dead one's place is handed one unit at
        # first: with nothing in it to be done it would report nothing, and never be handed another.
        for scope in [scope for scope, unit in assigned.items() if all(unit.values())]:
            del assigned[scope]
        self.remove(node)
        return culprit


class _Each(NamedTuple):
    """`each`: every worker has all items, by their place in its collection."""

    scheduler: Any
    witness: Witness
    remove: Callable[[Any], str | None]
    add_collection: Callable[[Any, Sequence[str]], None]
    send: Callable[[], None]

    def schedule(self) -> None:
        """Leave out who takes a dead one's place and has not collected yet: xdist would look for its collection."""
        started = self.scheduler._started  # noqa: SLF001 - its `schedule` passes over these
        absent = [node for node in self.scheduler.node2pending if node not in self.scheduler.node2collection]
        started.extend(absent)
        self.send()
        started[:] = [node for node in started if node not in absent]

    def remove_node(self, node: Any) -> str | None:
        pending, collection = self.scheduler.node2pending[node], self.scheduler.node2collection.get(node, [])
        left = [index for index in pending if not self.witness.is_reported_by(node, collection[index])]
        culprit = _culprit([collection[index] for index in left], collection, self.witness.marked_by(node))
        pending[:] = sorted(left, key=lambda index: collection[index] != culprit)
        return self.remove(node)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        replaces = self.scheduler.collection_is_completed
        self.add_collection(node, collection)
        if replaces:
            # xdist keeps none of one that takes a dead one's place, and does not expect that nothing is left to do.
            self.scheduler.node2collection[node] = list(collection)
            if not self.scheduler.node2pending[node]:
                self.scheduler._started.append(node)  # noqa: SLF001 - see above
                node.shutdown()


def _culprit(left: Sequence[str], collection: Sequence[str], marked: Mapping[int, int]) -> str | None:
    """Of the items that were left, the most suspect; where none left a mark, the first."""
    suspicion = {collection[index]: suspect for index, suspect in marked.items() if index < len(collection)}
    return max(left, key=lambda nodeid: suspicion.get(nodeid, 0), default=None)


class WorkerBoot:
    """Starts workers one after another. `specs` are those of all; only those to start at once stay in the list."""

    def __init__(self, config: pytest.Config, specs: list[Any]) -> None:
        self._config = config
        local = [spec for spec in specs if spec.popen and not spec.via]
        self._later = deque(local[1:])
        self._at_once = max(1, (os.cpu_count() or 1) - 1)
        _keep_counted(config, specs)
        left_out = {id(spec) for spec in self._later}
        specs[:] = [spec for spec in specs if id(spec) not in left_out]
        self._booting = len(specs)

    def came_up(self) -> None:
        """A worker has collected, or ended before it did."""
        self._booting = max(0, self._booting - 1)

    def go_on(self) -> None:
        """Start as many as may boot at a time, unless the session is stopping."""
        session: Any = self._config.pluginmanager.getplugin("dsession")
        while self._later and self._booting < self._at_once and not (session.shuttingdown or session.shouldstop):
            self._booting += 1
            node = session.nodemanager.setup_node(self._later.popleft(), session.queue.put)
            session._active_nodes.add(node)  # noqa: SLF001 - see above


def _keep_counted(config: pytest.Config, specs: list[Any]) -> None:
    """Let xdist's status line tell how many workers there are to be."""
    status: Any = config.pluginmanager.getplugin("terminaldistreporter")
    if status is not None:
        status._specs = list(specs)  # noqa: SLF001 - it holds our list, from which all but the first are taken
