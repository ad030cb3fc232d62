"""What an unfinished run still lacks, when another session takes it up."""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_benchmodels.core.text import well_formed

if TYPE_CHECKING:
    from pytest_benchmodels.store import Extent, Store, StoredRun

__all__ = ["Remainder"]


class Remainder:
    """Knows what a run is to have and which of it has no verdict; hears what this session is asked for, and ends.

    `extent` is what the run is to have, `command` the command line that began it, word by word, `gone` what was found
    to be no longer in the suite. Raises `StoreError` if the store cannot tell.
    """

    def __init__(self, store: Store, run: StoredRun) -> None:
        self.command = run.command
        self._is_of_one_session = len(run.sessions) == 1
        self.extent: Extent = store.runs.extent(run)
        decided = {nodeid for nodeid, (is_verdict, _) in store.results.ranks(run.id).items() if is_verdict}
        self._lacking = set(self.extent.nodeids - decided)
        self.gone: AbstractSet[str] = frozenset()

    def ask(self, nodeids: Iterable[str]) -> None:
        """This session is asked for these: whether it ends them is its own affair."""
        asked = set(map(well_formed, nodeids))
        self.extent = self.extent.and_session(asked)
        self._lacking -= asked

    def forget_gone(self, asked: Iterable[str], folder: Path) -> None:
        """Give up what a session that asks for the whole run again no longer finds; `folder` is where node ids begin.

        A file of which nothing was asked for, and which is still there, may only be out of this session's sight: it
        cannot be read, or pytest was started in another folder. What lacks a verdict there stays to be run.
        """
        scenarios = {_scenario_of(well_formed(nodeid)) for nodeid in asked}
        seen = set(map(_file_of, scenarios))
        unseen = set(map(_file_of, self._lacking)) - seen
        lost = {file for file in unseen if not os.path.lexists(folder / file)}

        def is_gone(nodeid: str) -> bool:
            file = _file_of(nodeid)
            # A session in between may have asked for further models or trials of what is still there.
            is_other = self._is_of_one_session or _scenario_of(nodeid) not in scenarios
            return file in lost or (file in seen and is_other)

        self.gone = frozenset(filter(is_gone, self._lacking))
        self.extent = self.extent.without(self.gone)
        self._lacking -= self.gone

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


def _scenario_of(nodeid: str) -> str:
    """With its file, without model and trial."""
    return nodeid.rpartition("[")[0]


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
