"""Keeps each result in the store before anybody hears of it, and finds the run that is to be finished."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.core.run import Session, file_of, scenario_of
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.text import plain, well_formed
from pytest_benchmodels.reports.units import plural
from pytest_benchmodels.store import Beginning, Begun, Extent, LockWait, Recorder, Store

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.session.bench import Bench
    from pytest_benchmodels.store import Extent, Store, StoredRun

__all__ = ["PendingRuns", "ResultWriter"]


class PendingRuns:
    """What a run of the suite is to have, and what of it has no verdict yet, as this session asks for and ends it.

    `extent` is what the run is to have, `command` the command line that began it, word by word, `gone` what is no
    longer in the suite. Raises `StoreError` if the store cannot tell.
    """

    def __init__(self, store: Store, run: StoredRun) -> None:
        self.command = run.command
        self._is_of_one_session = len(run.sessions) == 1
        self.extent: Extent = store.runs.extent(run)
        ranks = store.results.ranks(run.id)
        self._decided = frozenset([nodeid for nodeid, (is_verdict, _) in ranks.items() if is_verdict])
        self._lacking = set(self.extent.nodeids - self._decided)
        self.gone: AbstractSet[str] = frozenset()

    def ask(self, nodeids: Iterable[str]) -> None:
        """This session was asked for these. Whether it finishes them is its own affair."""
        asked = set(map(well_formed, nodeids))
        self.extent = self.extent.and_session(asked)
        self._lacking -= asked

    def forget_gone(self, asked: Iterable[str], folder: Path) -> None:
        """Give up what a session that asks for the whole run again no longer finds; `folder` is where node ids begin.

        A file of which nothing was asked for, and which is still there, may only be out of this session's sight: it
        cannot be read, or pytest was started in another folder. What lacks a verdict there stays to be run.
        """
        scenarios = {scenario_of(well_formed(nodeid)) for nodeid in asked}
        seen = set(map(file_of, scenarios))
        unseen = set(map(file_of, self._lacking)) - seen
        lost = {file for file in unseen if not os.path.lexists(folder / file)}

        def is_gone(nodeid: str) -> bool:
            file = file_of(nodeid)
            # A session in between may have asked for further models or trials of what is still there.
            is_other = self._is_of_one_session or scenario_of(nodeid) not in scenarios
            return file in lost or (file in seen and is_other)

        self.gone = frozenset(filter(is_gone, self._lacking))
        self.extent = self.extent.without(self.gone)
        self._lacking -= self.gone

    def had(self, nodeid: str) -> bool:
        """Whether it had a verdict before this session."""
        return well_formed(nodeid) in self._decided

    def settle(self, nodeid: str) -> None:
        """A result came in, asked for or not."""
        self._lacking.discard(well_formed(nodeid))

    @property
    def nodeids(self) -> AbstractSet[str]:
        """The node ids, as far as they are known, without a verdict that were not asked for here."""
        return self._lacking

    @property
    def count(self) -> int:
        """How many have no verdict and were not asked for here."""
        return self.extent.unnamed + len(self._lacking)


_NOT_AGAIN = ("--bench-resume", "--bench-regrade", "-x", "--exitfirst")
"""What the command that finishes a run goes without.

Regrading calls no model, and so finishes nothing; `-x` would stop again at the failure that is taken over.
"""
_BY_HISTORY = ("lf", "stepwise")
"""Options whose choice of items depends on earlier sessions."""
_NOT_YET = ("budget", "not-stored")
"""Why a run was skipped that is still to be run."""


class ResultWriter:
    """Where results come together, the one writer of the store.

    A run begins in the store with its first result, so that collecting leaves nothing there. If a report is going to
    need the results, they are put aside as well, with a store or without. `started_at` is when this session began, in
    seconds since the epoch.
    """

    def __init__(self, config: pytest.Config, bench: Bench) -> None:
        self.started_at = bench.clock.now()
        self._config = config
        self._bench = bench
        self._settings = bench.settings
        self._progress = bench.progress
        self._recorder: Recorder | None = None
        self._pending_runs: PendingRuns | None = None
        self._earlier: tuple[Session, ...] = ()
        self._ahead: dict[str, tuple[Result, Result]] = {}  # as it is reported, and as it is kept
        self._begun: set[str] = set()  # node ids of runs that go on
        self._is_at_work = False
        self._is_complete = True
        self.problems: list[str] = []
        self.resumed = self._resume() if self._settings.reuse.resume else None

    @property
    def run_id(self) -> str | None:
        """The run's name in the store; None before its first result, and without a store."""
        return self._recorder.run_id if self._recorder else None

    @property
    def ahead(self) -> int:
        """How many results are in the store and have not been reported: what `-x` leaves behind."""
        return len(self._ahead)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that worked on the run, this one the last."""
        lanes = self._bench.lanes
        own = Session.of(self.started_at, self._settings.concurrency, lanes.windows, lanes.pools)
        return (*self._earlier, own)

    def results(self) -> Iterator[Result]:
        """Each run's last result, one after another."""
        return iter(()) if self._recorder is None else self._recorder.results()

    def transcripts(self) -> Iterator[Record]:
        """The same with what was asked and answered, once the work on the store has ended."""
        if self.run_id is None or self._settings.store is None:
            return iter(()) if self._recorder is None else self._recorder.records()
        try:
            store = Store.open_to_read(self._settings.store, LockWait(tell=self._say))
        except StoreError:
            return map(Record, self.results())
        return _closing(store, self.results())

    def keep(self, record: Record) -> None:
        """Store a result: durably when this returns, unless the store failed, which the user is told once."""
        result = record.result
        if self._settings.store is None and not self._settings.outputs:
            return
        recorder = self._at_work()
        if result.status == "error" or (result.error is not None and result.error.kind in _NOT_YET):
            self._is_complete = False
        if self._pending_runs is not None:
            self._pending_runs.settle(result.nodeid)
        self._keep(recorder, record)
        if self._had_begun(result):
            recorder.attempt(lambda store: store.responses.end(result.fingerprint), None)

    def _keep(self, recorder: Recorder, record: Record) -> None:
        result = record.result
        reported, kept = self._ahead.pop(result.nodeid, (None, result))
        # A plugin that reruns items may have thrown away the one that was written ahead.
        if reported is result or reported == result:
            recorder.take_over(kept)
        elif self._is_stored(result):
            recorder.take_over(result)
        else:
            recorder.add(self._in_session(record))

    def keep_ahead(self, ended: Iterable[tuple[Scenario, Result]]) -> None:
        """Write what is about to be reported, in one transaction instead of one each."""
        fresh = [Record.of_run(scenario, result) for scenario, result in ended if not self._is_stored(result)]
        if self._settings.store is None or not fresh:
            return
        recorder = self._at_work()
        kept = list(map(self._in_session, fresh))
        recorder.add_ahead(kept)
        for reported, record in zip(fresh, kept, strict=True):
            self._ahead[reported.result.nodeid] = reported.result, record.result

    def keep_begun(self, begun: Sequence[Begun]) -> None:
        """Write the answers so far of runs that go on: they survive whatever ends the session."""
        if self._settings.store is None:
            return
        self._at_work().attempt(lambda store: store.responses.begin(begun), None)
        self._begun.update(each.nodeid for each in begun)

    def _had_begun(self, result: Result) -> bool:
        """Whether its first answers were kept before it had a result, in this session or in an earlier one."""
        if result.nodeid in self._begun:
            self._begun.discard(result.nodeid)
            return True
        return not result.cached and any(call.cached and call.purpose == "answer" for call in result.calls)

    def _is_stored(self, result: Result) -> bool:
        """Whether the resumed run has it already.

        A timeout that `--bench-regrade` takes over may be another run's: it has no session in this one. Results of
        older versions have none either.
        """
        if self._pending_runs is None or not result.cached or result.regraded:
            return False
        return result.session > 0 or self._pending_runs.had(result.nodeid)

    def look(self) -> None:
        """Warn, before anything runs, if the store whose answers are to be reused cannot be read."""
        path = self._settings.store
        if path is None or not path.exists() or not self._settings.reuse:
            return
        try:
            Store.open_to_read(path, LockWait(tell=self._say)).close()
        except StoreError as error:
            self._warn(f"{error}. No answer of it is reused")

    def close(self, *, interrupted: bool) -> None:
        """End the work on the store. A run without a result, or with an error, can be finished by `--bench-resume`."""
        if self._recorder is not None:
            self._recorder.close(finished=self._is_finished() and not interrupted, at=self._bench.clock.now())

    def notes(self) -> Iterator[str]:
        """What of the run no longer exists; and how it can be finished, if it is not."""
        if self.run_id is not None and self._pending_runs is not None and self._pending_runs.gone:
            yield _no_longer_there(self.run_id, self._pending_runs.gone)
        if self.run_id is None or self._is_finished():
            return
        if self._pending_runs is not None and self._pending_runs.count:
            yield _not_asked_for(self.run_id, self._pending_runs)
        yield f"to finish this run: pytest {shlex.join(_again(self._command()))} --bench-resume"

    def _command(self) -> Sequence[str]:
        """The command line that asks for what is left: where this session's does not, that which began the run."""
        if self._pending_runs is not None and self._pending_runs.count:
            return self._pending_runs.command
        return self._typed()

    def _typed(self) -> tuple[str, ...]:
        return tuple(map(str, self._config.invocation_params.args))

    def _is_finished(self) -> bool:
        if self._settings.reuse.regrade and self._pending_runs is None:
            return True  # a run that calls no model: there is nothing that another session could finish
        # Where nothing at all came in, as with --collect-only, this session had no part in the run.
        done = self._progress.done > 0 and not self._progress.missing()
        return done and self._is_complete and not (self._pending_runs is not None and self._pending_runs.count)

    def _at_work(self) -> Recorder:
        """The recorder of the run, on which this session works from now on."""
        recorder = self._recorder = self._recorder or self._begin()
        if not self._is_at_work:
            self._is_at_work = True
            self._enter(recorder)
        return recorder

    def _enter(self, recorder: Recorder) -> None:
        """Let the store know of this session, and which results there are to be with those that it is asked for."""
        asked = self._progress.nodeids
        if self._pending_runs is not None:
            self._pending_runs.ask(asked)
            if asked and self._asks_again(self._pending_runs.command):
                self._pending_runs.forget_gone(asked, self._config.rootpath)
        extent = self._pending_runs.extent if self._pending_runs is not None else Extent(frozenset(asked))
        if (run_id := recorder.run_id) is not None:
            recorder.attempt(lambda store: store.runs.enter(run_id, self.sessions[-1]), None)
            if asked:  # nobody knows it where another plugin's loop runs the items
                recorder.attempt(lambda store: store.runs.expect(run_id, extent), None)

    def _asks_again(self, command: Sequence[str]) -> bool:
        """Whether this session asks for all that the command line asked for which began the run.

        The same words ask for something else where earlier failures or the other scenarios' durations decide, and where
        the environment adds words, which the store does not have. Of several sessions one may have asked for more than
        `-k` and the like pick.
        """
        option, settings = self._config.option, self._settings
        by_history = settings.shard or any(getattr(option, name, None) for name in _BY_HISTORY)
        if by_history or os.environ.get("PYTEST_ADDOPTS") or (settings.is_part and len(self._earlier) > 1):
            return False
        return _again(self._typed()) == _again(command)

    def _begin(self) -> Recorder:
        if self._settings.store is None:
            return Recorder(None, None, self._warn)
        shard = str(self._settings.shard) if self._settings.shard else None
        total = self._progress.total or None
        beginning = Beginning(self._typed(), version("pytest-benchmodels"), total, shard, self.started_at)
        open_store = partial(Store.open, self._settings.store, LockWait(tell=self._say))
        return Recorder.begin(open_store, beginning, self._warn, reports=bool(self._settings.outputs))

    def _in_session(self, record: Record) -> Record:
        """The record as it is stored: it tells by which of its run's sessions it was made."""
        session = record.result.session or len(self._earlier) + 1
        return replace(record, result=record.result.in_session(session))

    def _resume(self) -> str:
        path = self._settings.store
        if path is None or not path.exists():
            raise pytest.UsageError(f"--bench-resume: there is no store {path}; run without it first")
        try:
            store = Store.open(path, LockWait(tell=_say_early))
            unfinished = store.runs.newest_unfinished()
            if unfinished is None:
                raise pytest.UsageError(f"--bench-resume: no run of the store {path} is unfinished")
            self._refuse_another_shard(unfinished)
            self._pending_runs = PendingRuns(store, unfinished)
            self._earlier = unfinished.sessions
            reports = bool(self._settings.outputs)
            self._recorder = Recorder.resume(store, unfinished.id, self._warn, reports=reports)
        except StoreError as error:
            raise pytest.UsageError(f"--bench-resume: {error}") from None
        return unfinished.id

    def _refuse_another_shard(self, run: StoredRun) -> None:
        """Whatever is not in the run's own part would be paid for, and belong to no shard."""
        given = str(self._settings.shard) if self._settings.shard else None
        if run.shard is not None and run.shard != given:
            remedy = f"give --bench-shard {plain(run.shard)} {'as well' if given is None else f'instead of {given}'}"
            raise pytest.UsageError(
                f"--bench-resume: run {plain(run.id)} is shard {plain(run.shard)} of its suite: {remedy}"
            )

    def _warn(self, text: str) -> None:
        self.problems.append(f"WARNING: {text}")
        self._say(f"WARNING: {text}", red=True)

    def _say(self, text: str, **markup: bool) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(text, **markup)


def _closing(store: Store, results: Iterator[Result]) -> Iterator[Record]:
    with store:
        yield from store.transcripts(results)


def _say_early(text: str) -> None:
    """While pytest is configured it has no terminal reporter yet."""
    sys.stderr.write(f"{text}\n")


def _again(command: Iterable[str]) -> list[str]:
    """A command line without the options that a further session is to go without."""
    return [word for word in command if word not in _NOT_AGAIN]


def _no_longer_there(run_id: str, gone: AbstractSet[str]) -> str:
    more = ", ..." if len(gone) > 1 else ""
    return f"no longer in the suite: {plural(len(gone), 'run')} of {run_id} ({plain(min(gone))}{more})"


def _not_asked_for(run_id: str, pending_runs: PendingRuns) -> str:
    """What another session is to be asked for, by the first node id of it that is known."""
    text = f"not asked for here: {plural(pending_runs.count, 'run')} of {run_id} without a verdict"
    first = min(pending_runs.nodeids, default=None)
    more = ", ..." if pending_runs.count > 1 else ""
    return text if first is None else f"{text}: {plain(first)}{more}"
