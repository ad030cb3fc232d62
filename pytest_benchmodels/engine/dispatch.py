"""Which run starts next: longest first within a model, models in turn, each model within its window."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

__all__ = ["Dispatch"]

Key = TypeVar("Key", bound=Hashable)
_UNKNOWN = float("inf")


class Dispatch(Generic[Key]):
    """Pending keys in lanes of their own, one lane group a model.

    `window` is how many keys of one group may be in flight at once; `windows` sets it for single groups. Within a
    group the key with the largest expected duration goes first, and one whose duration nobody knows before all of
    them: started late, it could be the one that everybody waits for at the end. Without durations the order is that
    of `add`. Between groups the one with the fewest in flight goes first, so that none waits for another.
    Knows no clock, no thread and no I/O.
    """

    def __init__(self, window: int, windows: Mapping[str, int] | None = None) -> None:
        self._window = window
        self._windows = dict(windows or {})
        self._pending: dict[str, list[tuple[float, int, Key]]] = {}
        self._in_flight: dict[str, int] = {}
        self._taken: dict[Key, tuple[str, float, int]] = {}
        self._added = 0

    def __len__(self) -> int:
        """How many keys are pending."""
        return sum(map(len, self._pending.values()))

    @property
    def in_flight(self) -> int:
        return len(self._taken)

    def add(self, key: Key, group: str, expected_s: float | None = None) -> None:
        """Append a key. `expected_s` is how long it took last time, in seconds."""
        self._added += 1
        self._push(key, group, _UNKNOWN if expected_s is None else expected_s, self._added)

    def take(self) -> Key | None:
        """Return the key to start now, or None if nothing is pending that its window lets through."""
        open_groups = [group for group in self._pending if self._in_flight[group] < self._limit(group)]
        if not open_groups:
            return None
        group = min(open_groups, key=self._in_flight.__getitem__)
        negative, added, key = heapq.heappop(self._pending[group])
        if not self._pending[group]:
            del self._pending[group]
        self._taken[key] = (group, -negative, added)
        self._in_flight[group] += 1
        return key

    def done(self, key: Key) -> None:
        """Free the key's place."""
        group, _, _ = self._taken.pop(key)
        self._in_flight[group] -= 1

    def put_back(self, key: Key) -> None:
        """Free the key's place and let it run again, at its old place in the order."""
        group, expected_s, added = self._taken.pop(key)
        self._in_flight[group] -= 1
        self._push(key, group, expected_s, added)

    def _push(self, key: Key, group: str, expected_s: float, added: int) -> None:
        self._in_flight.setdefault(group, 0)
        heapq.heappush(self._pending.setdefault(group, []), (-expected_s, added, key))

    def _limit(self, group: str) -> int:
        return self._windows.get(group, self._window)
