"""Which run starts next: longest first within a model, models in turn, each model within its window."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pytest_benchmodels.core.run import Pool, model_of_group
from pytest_benchmodels.engine.machine import Shares

__all__ = ["CallKey", "Dispatch", "Window"]

_DECREASE = 0.9


class Window:
    """How many calls may be in flight. Additive increase, multiplicative decrease, as in TCP (Chiu and Jain, 1989).

    A 429 says that the server bears what is in flight without that request: the window shrinks to this, and once per
    round by a tenth more. A decrease begins a new round: what was sent before it says nothing new. Each answer widens
    the window by one over its size, so by one per round. Below the size at which it was last refused, it also grows by
    that distance over its size. Where a server sends 429 now and then for reasons of its own, the window therefore
    stays near the ceiling (CUBIC, RFC 9438, has the same idea). With `fixed` it stays at the ceiling. Knows no clock.
    """

    def __init__(self, ceiling: int, *, fixed: bool = False) -> None:
        self.ceiling = ceiling
        """What `size` never exceeds."""
        self._fixed = fixed
        self._size = float(ceiling)
        self._refused_at = float(ceiling)
        self._round = 0

    @property
    def size(self) -> int:
        return max(1, int(self._size))

    @property
    def round(self) -> int:
        """Counts decreases. A run keeps the number it started under."""
        return self._round

    def widen(self) -> None:
        """An answer came."""
        below = max(0.0, self._refused_at - self._size)
        self._size = min(self._size + (1 + below) / self._size, self.ceiling)

    def shrink(self, in_flight: int, started_in: int) -> None:
        """The server said 'too many' to a run that started in round `started_in`; `in_flight` are left."""
        if self._fixed:
            return
        is_new = started_in == self._round
        # A tenth above what was refused, so that one more chance refusal in the same round does not move it.
        self._refused_at = min(self._size if is_new else self._refused_at, (in_flight + 1) / _DECREASE)
        self._size = max(1.0, min(self._size, in_flight))
        if is_new:
            self._size = max(1.0, self._size * _DECREASE)
            self._round += 1


Key = TypeVar("Key", bound=Hashable)


class CallKey(NamedTuple):
    """A call to another model than its run's own: the key of the run, and which of its calls it is, from 1 on."""

    run: Any
    number: int


_UNKNOWN = float("inf")
_MOST_AWAY = 2


class _Lane(NamedTuple):
    """A key's group, and the round of the group's window in which it started."""

    group: str
    round: int


class Dispatch(Generic[Key]):
    """Pending keys in groups, one group a model and purpose, each with a window on how many of it may be in flight.

    Within a group the key with the largest expected duration goes first; one without a known duration goes before all
    of these, since started late it could be the one that everybody waits for at the end. Without durations the order is
    that of `add`. Between groups the one with the fewest in flight goes first, so that none waits for another.

    A key in flight that has to wait for something else may `leave` its lane to others and `reenter` later. One that was
    told to wait for the sake of the whole model may `hold` the group meanwhile. When twice as many keys of a group are
    away as its window could ever hold, nothing new of it starts: where every request fails, all would otherwise be
    begun before one ends. `shares` say for which groups the machine itself has room; while they have to see what a run
    takes, the shortest goes first. Knows no clock, no thread and no I/O.
    """

    def __init__(
        self,
        ceiling: int,
        windows: Mapping[str, Window] | None = None,
        pools: Iterable[Pool] = (),
        shares: Shares | None = None,
    ) -> None:
        self._ceiling = ceiling
        self._shares = shares
        self._windows = dict(windows or {})
        self._pools: defaultdict[str, list[Pool]] = defaultdict(list)
        for pool in pools:
            for group in pool.models:
                self._pools[group].append(pool)
        self._pending: dict[str, list[tuple[float, int, Key]]] = {}
        self._in_flight: dict[str, int] = {}
        self._taken: dict[Key | CallKey, _Lane] = {}
        self._away: dict[Key | CallKey, _Lane] = {}
        self._away_of: Counter[str] = Counter()
        self._holders: dict[str, set[Key | CallKey]] = {}
        self._added = 0

    def __len__(self) -> int:
        """How many keys are pending; those that left their lane are not."""
        return sum(map(len, self._pending.values()))

    @property
    def in_flight(self) -> int:
        return len(self._taken)

    @property
    def away(self) -> int:
        """How many keys left their lane and are to reenter."""
        return len(self._away)

    def add(self, key: Key, group: str, expected_s: float | None = None) -> None:
        """Append a key. `expected_s` is how long it took last time, in seconds."""
        self._added += 1
        self._in_flight.setdefault(group, 0)
        longest = _UNKNOWN if expected_s is None else expected_s
        heapq.heappush(self._pending.setdefault(group, []), (-longest, self._added, key))

    def take(self) -> Key | None:
        """Return the key to start now, or None if nothing is pending that its window lets through."""
        group, least = None, 0
        for pending in self._pending:
            in_flight = self._in_flight[pending]
            if (group is None or in_flight < least) and self._is_open(pending) and self._may_begin(pending):
                group, least = pending, in_flight
        if group is None:
            return None
        key = self._next_of(group)
        if not self._pending[group]:
            del self._pending[group]
        self._occupy(key, _Lane(group, self._window(group).round))
        return key

    def _next_of(self, group: str) -> Key:
        """The longest; the shortest that is known, where only its end tells how many more the machine has room for."""
        pending = self._pending[group]
        if self._shares is not None and self._shares.is_unmeasured(group):
            known = [entry for entry in pending if entry[0] > -_UNKNOWN]
            if known:
                pending.remove(shortest := max(known, key=lambda entry: (entry[0], -entry[1])))
                heapq.heapify(pending)
                return shortest[2]
        return heapq.heappop(pending)[2]

    def join(self, key: CallKey, group: str) -> None:
        """Let a key that is already under way wait for a lane: it is away, and to `reenter`, before new ones start."""
        self._in_flight.setdefault(group, 0)
        self._away[key] = _Lane(group, self._window(group).round)
        self._away_of[group] += 1

    def done(self, key: Key | CallKey, *, answered: bool = False) -> None:
        """Forget a key, wherever it is. `answered`: its server answered it, and may bear more."""
        lane = self._vacate(key) if key in self._taken else self._come_back(key)
        if answered:
            self._window(lane.group).widen()

    def leave(self, key: Key | CallKey, *, limited: bool = False) -> None:
        """Give a key's lane to others. `limited`: its server said that there were too many."""
        lane = self._away[key] = self._vacate(key)
        self._away_of[lane.group] += 1
        if limited:
            self._window(lane.group).shrink(self._in_flight[lane.group], lane.round)

    def reenter(self, key: Key | CallKey) -> bool:
        """Take a lane again, if the window lets it through now."""
        lane = self._away[key]
        if not self._is_open(lane.group):
            return False
        self._come_back(key)
        self._occupy(key, lane._replace(round=self._window(lane.group).round))
        return True

    def hold(self, key: Key | CallKey, group: str) -> None:
        """Let nothing of the group's model start or reenter until `release`, by the same key."""
        self._holders.setdefault(model_of_group(group), set()).add(key)

    def release(self, key: Key | CallKey, group: str) -> None:
        """End the key's hold on the group's model, if it has one."""
        self._holders.get(model_of_group(group), set()).discard(key)

    def _is_open(self, group: str) -> bool:
        if self._in_flight[group] >= self._window(group).size:
            return False
        if self._holders and self._holders.get(model_of_group(group)):
            return False
        if self._shares is not None and not self._shares.has_room(group, self._in_flight):
            return False
        pools = self._pools.get(group)
        return pools is None or all(map(self._has_room, pools))

    def _has_room(self, pool: Pool) -> bool:
        return pool.most > sum(self._in_flight.get(other, 0) for other in pool.models)

    def _may_begin(self, group: str) -> bool:
        """Whether few enough of the group's keys have left their lane for a new one to start."""
        return self._away_of[group] < _MOST_AWAY * self._window(group).ceiling

    def _window(self, group: str) -> Window:
        window = self._windows.get(group)
        if window is None:
            window = self._windows[group] = Window(self._ceiling, fixed=True)
        return window

    def _occupy(self, key: Key | CallKey, lane: _Lane) -> None:
        self._taken[key] = lane
        self._in_flight[lane.group] += 1

    def _vacate(self, key: Key | CallKey) -> _Lane:
        lane = self._taken.pop(key)
        self._in_flight[lane.group] -= 1
        return lane

    def _come_back(self, key: Key | CallKey) -> _Lane:
        lane = self._away.pop(key)
        self._away_of[lane.group] -= 1
        return lane
