"""What an unfinished run still lacks, when another session takes it up."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from pytest_benchmodels.core.text import well_formed

if TYPE_CHECKING:
    from pytest_benchmodels.store import Extent, Store, StoredRun

__all__ = ["Remainder"]


class Remainder:
    """Knows what a run is to have and which of it has no verdict; hears what this session is asked for, and ends.

    `extent` is what the run is to have, `command` the command line that began it, word by word. Raises `StoreError` if
    the store cannot tell.
    """

    def __init__(self, store: Store, run: StoredRun) -> None:
        self.command = run.command
        self.extent: Extent = store.runs.extent(run)
        decided = {nodeid for nodeid, (is_verdict, _) in store.results.ranks(run.id).items() if is_verdict}
        self._lacking = set(self.extent.nodeids - decided)

    def ask(self, nodeids: Iterable[str]) -> None:
        """This session is asked for these: whether it ends them is its own affair."""
        asked = set(map(well_formed, nodeids))
        self.extent = self.extent.and_session(asked)
        self._lacking -= asked

    def settle(self, nodeid: str) -> None:
        """A result came in, asked for or not."""
        self._lacking.discard(well_formed(nodeid))

    @property
    def nodeids(self) -> AbstractSet[str]:
        """What has no verdict and was not asked for here, as far as it can be named."""
        return self._lacking

    @property
    def count(self) -> int:
        """How many have no verdict and were not asked for here."""
        return self.extent.unnamed + len(self._lacking)
