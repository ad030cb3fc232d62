"""What is known of a run before it starts, and what its result takes over of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.model import bill, together
from pytest_benchmodels.core.result import CallSummary, Failure, Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.engine.scope import Scope

__all__ = ["Known", "NothingStored", "Recall", "as_it_was_run", "at_the_cost_of", "gone_on"]


class Known(Struct, frozen=True):
    """What is known of one run.

    `result`: it is finished already. `answers`: its model answered each of its turns already, they are to be judged.
    Neither: it has to be run, unless `must_not_run`. `reason` says for a reader what was reused, or why nothing was.
    `fingerprint` is the run's, if it was needed to find out. `before` is the result that the answers had in the run
    that is being finished: they are judged afresh, and took then what they took. `timeout`: it timed out unanswered
    when it was run last, as `before`, and no model is to be asked again: it costs what it cost then. `no_calls`: checks
    are to ask no model either. `begun`: the first answers of its conversation are there, and the model is asked for
    the rest.
    """

    result: Result | None = None
    answers: tuple[Response, ...] = ()
    must_not_run: bool = False
    reason: str = ""
    fingerprint: str = ""
    before: Result | None = None
    timeout: Failure | None = None
    no_calls: bool = False
    begun: tuple[Response, ...] = ()


class Recall(Protocol):
    """The seam to whatever keeps results and answers."""

    def of(self, run: Run) -> Known:
        """What is known of a run. Quick: it is asked on the event loop, once for each run."""

    def expect(self, runs: Sequence[Run]) -> None:
        """Make ready to be asked for these next: together they cost less than one by one."""

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:
        """The answer to a call of another purpose (`call_fingerprint`), if it is not to be made again. Quick, as `of`.

        `afresh`: the run's own answers are stored ones, which are judged afresh.
        """

    def answer(self, run: Run) -> Response | None:
        """The last stored answer to this run, which need not be one of this session. Quick, as `of`."""


class NothingStored:
    """Knows nothing: each run is run."""

    def of(self, run: Run) -> Known:  # noqa: ARG002 - a Recall
        return Known()

    def expect(self, runs: Sequence[Run]) -> None:
        """There is nothing to make ready."""

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:  # noqa: ARG002 - a Recall
        return None

    def answer(self, run: Run) -> Response | None:  # noqa: ARG002 - a Recall
        return None


def gone_on(result: Result, scope: Scope, before: Result) -> Result:
    """A run that was taken up where it ended before: it took what it took then, and what it takes now."""
    billed = [usage for call in scope.answers if not call.cached for usage in call.billed]
    account = replace(
        result.account.billed(together(before.spent, bill(scope.run.model.price, billed)) if billed else before.spent),
        attempts=before.attempts + result.attempts,
        retries=(*before.retries, *result.retries),
    )
    told = () if all(call.cached for call in scope.calls) else result.all_calls
    new = [call for call in told if not (call.cached and call.purpose == "answer")]
    return replace(result, account=account, calls=(*(replace(call, cached=True) for call in before.all_calls), *new))


def as_it_was_run(result: Result, before: Result) -> Result:
    """A new verdict on an answer, with what the answer took."""
    timing = replace(
        result.timing,
        started_at=before.started_at,
        duration_s=before.duration_s,
        wait_s=before.wait_s,
        waits=before.waits,
        retry_s=before.retry_s,
    )
    account = replace(before.account, reruns=result.reruns)
    told = replace(result, timing=timing, account=account, origin=replace(result.origin, session=before.session))
    return replace(told, calls=_with_paid_calls(told, before))


def _with_paid_calls(result: Result, before: Result) -> tuple[CallSummary, ...]:
    """Its calls, with what the same run has paid for them already, and those that it has paid for and needs no more.

    None of these is paid in this session. Like its account, the requests for its answer are those of the run before.
    """
    if not (before.calls or result.calls):
        return ()
    paid = [replace(call, cached=True) for call in before.all_calls]
    answers = [call for call in paid if call.purpose == "answer"]
    paid = [call for call in paid if call.purpose != "answer"]
    calls = list(result.other_calls)
    for place, call in enumerate(calls):
        same = [each for each in paid if each.fingerprint and each.fingerprint == call.fingerprint]
        if same and call.cached:
            calls[place] = same[0]
            paid.remove(same[0])
    return (*paid, *answers, *calls)


def at_the_cost_of(result: Result, before: Result) -> Result:
    """A timeout that stays what it was: nothing was judged, and nobody asked."""
    account = before.account
    kept = replace(account, attempts=result.attempts, retries=result.account.retries, reruns=result.reruns)
    calls = tuple([replace(call, cached=True) for call in before.calls])
    return replace(result, account=kept, calls=calls, origin=replace(result.origin, regraded=False))
