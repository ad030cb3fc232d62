"""A worker's places: the controller's scheduler gives them, a worker asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .signals import Signal

__all__ = ["SentPlaces"]


class SentPlaces:
    """Implements `Places` by item indices: whatever the controller sends may start, or go on, at once."""

    def __init__(self, send: Callable[[Signal, int], None]) -> None:
        self._send = send
        self._pending: deque[int] = deque()
        self._begun: set[int] = set()
        self._taken: set[int] = set()
        self._away: set[int] = set()
        self._asked: set[int] = set()
        self._granted: set[int] = set()

    @property
    def in_flight(self) -> int:
        return len(self._taken)

    def grant(self, key: int) -> bool:
        """Let a run that left its place go on. False if it never began: it is to start.

        A run whose time limit ended it while its place was on the way has begun, and is not to start again.
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

    def done(self, key: int, *, answered: bool = False) -> None:  # noqa: ARG002 - the scheduler hears it from the report
        for keys in (self._taken, self._away, self._asked, self._granted):
            keys.discard(key)

    def leave(self, key: int, *, limited: bool = False) -> None:
        self._taken.discard(key)
        self._away.add(key)
        self._send(Signal.LIMITED if limited else Signal.LEFT, key)

    def reenter(self, key: int) -> bool:
        if key not in self._asked:
            self._asked.add(key)
            self._send(Signal.WANTED, key)
        if key not in self._granted:
            return False
        for keys in (self._away, self._asked, self._granted):
            keys.discard(key)
        self._taken.add(key)
        return True

    def hold(self, key: int, group: str) -> None:  # noqa: ARG002 - the scheduler knows the key's group
        self._send(Signal.HELD, key)

    def release(self, key: int, group: str) -> None:  # noqa: ARG002 - the same
        self._send(Signal.RELEASED, key)
