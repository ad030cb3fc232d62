"""A store: one file with runs, their results and the models' answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pytest_benchmodels.core.errors import StoreError

from .database import Database
from .patience import Patience
from .record import Pruned, Record, StoredRun
from .responses import Responses
from .results import Results
from .runs import Runs
from .upkeep import join, merge, move_run, prune, restore_run

__all__ = ["Store"]

_USUAL = Patience()


class Store:
    """What was run and answered: `runs`, their `results`, and `responses` by what was sent.

    Several sessions may use one file at once. An instance belongs to the thread that opened it. Everything here
    raises `StoreError` where the file cannot be read or written, is damaged or no store; a `Recorder` lives with that.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = Runs(database)
        self.results = Results(database)
        self.responses = Responses(database)

    @classmethod
    def open(cls, path: Path, patience: Patience = _USUAL) -> Self:
        """Open for reading and writing; make the file, and its folder, where there is none.

        `patience` is for whenever another process writes.
        """
        return cls(Database.open(path, patience))

    @classmethod
    def open_to_read(cls, path: Path, patience: Patience = _USUAL) -> Self:
        """Open a file that exists, be it where nobody can write. Nothing is made or changed.

        Only a store that an older version wrote is brought up to date first; it is an error where that cannot be.
        """
        return cls(Database.open_to_read(path, patience))

    @property
    def path(self) -> Path:
        return self._database.path

    def prune(self, *, keep: int | None = None, older_than_s: float | None = None, dry: bool = False) -> Pruned:
        """Remove runs, their results, and answers that no other result rests on; return what was removed.

        With `keep` all but the newest so many runs, with `older_than_s` those that began longer ago; with both, those
        that are both; with neither, none. A run that is still running stays. `dry` removes nothing, but tells.
        """
        return prune(self._database, keep=keep, older_than_s=older_than_s, dry=dry)

    def merge(self, other: Store) -> tuple[str, ...]:
        """Copy all runs and answers of another store into this one; return the ids of the runs that were not here.

        Where both have a result of the same run and node id, a verdict wins over none, then the later. The newer
        answers win.
        """
        return merge(self._database, other._database)

    def join(self, run_ids: Sequence[str]) -> str:
        """Make one run of several, such as the shards of a suite; return its id. The several stay as they are.

        It began with the first of them, and is finished if all of them are. Where two have a result of the same node
        id, a verdict wins over none, then the later.
        """
        return join(self._database, run_ids)

    def anew(self, run: StoredRun, kept: Iterable[Record] = ()) -> Self:
        """Where the file was deleted or replaced: the store at its path, a new one where there is none, with this run.

        The run's results come along, for a file that is open stays readable; where it was cut short and is not, those
        that were `kept` elsewhere. This one is closed.
        """
        database = self._database.anew()
        try:
            try:
                move_run(database, self._database, run.id)
            except StoreError:
                restore_run(database, run, kept)
        except BaseException:
            database.close()
            raise
        self._database.close()
        return type(self)(database)

    def shrink(self) -> None:
        """Give the space of what was pruned back to the file system: the file is written anew."""
        self._database.shrink()

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
