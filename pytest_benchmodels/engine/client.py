"""The one way to a model, whoever asks: attempts, limits, waits, and an account of what each call took."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.call import Call, Provider, Purpose, Request
from pytest_benchmodels.core.errors import CallError, ProviderError
from pytest_benchmodels.core.fingerprint import call_fingerprint
from pytest_benchmodels.core.message import Message, Response, ToolResult
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import NEXT_ATTEMPT, THE_USER, Failure
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.thinking import rid_of_thinking
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.core.workspace import Workspace
from pytest_benchmodels.engine.attachments import has_files, with_files
from pytest_benchmodels.engine.backoff import RATE_LIMIT, Backoff, Refusals
from pytest_benchmodels.engine.clocks import LoopLag
from pytest_benchmodels.engine.grading import Watch, unwatched
from pytest_benchmodels.engine.limiter import RateLimits
from pytest_benchmodels.engine.scope import Lane, OpenCall, Scope
from pytest_benchmodels.engine.shared_calls import SAME_QUESTION

__all__ = [
    "OTHERS",
    "Asker",
    "BegunClient",
    "Client",
    "ModelClient",
    "ReplayClient",
    "ScopedClient",
]

OTHERS = "a lane"
"""What a call waits for while others have all lanes of its model."""

_LONGEST_WAIT_S = 3600.0
"""A server may ask to come back in ten days: a run without a limit of its own would hold its session for as long."""


class Client(Protocol):
    """Whoever answers: models, or what they answered before."""

    async def ask(self, request: Request, scope: Scope, purpose: Purpose = "answer") -> Call:
        """Ask one question, as a part of a run. A failure of the model's is in the Call.

        What ends the run is raised: its time limit, `RefusedError` where nothing may be sent any more.
        """


class ScopedClient:
    """A client as a solver has it: what it asks is a part of one run."""

    def __init__(self, client: Client, scope: Scope) -> None:
        self._client = client
        self._scope = scope

    @property
    def workspace(self) -> Workspace | None:
        """The run's folder, where it has one."""
        return self._scope.workspace

    async def ask(self, request: Request, purpose: Purpose = "answer") -> Call:
        """Ask one question. A failure of the model's is in the Call."""
        self._scope.keep_answers()
        if self._scope.workspace is not None and purpose == "answer":
            # What earlier turns made there could not be made anew.
            renews = self._scope.renew_workspace is not None and not self._scope.responses
            works = request.model.agent is not None or request.model.code
            request = replace(request, workspace=self._scope.workspace, renews_workspace=renews and bool(works))
        call = await self._client.ask(request, self._scope, purpose)
        if call.response is not None and call.response.tool_calls and self._scope.run.scenario.tools:
            self._scope.keep_answers()  # its tools may take as long as they like
        return call

    def keep_results(self, call: Call, results: tuple[ToolResult, ...]) -> Call:
        """Keep with its answer what came of the tools that it called."""
        if call.response is None:
            return call
        return replace(call, response=self._scope.keep_results(call.response, results))


class Asker:
    """Implements `Ask` for the checks of one run: what they may ask are the models that the scenario's checks name.

    With the purpose `embed` what it asks for are embeddings.
    """

    def __init__(
        self, client: Client, scope: Scope, models: Callable[[str], Model], purpose: Purpose = "judge"
    ) -> None:
        self._client = client
        self._scope = scope
        self._models = models
        self._purpose: Purpose = purpose
        self._known = scope.run.scenario.asked_models

    async def __call__(self, name: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:
        """Ask, or raise `CallError`."""
        if name not in self._known:
            rule = "asked_models() of the check has to name it, so that it is made ready before the first call"
            raise CallError(f"model {quote(name)} cannot be asked: {rule}")
        model = self._models(name)
        embeds = self._purpose == "embed"
        # Whatever the trial, the same question is the same: it may be answered already.
        request = Request(model, messages, {**model.params, **params}, embeds=embeds)
        call = await self._client.ask(request, self._scope, self._purpose)
        if call.response is None:
            cause = "" if call.failure is None else f": {call.failure.message}"
            raise CallError(f"{name} did not answer it{cause}")
        return call.response


class _Tries:
    """One call's lane, how many of its attempts were refused, and how many refusals its model had at the last one."""

    __slots__ = ("lane", "refused", "went_out_under")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.refused = 0
        self.went_out_under = 0


class ModelClient:
    """Sends requests of any run, each within its rate limits, and waits between attempts without a lane."""

    def __init__(
        self,
        provider_for: Callable[[Model], Provider],
        backoff: Backoff,
        rate_limits: RateLimits,
        load: Callable[[], object] = lambda: None,
        watch: Watch = unwatched,
    ) -> None:
        """`load` makes ready what requests need; it is called once, in a thread, before the first of them.

        `watch` is entered around a request that code of the user's answers or makes: it may end the process.
        """
        self._provider_for = provider_for
        self._backoff = backoff
        self._rate_limits = rate_limits
        self._load = load
        self._watch = watch
        self._loaded: asyncio.Future[object] | None = None
        self._lag = LoopLag()
        self._refusals = Refusals()

    async def ask(self, request: Request, scope: Scope, purpose: Purpose = "answer") -> Call:
        """See `Client`."""
        if purpose != "answer":
            return await self._recall_or_ask(request, scope, purpose)
        await self._ready()
        call = OpenCall(request, purpose)
        scope.calls.append(call)
        await scope.lane.enter()
        if scope.asks_user_since is not None:
            call.waited(THE_USER, perf_counter() - scope.asks_user_since)
            scope.asks_user_since = None
        return await self._answered(call, scope, _Tries(scope.lane))

    async def _recall_or_ask(self, request: Request, scope: Scope, purpose: Purpose) -> Call:
        """Take the stored answer, if there is one: that needs no lane, and no model that is in order."""
        call = OpenCall(request, purpose, fingerprint=scope.numbered(call_fingerprint(request, purpose)))
        scope.calls.append(call)
        if call.fingerprint and (stored := scope.stored_call(call.fingerprint)) is not None:
            call.recalled(stored)
            return call.ended()
        if (stored := _kept_by_trial(call, scope)) is not None:
            call.shares(stored)  # and is stored once more, as it is found from now on
            return call.ended()
        if scope.no_calls:
            scope.refusal = Failure("not-stored", f"no stored response of {request.model.id}, which a check asks")
            return call.ended(scope.refusal)
        if (shared := scope.shared) is None or not call.fingerprint:
            await self._ready()
            return await self._ask_beside(call, scope)
        if (asking := shared.in_flight(call.fingerprint)) is not None:
            scope.lane.leave()
            with scope.suspended(), call.waiting(SAME_QUESTION):
                await asking.wait()
        if (known := shared.answer(call.fingerprint)) is not None:
            call.shares(known)
            return call.ended()
        with shared.asking(call.fingerprint):
            await self._ready()
            done = await self._ask_beside(call, scope)
            if done.response is not None:
                shared.keep(call.fingerprint, done.response)
        return done

    async def _ask_beside(self, call: OpenCall, scope: Scope) -> Call:
        """Ask another model, in a lane of its own.

        Meanwhile the run has none: two runs could otherwise each hold the lane that the other waits for. The run's time
        stands still until that lane is there.
        """
        model = call.request.model.id
        if (cause := scope.tripped(model)) is not None:
            return call.ended(cause)
        scope.lane.leave()
        if call.purpose == "user" and scope.asks_user_since is None:
            scope.asks_user_since = perf_counter()
        lane = scope.lane.beside(model, call.purpose)
        try:
            with scope.suspended(), call.waiting(OTHERS):
                await lane.enter()
            start = perf_counter()
            try:
                return await self._answered(call, scope, _Tries(lane))
            finally:
                call.held_s = perf_counter() - start - call.waits_s.get(NEXT_ATTEMPT, 0.0)
        finally:
            lane.close(answered=call.response is not None)

    async def _answered(self, call: OpenCall, scope: Scope, tries: _Tries) -> Call:
        """Attempt after attempt, until one is answered or none is to follow."""
        request = call.request
        try:
            provider = self._provider_for(request.model)
            while True:
                try:
                    await self._attempt(provider, call, scope, tries)
                except ProviderError as error:
                    failed = error
                else:
                    self._refusals.answered(request.model.id)
                    return call.ended()
                await self._rest(call, failed, scope, tries)
                if request.renews_workspace and scope.renew_workspace is not None:
                    with scope.suspended():  # as the first time, it takes nothing of the run's limit
                        await scope.renew_workspace()
        except ProviderError as error:
            return call.ended(Failure(error.kind, error.message, error.remedy))

    async def _attempt(self, provider: Provider, call: OpenCall, scope: Scope, tries: _Tries) -> None:
        request = call.request
        if not request.model.is_limited:
            await self._send(provider, call, scope, tries)
            return
        async with self._rate_limits.hold(request) as lease:
            for limit, wait_s in lease.waits:
                call.waited(limit, wait_s)
            response = await self._send(provider, call, scope, tries)
        await self._rate_limits.settle(lease, request, response.usage)

    async def _send(self, provider: Provider, call: OpenCall, scope: Scope, tries: _Tries) -> Response:
        scope.begin()
        request = call.request
        if has_files(request.messages):
            messages = await in_thread(partial(with_files, request.messages), "benchmodels-files")
            request = replace(request, messages=messages)
        tries.went_out_under = self._refusals.so_far(request.model.id)
        call.attempt()
        self._lag.watch()
        start = perf_counter()
        try:
            again = call.attempts > 1
            with self._watch(scope.run) if request.model.code else nullcontext():
                response = await provider.complete(replace(request, attempt=call.attempts) if again else request)
            response = self._timed(response, perf_counter() - start)
        except BaseException as error:
            # It failed, or the run's time ran out.
            call.failed(error, perf_counter() - start)
            raise
        finally:
            self._lag.unwatch()
        response = await rid_of_thinking(response)
        call.answered(response)
        if response.pause_s is not None:
            tries.lane.pause(response.pause_s)
        return response

    async def _ready(self) -> None:
        """Load what requests need, in a thread: the 0.1 s or more must not delay answers or count as a run's time."""
        if self._loaded is None:
            self._loaded = asyncio.ensure_future(asyncio.to_thread(self._load))
        if self._loaded.done():
            self._loaded.result()  # if loading failed, each call raises that for its own run
        else:
            await asyncio.shield(self._loaded)

    def _timed(self, response: Response, took_s: float) -> Response:
        """The answer with its times; where the provider keeps no clock, as we measured them."""
        latency_s = response.latency_s or took_s
        client_s = min(self._lag.seconds(), latency_s) if response.client_s is None else response.client_s
        return replace(response, latency_s=latency_s, client_s=client_s)

    async def _rest(self, call: OpenCall, error: ProviderError, scope: Scope, tries: _Tries) -> None:
        """Wait until the next attempt is due; raise the error if there is to be none, or none within the limit."""
        limited = error.kind == RATE_LIMIT
        pause_s = self._pause_s(call, error, tries) if limited else 0.0
        wait_s = self._backoff.wait_s(call.attempts, error, tries.refused)
        model = call.request.model.id
        if wait_s is None or scope.tripped(model) is not None:
            raise error
        wait_s = max(wait_s, pause_s)
        if beyond := _beyond(wait_s, scope):
            told = f"{error.message}; {beyond}"
            raise ProviderError(error.kind, told, status=error.status, remedy=error.remedy) from error
        call.rests(error, wait_s, limited=limited)
        if limited and pause_s:
            tries.lane.pause(pause_s)
        with call.waiting(NEXT_ATTEMPT):
            await tries.lane.rest(wait_s, limited=limited)
        if scope.tripped(model) is not None:
            raise error

    def _pause_s(self, call: OpenCall, error: ProviderError, tries: _Tries) -> float:
        """How long to leave the whole model alone: as the server asks, and ever longer while nothing is answered."""
        tries.refused += 1
        in_a_row = self._refusals.refused(call.request.model.id, tries.went_out_under)
        return max(error.retry_after_s or 0.0, self._backoff.pause_s(in_a_row))


class ReplayClient:
    """Stands for a model that has answered already: it gives the stored answers, turn by turn."""

    def __init__(self, answers: tuple[Response, ...]) -> None:
        self._answers = iter(answers)

    async def ask(self, request: Request, scope: Scope, purpose: Purpose = "answer") -> Call:
        """See `Client`."""
        scope.begin()
        return await _stored(next(self._answers), request, scope, purpose)


class BegunClient:
    """Stands for a model that has answered the first questions of a conversation already; it is asked the others."""

    def __init__(self, begun: tuple[Response, ...], client: Client) -> None:
        self._begun = deque(begun)
        self._client = client

    async def ask(self, request: Request, scope: Scope, purpose: Purpose = "answer") -> Call:
        """See `Client`."""
        if self._begun and purpose == "answer":
            return await _stored(self._begun.popleft(), request, scope, purpose)
        return await self._client.ask(request, scope, purpose)


def _kept_by_trial(call: OpenCall, scope: Scope) -> Response | None:
    """What an earlier version stored, for which the same question was another one in each trial."""
    if scope.run.trial == 1 or not call.fingerprint:
        return None
    number = int(call.fingerprint.rpartition("-")[2])
    return scope.stored_call(call_fingerprint(replace(call.request, trial=scope.run.trial), call.purpose, number))


async def _stored(response: Response, request: Request, scope: Scope, purpose: Purpose) -> Call:
    # A store that once took thinking for a part of the answer.
    response = await rid_of_thinking(response)
    response = response if response.pause_s is None else replace(response, pause_s=None)
    call = OpenCall.of_stored(request, purpose, response)
    scope.calls.append(call)
    return call.ended()


def _beyond(wait_s: float, scope: Scope) -> str:
    """Why the next attempt would come too late; empty if it would not."""
    limit_s = scope.run.timeout_s
    if limit_s is None and wait_s > _LONGEST_WAIT_S:
        limit = f"the {_LONGEST_WAIT_S:.0f} s that a run without a limit waits"
    elif not scope.reaches(wait_s):
        limit = f"the limit of {limit_s} s"
    else:
        return ""
    return f"the next attempt was due in {wait_s:.1f} s, beyond {limit}"
