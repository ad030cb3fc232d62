"""How long each run took last time, and the parts of a suite that take equally long."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Mapping, Sequence

import pytest

from pytest_benchmodels.plugin.options import Shard

__all__ = ["read_durations", "shard_of", "write_durations"]

KEY = "benchmodels/durations"
_MOST = 100_000


def read_durations(config: pytest.Config) -> dict[str, float]:
    """Seconds by node id; empty where there is no cache, or one that somebody damaged."""
    cache = getattr(config, "cache", None)
    stored = cache.get(KEY, {}) if cache is not None else {}
    if not isinstance(stored, dict):
        return {}
    return {nodeid: seconds for nodeid, seconds in stored.items() if isinstance(seconds, (int, float))}


def write_durations(config: pytest.Config, latest: Mapping[str, float]) -> None:
    """Add this session's durations to those of other runs, if the cache can be written: pytest itself says if not."""
    cache = getattr(config, "cache", None)
    if cache is None or not latest:
        return
    merged = {**read_durations(config), **latest}
    with warnings.catch_warnings():
        # Outside of pytest's own look-out for warnings, one would break into its progress, or under -Werror end all.
        warnings.simplefilter("ignore", pytest.PytestCacheWarning)
        cache.set(KEY, dict(list(merged.items())[-_MOST:]))


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
