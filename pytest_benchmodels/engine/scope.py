"""A run in flight: what its calls share and have come to so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from msgspec.structs import replace

from pytest_benchmodels.core.call import Call, Purpose, Request
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Response, ToolCall, ToolResult, Usage
from pytest_benchmodels.core.model import bill
from pytest_benchmodels.core.result import CheckResult, Failure, Retry
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import message, quote
from pytest_benchmodels.core.workspace import FileChange, Workspace
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.shared_calls import SharedCalls

__all__ = ["Alone", "Lane", "OpenCall", "Scope"]

FindCall = Callable[[str], Response | None]
"""Finds the stored answer to a call of another purpose, by the call's fingerprint."""

_ASIDE = "-aside"
_UNKNOWN = Usage()
_ANSWERED = "the model answered, but a check did not finish"


@dataclass(slots=True)
class OpenCall:
    """The account of one call.

    `failed_s` is the time in flight of attempts that were not answered, in seconds. `billed` are the requests that were
    billed or may have been, each with what its provider counted. `refusal` is the 429 that is waited out at this
    moment. `held_s` is for how long, in seconds, it had a lane of its own. `doing` completes the sentence "when time
    ran out, ...". `fingerprint` is empty where it is the run's.
    `shared`: another run of this session asked the same, and has paid for it.
    """

    request: Request
    purpose: Purpose
    cached: bool = False
    shared: bool = False
    attempts: int = 0
    failed_s: float = 0.0
    waits_s: dict[str, float] = field(default_factory=dict)
    billed: list[Usage] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    response: Response | None = None
    refusal: ProviderError | None = None
    doing: str = "no request was sent"
    failure: Failure | None = None
    held_s: float = 0.0
    fingerprint: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it was answered, or is not going to be."""
        return self.response is not None or self.failure is not None

    @classmethod
    def of_stored(cls, request: Request, purpose: Purpose, response: Response) -> Self:
        """One that was answered before."""
        return cls(request, purpose, cached=True, billed=[response.usage], response=response, doing=_ANSWERED)

    def recalled(self, response: Response) -> None:
        """The stored answer is taken: whoever asked for it has paid for it."""
        self.cached = True
        self.response = response
        self.doing = _ANSWERED

    def shares(self, response: Response) -> None:
        """What another run has asked and paid for is taken."""
        self.recalled(response)
        self.shared = True

    def attempt(self) -> None:
        """A request goes out. What it takes is unknown until its provider says so."""
        self.billed.append(_UNKNOWN)
        self.refusal = None
        self.attempts += 1
        self.doing = f"attempt {self.attempts} was not answered"

    def failed(self, error: BaseException, took_s: float) -> None:
        """The attempt ended without an answer. It is billed if it may have been, or if nobody knows."""
        self.failed_s += took_s
        if not isinstance(error, ProviderError):
            return
        if not error.may_be_billed:
            self.billed.pop()
        elif error.usage is not None:
            self.billed[-1] = error.usage

    def answered(self, response: Response) -> None:
        """The attempt was answered; so was the call."""
        self.billed[-1] = response.usage
        self.response = response
        self.doing = _ANSWERED

    def rests(self, error: ProviderError, wait_s: float, *, limited: bool) -> None:
        """Another attempt follows after so many seconds."""
        self.retries.append(Retry(error.kind, message(error.message), wait_s))
        self.doing = f"attempt {self.attempts} failed ({error.message}), the next was not due yet"
        self.refusal = error if limited else None

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Count the time inside as waiting for `reason`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.waited(reason, time.perf_counter() - start)

    def waited(self, reason: str, seconds: float) -> None:
        self.waits_s[reason] = self.waits_s.get(reason, 0.0) + seconds

    def ended(self, failure: Failure | None = None) -> Call:
        """The call as it came to its end."""
        self.failure = failure
        return Call(
            purpose=self.purpose,
            request=self.request,
            response=self.response,
            failure=failure,
            attempts=self.attempts,
            retries=tuple(self.retries),
            waits_s=self.waits_s,
            failed_s=self.failed_s,
            bill=bill(self.request.model.price, self.billed) if self.billed else None,
            cached=self.cached,
        )


class Lane(Protocol):
    """The place in which a call is in flight."""

    async def rest(self, seconds: float, *, limited: bool) -> None:
        """Leave the place to others for so long, then have one again. `limited`: the server said "too many"."""

    def pause(self, seconds: float) -> None:
        """Let no call of the same model start, or come back from its rest, for so long."""

    def leave(self) -> None:
        """Give the place to others until `enter`. To leave twice changes nothing."""

    async def enter(self) -> None:
        """Have a place again; at once, if it was never left."""

    def beside(self, model: str, purpose: Purpose) -> Lane:
        """A lane for one call to another model. It has to be entered, and to be closed."""

    def close(self, *, answered: bool) -> None:
        """The end of a lane that stood `beside`. `answered`: the model's server bore the call."""


class Alone:
    """The lane of a run that runs alone."""

    async def rest(self, seconds: float, *, limited: bool) -> None:  # noqa: ARG002 - nobody takes the place
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Nothing: there is no other run to hold back."""

    def leave(self) -> None:
        """Nothing: nobody takes the place."""

    async def enter(self) -> None:
        """Nothing: it was kept."""

    def beside(self, model: str, purpose: Purpose) -> Lane:  # noqa: ARG002 - each model has room
        return self

    def close(self, *, answered: bool) -> None:
        """Nothing: nobody waits for it."""


_BEAT_S = 1.0


def _not_kept(answers: tuple[Response, ...]) -> None:
    """What a run has begun ends with it."""


def _nothing_stored(fingerprint: str) -> None:
    """Each call is made."""


def _unwatched() -> None:
    """Nobody looks after the run."""


@dataclass(slots=True)
class Scope:
    """One run's time limit, lane and account.

    `limit` is None where nothing can take long. `breaker` knows which models are out of order by now; None where
    nobody does. `clock` tells the time in seconds since the epoch. `calls` are those that began, in their order, with
    what each took so far; `verdicts` those of the checks. `doing` completes the sentence "when time ran out, ...".
    `fingerprint` is empty until somebody needs it. `cached` says that stored answers are judged, and `reuse` what was
    reused, or why nothing was. `left_at` is when the answer was there and the lane given back, by `time.perf_counter`.
    `stored_call` finds the answer to a call of another purpose that need not be made again; `shared` are those of the
    session's other runs, None where each run asks for itself; with `no_calls` none is to be made, and `refusal` says
    which one was wanted all the same.
    `judged_anew` tells whoever looks after the judging that no check has held all up so far. `keep_begun` gets the
    answers so far. `workspace` is the run's folder, where it has one; `renew_workspace` makes it anew, and
    `hide_keys` takes keys out of what its files say.
    `asks_user_since` is when the run left its lane to ask a model that plays its user, by `time.perf_counter`; None
    while it has one.
    """

    run: Run
    lane: Lane
    limit: asyncio.Timeout | None = None
    clock: Callable[[], float] = time.time
    fingerprint: str = ""
    reuse: str = ""
    cached: bool = False
    breaker: CircuitBreaker | None = None
    judged_anew: Callable[[], None] = _unwatched
    stored_call: FindCall = _nothing_stored
    shared: SharedCalls | None = None
    keep_begun: Callable[[tuple[Response, ...]], None] = _not_kept
    no_calls: bool = False
    workspace: Workspace | None = None
    renew_workspace: Callable[[], Awaitable[None]] | None = None
    hide_keys: Callable[[str], str] = str
    asks_user_since: float | None = None
    refusal: Failure | None = None
    left_at: float | None = None
    calls: list[OpenCall] = field(default_factory=list)
    verdicts: tuple[CheckResult, ...] = ()
    started_at: float = 0.0
    _start: float = field(default_factory=time.perf_counter)
    _begun: bool = False
    _waiting: int = 0
    _left_s: float | None = None
    _beats: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def begin(self) -> None:
        """The first request goes out, if it is still admitted, and the run's time begins. Later ones change nothing."""
        if self._begun:
            return
        if self.breaker is not None and not self.cached:
            self.breaker.admit(self.run.model.id)
        self._begun = True
        # What was before does not count as the run's time.
        self.started_at, self._start = self.clock(), time.perf_counter()
        if self.limit is not None and self.run.timeout_s is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout_s)

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

    def tripped(self, model: str) -> Failure | None:
        """Why a model is out of order by now; None if it is not."""
        return None if self.breaker is None else self.breaker.tripped.get(model)

    def leave_lane(self) -> None:
        """Give the lane back: the answer is there, and to judge it takes none."""
        if self.left_at is None:
            self.left_at = time.perf_counter()
            self.lane.leave()

    @property
    def grading_s(self) -> float:
        """For how long, in seconds, the run has had no lane because it is graded."""
        return 0.0 if self.left_at is None else time.perf_counter() - self.left_at

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let the run's time stand still while it waits for another model's lane: others have it.

        Whoever looks after the judging hears from time to time that the event loop goes on.
        """
        self._waiting += 1
        if self._waiting == 1:
            self._stop_time()
        try:
            yield
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._let_time_go_on()

    def _stop_time(self) -> None:
        if self.limit is not None and (due := self.limit.when()) is not None:
            self._left_s = due - asyncio.get_running_loop().time()
            self.limit.reschedule(None)
        self._beat()

    def _beat(self) -> None:
        self.judged_anew()
        self._beats = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)

    def _let_time_go_on(self) -> None:
        if self._beats is not None:
            self._beats.cancel()
        if self.limit is not None and self._left_s is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + self._left_s)
            self._left_s = None
        self.judged_anew()

    def reaches(self, seconds: float) -> bool:
        """Whether so many seconds from now are still within the limit."""
        due = None if self.limit is None else self.limit.when()
        return due is None or asyncio.get_running_loop().time() + seconds < due

    @property
    def left_s(self) -> float | None:
        """What is left of the run's limit, in seconds; None where it has none, or did not begin."""
        if self._left_s is not None:
            return max(self._left_s, 0.0)
        due = None if self.limit is None else self.limit.when()
        return None if due is None else max(due - asyncio.get_running_loop().time(), 0.0)

    @property
    def responses(self) -> tuple[Response, ...]:
        """The model's answers so far, one a turn."""
        return tuple([call.response for call in self.answers if call.response is not None])

    def keep_results(self, response: Response, results: tuple[ToolResult, ...]) -> Response:
        """Keep with an answer what came of the tools that it called; returns both together."""
        if response.tool_results == results:
            return response
        return self._kept_with(response, replace(response, tool_results=results))

    def keep_changes(self, changes: tuple[FileChange, ...]) -> None:
        """Keep with the last answer what the run changed in its workspace."""
        if responses := self.responses:
            self._kept_with(responses[-1], replace(responses[-1], changes=changes))

    def _kept_with(self, response: Response, whole: Response) -> Response:
        for call in self.calls:
            if call.response is response:
                call.response = whole
        return whole

    def keep_answers(self) -> None:
        """Keep what was answered so far, if the last of it is new.

        Whoever takes it up has to know what it took: nobody knows that where a request before it may have been billed.
        """
        if self.calls and not self.calls[-1].cached and self.responses:
            answered = [(call, call.response) for call in self.answers if call.response is not None]
            self.keep_begun(
                tuple(
                    [answer if len(call.billed) <= 1 else replace(answer, usage=_UNKNOWN) for call, answer in answered]
                )
            )

    @property
    def answers(self) -> list[OpenCall]:
        """The calls by which the run's own model was asked for an answer."""
        return [call for call in self.calls if call.purpose == "answer"]

    def set_aside(self, answer: object) -> None:
        """Let nobody find an answer that is none, be it the run itself when it is finished later; readers see it."""
        for call in self.calls:
            if answer is not None and call.response is answer and call.fingerprint and (call.shared or not call.cached):
                call.fingerprint += _ASIDE

    def numbered(self, fingerprint: str) -> str:
        """The fingerprint of a call (`call_fingerprint`), with its number among equal calls of the run."""
        if not fingerprint:
            return ""
        kind = fingerprint.rpartition("-")[0]
        return f"{kind}-{1 + sum([call.fingerprint.rpartition('-')[0] == kind for call in self.calls])}"

    @property
    def unanswered(self) -> OpenCall | None:
        """The call that is waited for at this moment; of several, the first."""
        return next((call for call in self.calls if not call.is_over), None)

    @property
    def doing(self) -> str:
        if (call := self.unanswered) is not None:
            number = next((number for number, each in enumerate(self.answers, 1) if each is call), 1)
            place = "" if number == 1 else f"{'step' if self.run.scenario.tools else 'turn'} {number}: "
            return f"{place}{call.doing}"
        if called := self._tools_at_work():
            tools = " or ".join(dict.fromkeys(quote(each.name) for each in called))
            return f"the model answered, but a tool that it called did not finish: {tools}"
        return self.calls[-1].doing if self.calls else "no request was sent"

    def _tools_at_work(self) -> tuple[ToolCall, ...]:
        """What the last answer calls, where its results are waited for."""
        scenario, responses = self.run.scenario, self.responses
        if not scenario.tools or not responses or responses[-1].tool_results or scenario.by_turn(responses) is not None:
            return ()
        return responses[-1].tool_calls
