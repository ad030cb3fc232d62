"""What the store knows of a run: `--bench-resume`, `--bench-cache`, `--bench-regrade`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.fingerprint import explain_difference, fingerprint, grade_fingerprint
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.engine.known import Known
from pytest_benchmodels.plugin.options import Reuse
from pytest_benchmodels.reports.units import plural
from pytest_benchmodels.store import LockWait, Store, StoredConversation

__all__ = ["StoreRecall"]

_FINISHED = ("passed", "failed", "timeout")


class StoreRecall:
    """Implements `Recall` by a store that is only read; `resumed` is the id of the run that is to be finished.

    The file is opened by the thread that asks, and by each process for itself. `calls_since` is there in a worker: what
    other workers have asked since then, in seconds since the epoch, need not be asked again.
    """

    def __init__(self, path: Path, reuse: Reuse, resumed: str | None, calls_since: float | None = None) -> None:
        self._path = path
        self._reuse = reuse
        self._resumed = resumed
        self._calls_since = calls_since
        self._fingerprints: dict[str, str] = {}
        self._expected: dict[str, StoredConversation] = {}
        self._known: dict[str, Result] = {}

    def expect(self, runs: Sequence[Run]) -> None:
        """Read the results of all of them at once, or the answers to them where answers are what is wanted."""
        self._fingerprints = {run.nodeid: fingerprint(run) for run in runs}
        self._expected, self._known = {}, {}
        with suppress(StoreError):  # `of` asks again for each run, and says what is wrong
            if self._resumed is None:
                self._expected = self._store.responses.find_all(self._fingerprints.values())
            else:
                self._known = self._store.results.some(self._resumed, self._fingerprints)

    def of(self, run: Run) -> Known:
        """What is known of a run; a store that cannot be read knows nothing, and says why."""
        asked = self._fingerprints.get(run.nodeid) or fingerprint(run)
        try:
            known = self._look_up(run, asked)
            if not self._reuse.regrade and known.result is None and not known.answers:
                known = self._begun(run, asked, known)
        except StoreError as error:
            known = Known(reason=str(error))
        is_known = known.result is not None or known.answers or known.timeout is not None
        must_not_run = self._reuse.regrade and not is_known
        return replace(known, must_not_run=must_not_run, fingerprint=asked, no_calls=self._reuse.regrade)

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:
        """See `Recall`. If the store cannot be read, the call is made: the session has said by then that it cannot."""
        any_time = afresh or self._reuse.cache or self._reuse.regrade
        if not any_time and (self._calls_since is None or not self._path.exists()):
            return None  # the file comes with the session's first result
        with suppress(StoreError):
            found = self._store.calls.find(fingerprint)
            if found is not None and (any_time or found.created_at >= (self._calls_since or 0.0)):
                return found.response
        return None

    def answer(self, run: Run) -> Response | None:
        """See `Recall`. A store that cannot be read has none, as the session has said by then."""
        with suppress(StoreError):
            found = self._store.responses.find(fingerprint(run))
            if found is not None and run.scenario.by_turn(found.answers) is not None:
                return found.answers[-1]
        return None

    def _look_up(self, run: Run, asked: str) -> Known:
        finished = self._finished(run)
        if finished is not None and finished.fingerprint == asked:
            # A timeout without an answer was judged by no check.
            if self._grades.get(run.nodeid) in ("", grade_fingerprint(run.scenario)):
                return Known(finished, reason=f"finished before, in run {self._resumed}")
            return self._afresh(run, finished, asked)
        if self._reuse.cache or self._reuse.regrade:
            return self._answers(run, asked, "the stored answer was judged afresh")
        return Known(reason=self._difference(finished.fingerprint, asked) if finished else "")

    def _begun(self, run: Run, asked: str, known: Known) -> Known:
        """With what its model answered before it ended without a verdict: all answers, or the first ones.

        Where a run is finished, only its own are taken over: without `--bench-cache` nobody asked for another's.
        """
        if len(run.scenario.turns) < 2 and not run.scenario.tools and not run.scenario.asked_models:
            return known
        before = self._result(run)
        if before is not None and before.fingerprint == asked and (own := before.all_answers):
            if run.scenario.by_turn(own) is not None:
                return Known(answers=own, before=before, reason="there was no verdict on its stored answer")
            return replace(known, begun=own, before=before, reason=_goes_on(own))
        found = [self._store.responses.begun((asked,)).get(asked)]
        if self._reuse.cache:
            found.append(self._store.responses.find(asked))
        since = 0.0 if self._reuse.cache or self._resumed is None else self._store.runs.find(self._resumed).started_at
        answers = [each.answers for each in found if each is not None and each.created_at >= since]
        most = max(answers, key=len, default=())
        return replace(known, begun=most, reason=_goes_on(most)) if most else known

    def _afresh(self, run: Run, finished: Result, asked: str) -> Known:
        """Its own stored answers, if all are there: another run that asked the same may have newer ones."""
        reason = "its checks changed: the stored answer was judged afresh"
        own = finished.all_answers
        if run.scenario.by_turn(own) is not None:
            return Known(answers=own, reason=reason, before=finished)
        return replace(self._answers(run, asked, reason), before=finished)

    def _finished(self, run: Run) -> Result | None:
        result = self._result(run)
        return result if result is not None and result.status in _FINISHED else None

    def _result(self, run: Run) -> Result | None:
        """What the run that is to be finished has of it."""
        if self._resumed is None:
            return None
        return self._known.get(run.nodeid) or self._store.results.one(self._resumed, run.nodeid)

    def _answers(self, run: Run, asked: str, reason: str) -> Known:
        if self._reuse.regrade and (known := self._timed_out(run, asked)) is not None:
            return known
        found = self._expected.get(asked) or self._store.responses.find(asked)
        if found is not None and run.scenario.by_turn(found.answers) is not None:
            return Known(answers=found.answers, reason=reason)
        before = self._latest.get(run.nodeid)
        return Known(reason=self._difference(before, asked) if before else "no stored response")

    def _timed_out(self, run: Run, asked: str) -> Known | None:
        """What is known of a run that timed out when it was last run, with nothing to judge: it stays a timeout."""
        if asked not in self._timeouts:
            return None
        before = self._store.results.one(*self._timeouts[asked])
        if before is None or before.error is None or run.scenario.by_turn(before.all_answers) is not None:
            return None  # there was an answer: a check did not finish in time
        return Known(timeout=before.error, before=before, reason="it timed out without an answer when it was run last")

    def _difference(self, before: str, asked: str) -> str:
        changed = explain_difference(before, asked)
        return f"not reused: {', '.join(changed)} changed" if changed else "no stored response"

    @property
    def _store(self) -> Store:
        if isinstance(self._opened, StoreError):
            raise self._opened
        return self._opened

    @cached_property
    def _opened(self) -> Store | StoreError:
        """The store, or why it cannot be read. Tried once, and not for long: the session waited for locks before."""
        try:
            return Store.open_to_read(self._path, LockWait(most_s=1.0))
        except StoreError as error:
            return error

    @cached_property
    def _grades(self) -> dict[str, str]:
        return self._store.results.grade_fingerprints(self._resumed) if self._resumed else {}

    @cached_property
    def _latest(self) -> dict[str, str]:
        return self._store.results.latest_fingerprints()

    @cached_property
    def _timeouts(self) -> dict[str, tuple[str, str]]:
        return self._store.results.timeouts()


def _goes_on(begun: Sequence[Response]) -> str:
    return f"{plural(len(begun), 'answer')} of it {'was' if len(begun) == 1 else 'were'} there already"
