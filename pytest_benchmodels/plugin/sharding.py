"""`--bench-shard I/N`: the part of the items that this session runs."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from .options import Shard

__all__ = ["shard_of"]


def shard_of(nodeids: Sequence[str], durations: Mapping[str, float], shard: Shard) -> set[str]:
    """The shard's node ids: longest first, each to the part that has the least so far.

    A run whose duration, in seconds, nobody knows counts as the mean of the others. All parts come out the same in
    every session that knows the same durations, in whatever order it collected.
    """
    known = [durations[nodeid] for nodeid in nodeids if nodeid in durations]
    usual = sum(known) / len(known) if known else 1.0
    longest_first = sorted(nodeids, key=lambda nodeid: (-durations.get(nodeid, usual), nodeid))
    # Parts beyond the number of runs stay empty: they need no load.
    loads = [(0.0, number) for number in range(1, min(shard.of, len(nodeids)) + 1)]
    mine = set()
    for nodeid in longest_first:
        load, number = heapq.heappop(loads)
        if number == shard.number:
            mine.add(nodeid)
        heapq.heappush(loads, (load + durations.get(nodeid, usual), number))
    return mine
