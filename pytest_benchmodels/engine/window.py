"""How many runs of a model may be in flight: as many as the server bears."""

from __future__ import annotations

__all__ = ["Window"]

_DECREASE = 0.9


class Window:
    """Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989).

    A server that answers 429 bears what is in flight without that request: the window shrinks to this, and by a tenth
    more once per round: what was sent before the last decrease says nothing new. Each answer widens it by one over its
    size, so by one per round, up to the ceiling. With `fixed` it stays at the ceiling. Knows no clock.
    """

    def __init__(self, ceiling: int, *, fixed: bool = False) -> None:
        self.ceiling = ceiling
        """What `size` never exceeds."""
        self._fixed = fixed
        self._size = float(ceiling)
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
        self._size = min(self._size + 1 / self._size, self.ceiling)

    def shrink(self, in_flight: int, started_in: int) -> None:
        """The server said 'too many' to a run that started in round `started_in`; `in_flight` are left."""
        if self._fixed:
            return
        self._size = max(1.0, min(self._size, in_flight))
        if started_in == self._round:
            self._size = max(1.0, self._size * _DECREASE)
            self._round += 1
