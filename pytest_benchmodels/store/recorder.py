"""A session's results, kept whatever becomes of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import Result

from .coding import decode_result, encode_result
from .record import Beginning, Record
from .store import Store

__all__ = ["Recorder"]

T = TypeVar("T")


class Recorder:
    """Writes to a store as long as it lets itself be written to, and raises nothing when it no longer does.

    The first failure is handed to `warn` as a text for the user; from then on the session has no store. All results
    of the session stay in memory, about a kilobyte each and as much again as their answers are long, so that reports
    are complete.
    """

    def __init__(self, store: Store | None, run_id: str | None, warn: Callable[[str], None]) -> None:
        self._store = store
        self._warn = warn
        self._kept: dict[str, str] = {}
        self.run_id = run_id

    @classmethod
    def begin(cls, path: Path, beginning: Beginning, warn: Callable[[str], None]) -> Self:
        """Open or make the store at `path` and begin a run in it."""
        recorder = cls(None, None, warn)
        try:
            recorder._store = Store.open(path)
        except StoreError as error:
            recorder._give_up(error)
        recorder.run_id = recorder.attempt(lambda store: store.runs.begin(beginning), None)
        return recorder

    @classmethod
    def resume(cls, store: Store, run_id: str, warn: Callable[[str], None]) -> Self:
        """Go on with a run of this store. Raises `StoreError` if that cannot be: the user asked for just this."""
        store.runs.resume(run_id)
        return cls(store, run_id, warn)

    def add(self, record: Record) -> None:
        """Keep a result and its answers: durably when this returns, if there still is a store."""
        self.take_over(record.result)
        if self.run_id is not None:
            run_id = self.run_id
            self.attempt(lambda store: store.results.add(run_id, (record,)), None)

    def take_over(self, result: Result) -> None:
        """Count a result that the store has already as one of this session's."""
        self._kept[result.nodeid] = encode_result(result)

    def results(self) -> Iterator[Result]:
        """Each run's last result, in the order in which the runs first came in."""
        return map(decode_result, self._kept.values())

    def attempt(self, action: Callable[[Store], T], otherwise: T) -> T:
        """What `action` returns of the store; `otherwise` if there is none or it fails."""
        if self._store is None:
            return otherwise
        try:
            return action(self._store)
        except StoreError as error:
            self._give_up(error)
            return otherwise

    def close(self, *, finished: bool) -> None:
        """End the session's work on the run. One that is not `finished` can be resumed."""
        if self.run_id is not None:
            run_id = self.run_id
            self.attempt(lambda store: store.runs.finish(run_id) if finished else store.runs.interrupt(run_id), None)
        self.attempt(lambda store: store.close(), None)
        self._store = None

    def _give_up(self, error: StoreError) -> None:
        store, self._store = self._store, None
        self._warn(f"{error}. This session goes on without a store: its reports are complete, but it cannot be resumed")
        with suppress(StoreError):
            if store is not None:
                store.close()
