"""A worker's lanes: those that the controller gives out, or those that workers share in files."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pytest_benchmodels.engine.dispatch import CallKey, Dispatch
from pytest_benchmodels.plugin.workers.messages import Signal

__all__ = ["FileLanes", "GrantedLanes", "Maximum", "can_share"]


_Key = int | CallKey


class GrantedLanes:
    """Implements `LaneScheduler` by item indices: whatever the controller sends may start, or go on, at once.

    `send` tells the controller: a signal, an item's index, the number of one of its calls (0: the run), and a text.
    """

    def __init__(self, send: Callable[[Signal, int, int, str], None]) -> None:
        self._send = send
        self._pending: deque[int] = deque()
        self._begun: set[_Key] = set()
        self._taken: set[_Key] = set()
        self._away: set[_Key] = set()
        self._asked: set[_Key] = set()
        self._granted: set[_Key] = set()

    @property
    def in_flight(self) -> int:
        return len(self._taken)

    def grant(self, key: _Key) -> bool:
        """Let a run that left its lane go on. False if it never began: it is to start.

        A run that its time limit ended while a lane was on the way has begun, and must not start again.
        """
        if key in self._away:
            self._granted.add(key)
        return key in self._begun

    def add(self, key: int, group: str, expected_s: float | None = None) -> None:  # noqa: ARG002 - the scheduler knows them
        self._pending.append(key)

    def take(self) -> int | None:
        if not self._pending:
            return None
        key = self._pending.popleft()
        self._begun.add(key)
        self._taken.add(key)
        return key

    def join(self, key: CallKey, group: str) -> None:
        self._away.add(key)
        self._asked.add(key)
        self._say(Signal.JOINED, key, group)

    def done(self, key: _Key, *, answered: bool = False) -> None:
        for keys in (self._taken, self._away, self._asked, self._granted):
            keys.discard(key)
        if isinstance(key, CallKey):  # of a run, the scheduler hears it from the report
            self._say(Signal.OVER, key, "answered" if answered else "")

    def leave(self, key: _Key, *, limited: bool = False) -> None:
        self._taken.discard(key)
        self._away.add(key)
        self._say(Signal.LIMITED if limited else Signal.LEFT, key)

    def reenter(self, key: _Key) -> bool:
        if key not in self._asked:
            self._asked.add(key)
            self._say(Signal.WANTED, key)
        if key not in self._granted:
            return False
        for keys in (self._away, self._asked, self._granted):
            keys.discard(key)
        self._taken.add(key)
        return True

    def hold(self, key: _Key, group: str) -> None:
        self._say(Signal.HELD, key, group)

    def release(self, key: _Key, group: str) -> None:
        self._say(Signal.RELEASED, key, group)

    def _say(self, signal: Signal, key: _Key, text: str = "") -> None:
        index, number = key if isinstance(key, CallKey) else (key, 0)
        self._send(signal, index, number, text)


with suppress(ImportError):  # Windows has no such locks
    import fcntl


_LOOK_AGAIN_S = 0.02
_NOBODY: Final = -1
"""Holds a group in the name of the other workers; no item has this index."""


class Maximum(NamedTuple):
    """How many runs may be in flight of all that count under this name."""

    name: str
    most: int


def can_share(folder: Path) -> bool:
    """Whether the controller's files are there: a worker may be on another machine, or on a system without locks."""
    return os.name == "posix" and folder.is_dir()


class FileLanes:
    """Implements `LaneScheduler` by item indices: a run starts when its model's lanes, and its account's, have room.

    `maxima` tells what a model counts under. `look_again` is called, on the event loop, when it may be worth to ask.
    """

    def __init__(
        self,
        ceiling: int,
        maxima: Callable[[str], Sequence[Maximum]],
        folder: Path,
        look_again: Callable[[], None],
    ) -> None:
        self._dispatch: Dispatch[int] = Dispatch(ceiling)
        self._maxima = maxima
        self._folder = folder
        self._look_again = look_again
        self._lanes: dict[Maximum, _Lanes] = {}
        self._runs: dict[_Key, tuple[str, float | None]] = {}
        self._locked: dict[_Key, list[tuple[_Lanes, int]]] = {}

    @property
    def in_flight(self) -> int:
        return self._dispatch.in_flight

    def add(self, key: int, group: str, expected_s: float | None = None) -> None:
        self._runs[key] = group, expected_s
        self._dispatch.add(key, group, expected_s)

    def take(self) -> int | None:
        while (key := self._dispatch.take()) is not None:
            group, expected_s = self._runs[key]
            if self._lock(key, group):
                return key
            self._dispatch.done(key)
            self._dispatch.add(key, group, expected_s)
            self._wait_for(group)
        return None

    def join(self, key: CallKey, group: str) -> None:
        self._runs[key] = group, None
        self._dispatch.join(key, group)

    def done(self, key: _Key, *, answered: bool = False) -> None:
        self._dispatch.done(key, answered=answered)
        self._unlock(key)
        del self._runs[key]

    def leave(self, key: _Key, *, limited: bool = False) -> None:
        self._dispatch.leave(key, limited=limited)
        self._unlock(key)

    def reenter(self, key: _Key) -> bool:
        group, _ = self._runs[key]
        if not self._dispatch.reenter(key):
            return False
        if self._lock(key, group):
            return True
        self._dispatch.leave(key)
        self._wait_for(group)
        return False

    def hold(self, key: _Key, group: str) -> None:
        self._dispatch.hold(key, group)

    def release(self, key: _Key, group: str) -> None:
        self._dispatch.release(key, group)

    def _wait_for(self, group: str) -> None:
        """Hold the group for a while: others have all of its lanes, and nobody says when one is free."""
        self._dispatch.hold(_NOBODY, group)
        asyncio.get_running_loop().call_later(_LOOK_AGAIN_S, self._try_again, group)

    def _try_again(self, group: str) -> None:
        self._dispatch.release(_NOBODY, group)
        self._look_again()

    def _lock(self, key: _Key, group: str) -> bool:
        """Take a lane of each kind, or none: to keep one while waiting for another would keep others from it."""
        locked = self._locked[key] = []
        for maximum in self._maxima(group):
            lanes = self._lanes_of(maximum)
            lane = lanes.take()
            if lane is None:
                self._unlock(key)
                return False
            locked.append((lanes, lane))
        return True

    def _unlock(self, key: _Key) -> None:
        for lanes, lane in self._locked.pop(key, ()):
            lanes.leave(lane)

    def _lanes_of(self, maximum: Maximum) -> _Lanes:
        if maximum not in self._lanes:
            name = hashlib.sha256(maximum.name.encode("utf-8", "surrogatepass")).hexdigest()
            self._lanes[maximum] = _Lanes(self._folder / f"{name}.lanes", maximum.most)
        return self._lanes[maximum]


class _Lanes:
    """Lanes as locks on a file's bytes. A process never asks for one that it has: the system would grant it again."""

    def __init__(self, path: Path, most: int) -> None:
        # Never closed before the process ends: to close it unlocks all.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._most = most
        self._own: set[int] = set()

    def take(self) -> int | None:
        """Lock a byte, if there is one that no process has."""
        for lane in range(self._most):
            if lane not in self._own:
                with suppress(OSError):  # another process has it
                    fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lane)
                    self._own.add(lane)
                    return lane
        return None

    def leave(self, lane: int) -> None:
        self._own.discard(lane)
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, lane)
