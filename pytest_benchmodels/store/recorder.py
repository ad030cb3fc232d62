"""A session's results, kept whatever becomes of the store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Self, TypeVar

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.plain_result import decode_record, encode_record
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.store.database import StoreLostError
from pytest_benchmodels.store.record import Beginning, StoredRun
from pytest_benchmodels.store.store import Store

__all__ = ["Recorder", "ResultLog"]

_BUFFERED_BYTES = 1_000_000
_LENGTH_BYTES = 8


class ResultLog:
    """Texts that are put aside: a megabyte in memory, the rest in a file without a name.

    Whatever ends the process, nothing of the file is left. Where it cannot be made or written, everything stays in
    memory.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._is_usable = True
        self._written = 0
        self._buffer = bytearray()

    def append(self, text: str) -> None:
        """Put a text aside; it holds no lone surrogates."""
        data = text.encode()
        self._buffer += len(data).to_bytes(_LENGTH_BYTES)
        self._buffer += data
        if len(self._buffer) > _BUFFERED_BYTES and self._is_usable:
            self._spill()

    def __iter__(self) -> Iterator[str]:
        """All texts in their order. No other may be put aside meanwhile."""
        if self._file is not None:
            self._file.seek(0)
            while self._file.tell() < self._written:
                length = int.from_bytes(self._file.read(_LENGTH_BYTES))
                yield self._file.read(length).decode()
        start = 0
        while start < len(self._buffer):
            first = start + _LENGTH_BYTES
            start = first + int.from_bytes(self._buffer[start:first])
            yield self._buffer[first:start].decode()

    def _spill(self) -> None:
        try:
            if self._file is None:
                # Without a buffer of its own, which would try again and again to write what could not be written.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the log lives
            self._file.seek(self._written)
            self._is_usable = self._file.write(self._buffer) == len(self._buffer)
        except OSError:
            self._is_usable = False
        if self._is_usable:
            self._written += len(self._buffer)
            self._buffer.clear()

    def close(self) -> None:
        """Forget all of it."""
        self._buffer.clear()
        self._written = 0
        if self._file is not None:
            self._file.close()
            self._file = None


T = TypeVar("T")


class Recorder:
    """Writes to a store as long as it lets itself be written to, and raises nothing when it no longer does.

    The first failure is handed to `warn` as a text for the user; from then on the session has no store, and `run_id`
    is None. A store whose file was deleted, replaced or cut short is no failure: the run goes on in a new one at the
    same path, which `warn` hears too. All results of the session are put aside as well, so that reports are complete
    whatever is left of the store: in a file that nobody else sees. Of each the node id stays in memory. With `reports`
    false nobody is going to ask for them.
    """

    def __init__(
        self, store: Store | None, run_id: str | None, warn: Callable[[str], None], *, reports: bool = True
    ) -> None:
        self._store = store
        self._warn = warn
        self._reports = reports
        self._result_log = ResultLog()
        self._last: dict[str, int] = {}
        self._count = 0
        self._run: StoredRun | None = None
        self.run_id = run_id
        self._remember()

    @classmethod
    def begin(
        cls,
        open_store: Callable[[], Store],
        beginning: Beginning,
        warn: Callable[[str], None],
        *,
        reports: bool = True,
    ) -> Self:
        """Open or make a store, and begin a run in it."""
        recorder = cls(None, None, warn, reports=reports)
        try:
            recorder._store = open_store()
        except StoreError as error:
            recorder._give_up(error)
        recorder.run_id = recorder.attempt(lambda store: store.runs.begin(beginning), None)
        recorder._remember()
        return recorder

    @classmethod
    def resume(cls, store: Store, run_id: str, warn: Callable[[str], None], *, reports: bool = True) -> Self:
        """Go on with a run of this store. Raises `StoreError` if that cannot be: the user asked for just this."""
        store.runs.resume(run_id)
        return cls(store, run_id, warn, reports=reports)

    def add(self, record: Record) -> None:
        """Keep a result and its answers: durably when this returns, if there still is a store.

        Without one, what was asked is put aside as well, for reports.
        """
        self._put_aside(Record(record.result) if self.run_id is not None else record)
        if self.run_id is not None:
            run_id = self.run_id
            self.attempt(lambda store: store.results.add(run_id, (record,)), None)

    def add_ahead(self, records: Sequence[Record]) -> None:
        """Write several at once, each of which is still to be counted by `take_over`: a tenth of the work each."""
        if self.run_id is not None:
            run_id = self.run_id
            self.attempt(lambda store: store.results.add(run_id, records), None)

    def take_over(self, result: Result) -> None:
        """Count a result that the store has already as one of this session's."""
        self._put_aside(Record(result))

    def _put_aside(self, record: Record) -> None:
        if not self._reports:
            return
        self._result_log.append(encode_record(record))
        self._last[record.result.nodeid] = self._count
        self._count += 1

    def results(self) -> Iterator[Result]:
        """Each run's last result, one after another, in the order in which they came in."""
        return (record.result for record in self.records())

    def records(self) -> Iterator[Record]:
        """The same with what was asked, as far as no store has it."""
        last = set(self._last.values())
        return (decode_record(text) for number, text in enumerate(self._result_log) if number in last)

    def _remember(self) -> None:
        """Keep what is known of the run, in case the file is cut short."""
        if self.run_id is not None:
            run_id = self.run_id
            self._run = self.attempt(lambda store: store.runs.find(run_id), None)

    def attempt(self, action: Callable[[Store], T], otherwise: T) -> T:
        """What `action` returns of the store; `otherwise` if there is none or it fails."""
        if self._store is None:
            return otherwise
        try:
            return self._act(self._store, action)
        except StoreError as error:
            self._give_up(error)
            return otherwise

    def _act(self, store: Store, action: Callable[[Store], T]) -> T:
        """The action's result. If somebody took the store's file away, the action works on a new one."""
        try:
            return action(store)
        except StoreLostError as lost:
            if self._run is None:
                raise
            self._store = store = store.anew(self._run, map(Record, self.results()))
            self._warn(
                f"{lost}. This session goes on in a new one there, with all results of its own run so far; "
                "other runs that it had are not in it"
            )
            return action(store)

    def close(self, *, finished: bool, at: float | None = None) -> None:
        """End the session's work on the run. One that is not `finished` can be resumed. `at`: see `Runs.finish`."""
        if self.run_id is not None:
            run_id = self.run_id
            self.attempt(lambda s: s.runs.finish(run_id, at) if finished else s.runs.interrupt(run_id), None)
        self.attempt(lambda store: store.close(), None)
        self._store = None

    def _give_up(self, error: StoreError) -> None:
        store, self._store, self.run_id = self._store, None, None
        self._warn(f"{error}. This session goes on without a store: its reports are complete, but it cannot be resumed")
        with suppress(StoreError):
            if store is not None:
                store.close()
