"""Keeps each result in the store before anybody hears of it, and finds the run that is to be finished."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.reports.units import plural
from pytest_benchmodels.store import Beginning, Record, Recorder, Store

from .remainder import Remainder
from .transport import Delivery

if TYPE_CHECKING:
    from .options import Settings
    from .progress import Progress

__all__ = ["Keeper"]

_NOT_AGAIN = ("--bench-resume", "--bench-regrade")
"""What the command that finishes a run goes without: the latter calls no model, and so finishes nothing."""
_NOT_YET = ("budget", "not-stored")
"""Why a run was skipped that is still to be run."""


class Keeper:
    """Where results come together, the one writer of the store.

    A run begins in the store with its first result, so that collecting leaves nothing there. If a report is going to
    need the results, they are put aside as well, with a store or without.
    """

    def __init__(self, config: pytest.Config, settings: Settings, progress: Progress) -> None:
        self._config = config
        self._settings = settings
        self._progress = progress
        self._recorder: Recorder | None = None
        self._remainder: Remainder | None = None
        self._ahead: dict[str, Result] = {}
        self._has_expected = False
        self._is_complete = True
        self.problems: list[str] = []
        self.resumed = self._resume() if settings.reuse.resume else None

    @property
    def run_id(self) -> str | None:
        """The run's name in the store; None before its first result, and without a store."""
        return self._recorder.run_id if self._recorder else None

    def results(self) -> Iterator[Result]:
        """Each run's last result, one after another."""
        return iter(()) if self._recorder is None else self._recorder.results()

    def keep(self, delivery: Delivery) -> None:
        """Durable when this returns, unless the store failed, which is said once."""
        result = delivery.result
        if self._settings.store is None and not self._settings.outputs:
            return
        recorder = self._recorder = self._recorder or self._begin()
        if result.status == "error" or (result.error is not None and result.error.kind in _NOT_YET):
            self._is_complete = False
        if not self._has_expected and self._progress.total:
            self._expect(recorder)
        if self._remainder is not None:
            self._remainder.settle(result.nodeid)
        # A plugin that reruns items may have thrown away the one that was written ahead.
        if self._is_stored(result) or self._ahead.pop(result.nodeid, None) == result:
            recorder.take_over(result)
        else:
            recorder.add(_record(delivery))

    def keep_ahead(self, ended: Iterable[tuple[Scenario, Result]]) -> None:
        """Write what is about to be reported, in one transaction instead of one each."""
        fresh = [Delivery(result, scenario.asked) for scenario, result in ended if not self._is_stored(result)]
        if self._settings.store is None or not fresh:
            return
        self._recorder = self._recorder or self._begin()
        self._recorder.add_ahead(list(map(_record, fresh)))
        self._ahead.update((delivery.result.nodeid, delivery.result) for delivery in fresh)

    def _is_stored(self, result: Result) -> bool:
        """Whether the resumed run has it already."""
        return self.resumed is not None and result.cached and not result.regraded

    def close(self, *, interrupted: bool) -> None:
        """End the work on the store. A run without a result, or with an error, can be finished by `--bench-resume`."""
        if self._recorder is not None:
            self._recorder.close(finished=self._is_finished() and not interrupted)

    def notes(self) -> Iterator[str]:
        """How the run can be finished, if it is not."""
        if self.run_id is None or self._is_finished():
            return
        if self._remainder is not None and self._remainder.count:
            yield f"not asked for here: {plural(self._remainder.count, 'run')} of {self.run_id} without a verdict"
        words = [word for word in map(str, self._config.invocation_params.args) if word not in _NOT_AGAIN]
        yield f"to finish this run: pytest {shlex.join(words)} --bench-resume"

    def _is_finished(self) -> bool:
        if self._settings.reuse.regrade and self._remainder is None:
            return True  # a run that calls no model: there is nothing that another session could finish
        # Where nothing at all came in, as with --collect-only, this session had no part in the run.
        done = self._progress.done >= max(self._progress.total, 1)
        return done and self._is_complete and not (self._remainder is not None and self._remainder.count)

    def _expect(self, recorder: Recorder) -> None:
        """Let the store know how many results there are to be; a session that takes up a part of a run knows less."""
        run_id = recorder.run_id
        total = max(self._progress.total, self._remainder.total if self._remainder is not None else 0)
        if run_id is not None:
            recorder.attempt(lambda store: store.runs.expect(run_id, total), None)
        self._has_expected = True

    def _begin(self) -> Recorder:
        if self._settings.store is None:
            return Recorder(None, None, self._warn)
        shard = str(self._settings.shard) if self._settings.shard else None
        command = tuple(map(str, self._config.invocation_params.args))
        beginning = Beginning(command, version("pytest-benchmodels"), self._progress.total or None, shard)
        return Recorder.begin(self._settings.store, beginning, self._warn, reports=bool(self._settings.outputs))

    def _resume(self) -> str:
        path = self._settings.store
        if path is None or not path.exists():
            raise pytest.UsageError(f"--bench-resume: there is no store {path}; run without it first")
        try:
            store = Store.open(path)
            unfinished = store.runs.newest_unfinished()
            if unfinished is None:
                raise pytest.UsageError(f"--bench-resume: no run of the store {path} is unfinished")
            self._remainder = Remainder(store, unfinished)
            reports = bool(self._settings.outputs)
            self._recorder = Recorder.resume(store, unfinished.id, self._warn, reports=reports)
        except StoreError as error:
            raise pytest.UsageError(f"--bench-resume: {error}") from None
        return unfinished.id

    def _warn(self, text: str) -> None:
        self.problems.append(f"WARNING: {text}")
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"WARNING: {text}", red=True)


def _record(delivery: Delivery) -> Record:
    """What is stored: the answers of several turns apart from the result, those that came from the store not again."""
    result = delivery.result
    answers = result.answers or ((result.response,) if result.response is not None else ())
    kept = replace(result, answers=()) if result.answers else result
    return Record(kept, () if result.cached else answers, result.grade_fingerprint, delivery.asked)
