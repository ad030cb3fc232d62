"""How much a run is to have, as far as its sessions were asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

__all__ = ["Extent"]


@dataclass(frozen=True, slots=True)
class Extent:
    """The results that a run is to have: those of `nodeids`, and `unnamed` more of which only the number is known.

    A store that an older version wrote has numbers only, and so has a `--bench-json` file.
    """

    nodeids: frozenset[str] = frozenset()
    unnamed: int = 0

    @property
    def total(self) -> int:
        return len(self.nodeids) + self.unnamed

    def and_session(self, nodeids: Iterable[str]) -> Extent:
        """With what one more session is asked for: what is new of it may be what could not be named before."""
        together = self.nodeids.union(nodeids)
        return Extent(together, max(0, self.unnamed - (len(together) - len(self.nodeids))))

    def without(self, nodeids: AbstractSet[str]) -> Extent:
        """What is left when these are no longer to be had."""
        return Extent(self.nodeids - nodeids, self.unnamed)

    def and_part(self, other: Extent) -> Extent:
        """With another part of the same suite, which shares no result with this one but those that both name."""
        return Extent(self.nodeids | other.nodeids, self.unnamed + other.unnamed)
