"""Who is to blame where a worker dies that a scheduler of xdist's own serves.

These schedulers take the first item that the worker had not finished for the one that killed it. Ours run many at once
and finish in any order, so that would be some other; and it may have been reported already, or be sent out once more
(xdist 3.8 does that with `loadscope`, `loadfile` and `loadgroup`). Private to xdist: the attributes named here. Where
one of them is gone, xdist does it in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Witness", "blame_rightly"]


class Witness(NamedTuple):
    """What is known of a worker: whether an item of its was reported, and which ones it was in when it ended."""

    is_reported_by: Callable[[Any, str], bool]
    marked_by: Callable[[Any], Mapping[int, int]]


def blame_rightly(scheduler: Any, witness: Witness) -> None:
    """Correct what a scheduler does where a worker dies."""
    if hasattr(scheduler, "assigned_work") and hasattr(scheduler, "registered_collections"):
        scheduler.remove_node = _Scopes(scheduler, witness, scheduler.remove_node).remove_node
    elif hasattr(scheduler, "_removed2pending") and hasattr(scheduler, "node2collection"):
        each = _Each(scheduler, witness, scheduler.remove_node, scheduler.add_node_collection)
        scheduler.remove_node, scheduler.add_node_collection = each.remove_node, each.add_node_collection


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
