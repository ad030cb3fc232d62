"""A worker's places where a scheduler of xdist's own distributes the items: no controller gives them out.

Such a scheduler binds an item to its worker before anybody knows what is in flight elsewhere. So the workers of a
session count together, in files of the controller's: a lane is a byte that one process has locked. The system unlocks
it when the process ends, however it ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pytest_benchmodels.engine.dispatch import Dispatch

with suppress(ImportError):  # Windows has no such locks
    import fcntl

__all__ = ["Maximum", "SharedPlaces", "can_share"]

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


class SharedPlaces:
    """Implements `Places` by item indices: a run starts when its model's lanes, and its account's, have room.

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
        self._runs: dict[int, tuple[str, float | None]] = {}
        self._locked: dict[int, list[tuple[_Lanes, int]]] = {}

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

    def done(self, key: int, *, answered: bool = False) -> None:
        self._dispatch.done(key, answered=answered)
        self._unlock(key)
        del self._runs[key]

    def leave(self, key: int, *, limited: bool = False) -> None:
        self._dispatch.leave(key, limited=limited)
        self._unlock(key)

    def reenter(self, key: int) -> bool:
        group, _ = self._runs[key]
        if not self._dispatch.reenter(key):
            return False
        if self._lock(key, group):
            return True
        self._dispatch.leave(key)
        self._wait_for(group)
        return False

    def hold(self, key: int, group: str) -> None:
        self._dispatch.hold(key, group)

    def release(self, key: int, group: str) -> None:
        self._dispatch.release(key, group)

    def _wait_for(self, group: str) -> None:
        """Others have all of its lanes, and nobody says when one falls free."""
        self._dispatch.hold(_NOBODY, group)
        asyncio.get_running_loop().call_later(_LOOK_AGAIN_S, self._try_again, group)

    def _try_again(self, group: str) -> None:
        self._dispatch.release(_NOBODY, group)
        self._look_again()

    def _lock(self, key: int, group: str) -> bool:
        """Take a lane of each kind, or none: who kept one while waiting for another would keep others from it."""
        locked = self._locked[key] = []
        for maximum in self._maxima(group):
            lanes = self._lanes_of(maximum)
            lane = lanes.take()
            if lane is None:
                self._unlock(key)
                return False
            locked.append((lanes, lane))
        return True

    def _unlock(self, key: int) -> None:
        for lanes, lane in self._locked.pop(key, ()):
            lanes.leave(lane)

    def _lanes_of(self, maximum: Maximum) -> _Lanes:
        if maximum not in self._lanes:
            name = hashlib.sha256(maximum.name.encode("utf-8", "surrogatepass")).hexdigest()
            self._lanes[maximum] = _Lanes(self._folder / f"{name}.lanes", maximum.most)
        return self._lanes[maximum]


class _Lanes:
    """The bytes of a file. A process never asks for one that it has: the system would grant it again."""

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
