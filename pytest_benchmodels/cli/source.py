"""Which results a command is about: where its project and its store are, and the runs of a store or of a file."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from pytest_benchmodels.cli.output import Output, is_time
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Session
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.reports.bench_json import BenchDocument, read_bench_json
from pytest_benchmodels.statistics.outcomes import Coverage
from pytest_benchmodels.statistics.run_tally import RunTally
from pytest_benchmodels.store import LockWait, Record, Store, StoredCall, StoredConversation, StoredRun, conversation_of

__all__ = ["FileSource", "Source", "StoreSource", "find_store", "open_source", "open_store", "read_store"]

_USUAL = Path(".benchmodels") / "store.sqlite"


def _tell(text: str) -> None:
    Output(sys.stderr).line(f"benchmodels: {text}")


_LOCK_WAIT = LockWait(tell=_tell)


def find_store(named: str | None) -> Path:
    """The store that was named, else the nearest one, upwards from the current folder.

    Raises `ConfigError` where there is none.
    """
    if named is not None:
        if not Path(named).is_file():
            raise ConfigError(
                f"--store {quote(named, 300)}: there is no such file; name a store that pytest --bench made"
            )
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _USUAL).is_file():
            return folder / _USUAL
    raise ConfigError(
        f"no store {_USUAL} in this folder or above; run `pytest --bench` first, or name one with --store"
    )


def open_store(named: str | None) -> Store:
    """Open a store that exists, for reading and writing. Raises `ConfigError` or `StoreError`."""
    return Store.open(find_store(named), _LOCK_WAIT)


def read_store(named: str | None) -> Store:
    """Open a store that exists, to read; one that an older version wrote is brought up to date where that can be.

    Raises `ConfigError` or `StoreError`.
    """
    return Store.open_to_read(find_store(named), _LOCK_WAIT)


_INTERRUPTED = 2


class Source(Protocol):
    """A run and its results. Its methods raise `BenchError` where a store or file turns out to be damaged."""

    @property
    def name(self) -> str:
        """What a reader calls it: `run 20260131-120000-3f9ac1`, or the file."""

    @property
    def run(self) -> StoredRun:
        """What is known of it as a whole."""

    @property
    def duration_s(self) -> float | None:
        """How long its sessions took, in seconds; None where only its results tell."""

    def results(self) -> Iterator[Result]:
        """One after another, in the order in which they came in."""

    def records(self) -> Iterator[Record]:
        """The same with the fingerprints of their grades, as another store needs them; without answers."""

    def transcripts(self) -> Iterator[Record]:
        """The results with what was asked and answered, as far as it is known."""

    def copy_answers(self, store: Store) -> None:
        """Let another store have the answers and calls that its results rest on, as far as they are here."""

    def coverage(self, tally: RunTally) -> Coverage:
        """How many runs there were to be, as far as it is known; `tally` has counted its results."""

    def expected(self) -> Collection[str]:
        """The node ids that the run was to have, with or without those that have a result, as far as they are known."""

    def answers(self, result: Result) -> StoredConversation:
        """What was asked and answered in each turn, as far as it is known."""

    def calls(self, result: Result) -> Mapping[str, StoredCall]:
        """What it asked other models, by the fingerprint that its summary of the call has, as far as it is known."""


class StoreSource:
    """A run of a store."""

    duration_s = None

    def __init__(self, store: Store, run: StoredRun) -> None:
        self._store = store
        self.run = run
        self.name = f"run {run.id}"

    def results(self) -> Iterator[Result]:
        return _dated(self.name, self._store.results.of(self.run.id))

    def records(self) -> Iterator[Record]:
        return self._store.results.records(self.run.id)

    def transcripts(self) -> Iterator[Record]:
        return self._store.transcripts(self.results())

    def copy_answers(self, store: Store) -> None:
        store.copy_answers(self._store, self.run.id)

    def coverage(self, tally: RunTally) -> Coverage:
        extent = self._store.runs.extent(self.run)
        return tally.coverage(extent.nodeids, extent.unnamed)

    def expected(self) -> Collection[str]:
        return self._store.runs.extent(self.run).nodeids

    def answers(self, result: Result) -> StoredConversation:
        return conversation_of(result, self._store.responses.find(result.fingerprint))

    def calls(self, result: Result) -> Mapping[str, StoredCall]:
        return self._store.calls.find_all(call.fingerprint for call in result.other_calls)


class FileSource:
    """A `--bench-json` file."""

    def __init__(self, document: BenchDocument) -> None:
        self._document = document
        self.name = str(document.path)
        self.run = _run_of(document)
        self.duration_s = _number(document.run.get("duration_s"))

    def results(self) -> Iterator[Result]:
        return _dated(self.name, self._document.results())

    def records(self) -> Iterator[Record]:
        for result in self.results():
            yield Record(result, (), result.grade_fingerprint)

    def transcripts(self) -> Iterator[Record]:
        return map(Record, self.results())

    def copy_answers(self, store: Store) -> None:
        """It has answers only, without what was asked, and nothing of other models."""
        store.responses.add((each.fingerprint, conversation_of(each)) for each in self.results() if each.all_answers)

    def coverage(self, tally: RunTally) -> Coverage:
        return tally.coverage().at_least(_counts(self._document.run.get("planned")))

    def expected(self) -> Collection[str]:
        return self._document.not_started

    def answers(self, result: Result) -> StoredConversation:
        return conversation_of(result)

    def calls(self, result: Result) -> Mapping[str, StoredCall]:  # noqa: ARG002 - a Source
        return {}


@contextmanager
def open_source(name: str, store: str | None) -> Iterator[Source]:
    """The file of this name, else the run of a store (`Runs.find`). Raises `BenchError` if there is neither."""
    if Path(name).is_file():
        yield FileSource(read_bench_json(Path(name)))
        return
    try:
        opened = read_store(store)
    except ConfigError as error:
        raise ConfigError(f"there is no file {quote(name, 300)}, and {error}") from None
    with opened:
        yield StoreSource(opened, opened.runs.find(name))


def _dated(name: str, results: Iterator[Result]) -> Iterator[Result]:
    """The same results; raises `ConfigError` for one whose time no report could write."""
    for result in results:
        if not is_time(result.started_at):
            told = f"its result {quote(result.nodeid)} began at {result.started_at!r}, which is no time"
            raise ConfigError(f"{quote(name, 300)} is damaged: {told}; run it again")
        yield result


def _run_of(document: BenchDocument) -> StoredRun:
    """The run as the file's `run` object has it; every entry may be missing."""
    facts = document.run
    started_at, duration_s = _seconds(facts.get("started_at")), _number(facts.get("duration_s"))
    interrupted = facts.get("exit_status") == _INTERRUPTED
    return StoredRun(
        id=_text(facts.get("id")) or document.path.stem,
        started_at=started_at,
        finished_at=None if interrupted else started_at + duration_s,
        state="interrupted" if interrupted else "finished",
        command=(),
        plugin_version=_text(facts.get("plugin_version")),
        total=None if interrupted else len(document),
        shard=_text(facts.get("shard")) or None,
        sessions=_sessions(facts.get("sessions")),
    )


def _sessions(listed: Any) -> tuple[Session, ...]:
    """All sessions, or none if any is damaged: results refer to them by number."""
    try:
        plain = [{**entry, "started_at": _seconds(entry.get("started_at"))} for entry in listed]
        return msgspec.convert(plain, tuple[Session, ...])
    except (AttributeError, TypeError, msgspec.ValidationError):
        return ()


def _seconds(moment: Any) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _counts(listed: Any) -> dict[str, int]:
    return {name: count for name, count in listed.items() if type(count) is int} if isinstance(listed, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
