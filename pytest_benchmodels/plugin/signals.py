"""What a worker tells our scheduler about a run that it holds.

xdist lets workers send a fixed set of events. Of these `unscheduled` carries a list of numbers to the scheduler's
`remove_pending_tests_from_node`, and nobody else: it answers `steal`, which our scheduler never asks for. So a signal
travels as `[signal, item index]`.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Signal"]


class Signal(IntEnum):
    LEFT = 1
    """The run waits for its next attempt; its lane is free."""
    LIMITED = 2
    """The same, because the server said "too many"."""
    WANTED = 3
    """The run is due, and wants a lane again: it is sent once more, and goes on."""
    HELD = 4
    """No run of this one's model is to start, anywhere."""
    RELEASED = 5
    """The end of that."""
