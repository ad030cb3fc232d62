"""What an unfinished run still lacks, when another session takes it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.store import Store, StoredRun

__all__ = ["Remainder"]


class Remainder:
    """Knows which results are there and which of them are verdicts; hears of those that come in.

    `total` is how many results the run is to have, as far as any of its sessions knew.
    """

    def __init__(self, store: Store, run: StoredRun) -> None:
        ranks = store.results.ranks(run.id)
        self._present = set(ranks)
        self._undecided = {nodeid for nodeid, (is_verdict, _) in ranks.items() if not is_verdict}
        self.total = run.total or 0

    def settle(self, nodeid: str) -> None:
        """A result came in."""
        self._present.add(nodeid)
        self._undecided.discard(nodeid)

    @property
    def count(self) -> int:
        """How many runs this session did not collect that have no result, or none with a verdict."""
        return max(0, self.total - len(self._present)) + len(self._undecided)
