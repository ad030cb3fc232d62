"""How many runs of a model may be in flight: as many as the server bears."""

from __future__ import annotations

__all__ = ["Window"]

_DECREASE = 0.9


class Window:
    """Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989), with a quick way back.

    A server that answers 429 bears what is in flight without that request: the window shrinks to this, and by a tenth
    more once per round: what was sent before the last decrease says nothing new. Each answer widens it, up to the
    ceiling: by one over its size, so by one per round, and as long as it is below where it was last refused also by
    that distance over its size. Where a server sends 429 for reasons of its own, now and then, the window therefore
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
        # A tenth above what it refused: one more refusal of a round, by chance, is not to move it.
        self._refused_at = min(self._size if is_new else self._refused_at, (in_flight + 1) / _DECREASE)
        self._size = max(1.0, min(self._size, in_flight))
        if is_new:
            self._size = max(1.0, self._size * _DECREASE)
            self._round += 1
