"""One request, attempted until it is answered or no further attempt makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from msgspec.structs import replace

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.exchange import Provider, Request, Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import NEXT_ATTEMPT, Retry
from pytest_benchmodels.core.text import message

from .backoff import RATE_LIMIT, Backoff, Refusals
from .flight import Flight
from .lag import LoopLag
from .permits import Permits

__all__ = ["Attempts"]

_LONGEST_WAIT_S = 3600.0
"""A server may ask to come back in ten days: a run without a limit of its own would hold its session for as long."""


@dataclass(slots=True)
class _Tries:
    """How far one request has come: the attempt that is made, how many were refused, under which refusals it went."""

    attempt: int = 1
    refused: int = 0
    went_out_under: int = 0


class Attempts:
    """Sends requests of any run, each with a permit, and waits between attempts without a lane."""

    def __init__(
        self,
        provider_for: Callable[[Model], Provider],
        backoff: Backoff,
        permits: Permits,
        load: Callable[[], object] = lambda: None,
    ) -> None:
        """`load` makes ready what requests need; it is called once, in a thread, before the first of them."""
        self._provider_for = provider_for
        self._backoff = backoff
        self._permits = permits
        self._load = load
        self._loaded: asyncio.Future[object] | None = None
        self._lag = LoopLag()
        self._refusals = Refusals()

    async def answer(self, request: Request, flight: Flight) -> Response:
        """Return the answer; raise `ProviderError` if there is to be none."""
        await self._ready()
        provider = self._provider_for(request.model)
        tries = _Tries()
        while True:
            try:
                response = await self._attempt(provider, request, tries, flight)
            except ProviderError as error:
                failed = error
            else:
                self._refusals.answered(request.model.id)
                return response
            await self._rest(tries, failed, flight)
            tries.attempt += 1

    async def _attempt(self, provider: Provider, request: Request, tries: _Tries, flight: Flight) -> Response:
        if not request.model.is_limited:
            return await self._sent(provider, request, tries, flight)
        async with self._permits.hold(request) as permit:
            for limit, wait_s in permit.waits:
                flight.progress.waited(limit, wait_s)
            response = await self._sent(provider, request, tries, flight)
        await self._permits.settle(permit, request, response.usage)
        return response

    async def _sent(self, provider: Provider, request: Request, tries: _Tries, flight: Flight) -> Response:
        attempt, progress = tries.attempt, flight.progress
        flight.begin()
        tries.went_out_under = self._refusals.so_far(request.model.id)
        progress.asked(f"attempt {attempt} was not answered")
        self._lag.watch()
        start = perf_counter()
        try:
            response = await provider.complete(replace(request, attempt=attempt) if attempt > 1 else request)
            response = self._timed(response, perf_counter() - start)
        except BaseException as error:
            # It failed, or the run's time ran out.
            progress.retry_s += perf_counter() - start
            if isinstance(error, ProviderError):
                progress.refused(error)
            raise
        finally:
            self._lag.unwatch()
        progress.counted(response.usage)
        if response.pause_s is not None:
            flight.lane.pause(response.pause_s)
        return response

    async def _ready(self) -> None:
        """Imports take a tenth of a second or more: no run's time, and nothing that keeps the loop from an answer."""
        if self._loaded is None:
            self._loaded = asyncio.ensure_future(asyncio.to_thread(self._load))
        await asyncio.shield(self._loaded)

    def _timed(self, response: Response, took_s: float) -> Response:
        """The answer with its times: a provider that keeps no clock gets ours."""
        latency_s = response.latency_s or took_s
        client_s = min(self._lag.seconds(), latency_s) if response.client_s is None else response.client_s
        return replace(response, latency_s=latency_s, client_s=client_s)

    async def _rest(self, tries: _Tries, error: ProviderError, flight: Flight) -> None:
        """Wait until the next attempt is due; raise the error if there is to be none, or none within the limit."""
        limited = error.kind == RATE_LIMIT
        pause_s = self._pause_s(tries, error, flight) if limited else 0.0
        wait_s = self._backoff.wait_s(tries.attempt, error, tries.refused)
        if wait_s is None or flight.is_hopeless():
            raise error
        wait_s = max(wait_s, pause_s)
        limit_s = flight.run.timeout_s
        if not flight.reaches(wait_s) or (limit_s is None and wait_s > _LONGEST_WAIT_S):
            limit = (
                f"the limit of {limit_s} s"
                if limit_s
                else f"the {_LONGEST_WAIT_S:.0f} s that a run without a limit waits"
            )
            beyond = f"the next attempt was due in {wait_s:.1f} s, beyond {limit}"
            raise ProviderError(error.kind, f"{error.message}; {beyond}", status=error.status) from error
        progress = flight.progress
        progress.retries.append(Retry(error.kind, message(error.message), wait_s))
        progress.doing = f"attempt {tries.attempt} failed ({error.message}), the next was not due yet"
        progress.refusal = error if limited else None
        if limited and pause_s:
            flight.lane.pause(pause_s)
        with progress.waiting(NEXT_ATTEMPT):
            await flight.lane.rest(wait_s, limited=limited)
        if flight.is_hopeless():
            raise error

    def _pause_s(self, tries: _Tries, error: ProviderError, flight: Flight) -> float:
        """For how long the whole model is left alone: as the server asks, and ever longer where nothing is answered."""
        tries.refused += 1
        in_a_row = self._refusals.refused(flight.run.model.id, tries.went_out_under)
        return max(error.retry_after_s or 0.0, self._backoff.pause_s(in_a_row))
