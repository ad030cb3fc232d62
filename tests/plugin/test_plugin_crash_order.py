"""What xdist's own schedulers hand out again of a worker that died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import EachScheduling, LoadFileScheduling, LoadGroupScheduling, LoadScopeScheduling

from pytest_benchmodels.plugin.compat import Witness, blame_rightly

ITEMS = [f"{folder}/suite.yaml::run-{number}" for folder in "abcdef" for number in range(2)]


class Node:
    """A worker as a scheduler sees it: what it was sent, and whether it was dismissed."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name, spec="popen")
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_all(self) -> None:
        self.sent += range(len(ITEMS))

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


@pytest.mark.parametrize("kind", [LoadScopeScheduling, LoadFileScheduling, LoadGroupScheduling])
@pytest.mark.parametrize("left", [1, 2])
def test_the_successor_of_a_dead_worker_has_something_to_do_or_is_dismissed(
    kind: Callable[[Any], Any], left: int
) -> None:
    """One worker finishes all that it is sent, the other dies in the first of the last items that it has."""
    option = SimpleNamespace(loadscopereorder=True, debug=None)
    scheduler = kind(SimpleNamespace(getvalue=lambda _: ["2*popen"], option=option))
    reported: set[tuple[object, str]] = set()
    dead, other, successor = Node("gw0"), Node("gw1"), Node("gw2")
    blame_rightly(scheduler, Witness(lambda node, nodeid: (node, nodeid) in reported, lambda _: {dead.sent[-left]: 1}))
    for node in (dead, other):
        scheduler.add_node(node)
        scheduler.add_node_collection(node, ITEMS)
    scheduler.schedule()

    def finish(node: Node, count: int) -> None:
        done = 0
        while done < count and done < len(node.sent):
            reported.add((node, ITEMS[node.sent[done]]))
            scheduler.mark_test_complete(node, node.sent[done])
            done += 1

    finish(other, len(ITEMS))
    assert other.shutting_down  # the queue is empty
    finish(dead, len(dead.sent) - left)
    culprit = ITEMS[dead.sent[-left]]
    unfinished = [index for index in dead.sent[-left:] if ITEMS[index] != culprit]

    assert scheduler.remove_node(dead) == culprit
    scheduler.add_node(successor)
    scheduler.add_node_collection(successor, ITEMS)
    scheduler.schedule()
    finish(successor, len(ITEMS))

    assert sorted(successor.sent) == sorted(unfinished)
    assert successor.shutting_down


def test_of_two_successors_of_dead_workers_the_first_need_not_wait_for_the_other() -> None:
    """`each`: both are up, and one has collected."""
    scheduler = EachScheduling(SimpleNamespace(getvalue=lambda _: ["2*popen"]))
    dead = [Node("gw0"), Node("gw1")]
    blame_rightly(scheduler, Witness(lambda *_: False, lambda _: {}))
    for node in dead:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, ITEMS)
    scheduler.schedule()
    assert [scheduler.remove_node(node) for node in dead] == [ITEMS[0]] * 2

    first, second = Node("gw2"), Node("gw3")
    for node in (first, second):
        scheduler.add_node(node)
    for node, sent in ((first, [list(range(1, len(ITEMS))), []]), (second, [list(range(1, len(ITEMS)))] * 2)):
        scheduler.add_node_collection(node, ITEMS)
        scheduler.schedule()
        assert [first.sent, second.sent] == sent
