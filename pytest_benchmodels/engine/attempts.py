"""One request, attempted until it is answered or no further attempt makes sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.exchange import Provider, Request, Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import NEXT_ATTEMPT, Retry

from .backoff import Backoff
from .flight import Flight
from .permits import Permits

__all__ = ["Attempts"]


class Attempts:
    """Sends requests of any run, each with a permit, and waits between attempts without a lane."""

    def __init__(self, provider_for: Callable[[Model], Provider], backoff: Backoff, permits: Permits) -> None:
        self._provider_for = provider_for
        self._backoff = backoff
        self._permits = permits

    async def answer(self, request: Request, flight: Flight) -> Response:
        """Return the answer; raise `ProviderError` if there is to be none."""
        provider = self._provider_for(request.model)
        attempt = 1
        while True:
            try:
                return await self._attempt(provider, request, attempt, flight)
            except ProviderError as error:
                failed = error
            await self._rest(attempt, failed, flight)
            attempt += 1

    async def _attempt(self, provider: Provider, request: Request, attempt: int, flight: Flight) -> Response:
        async with self._permits.hold(request) as permit:
            for limit, wait_s in permit.waits:
                flight.progress.waited(limit, wait_s)
            flight.begin()
            flight.progress.attempts += 1
            flight.progress.doing = f"attempt {attempt} was not answered"
            flight.progress.asked()
            try:
                with flight.progress.working():
                    response = await provider.complete(replace(request, attempt=attempt) if attempt > 1 else request)
            except ProviderError as error:
                flight.progress.refused(error)
                raise
            flight.progress.counted(response.usage)
        await self._permits.settle(permit, request, response.usage)
        if response.pause_s is not None:
            flight.lane.pause(response.pause_s)
        return response

    async def _rest(self, attempt: int, error: ProviderError, flight: Flight) -> None:
        """Wait until the next attempt is due; raise the error if there is to be none, or none within the limit."""
        wait_s = self._backoff.wait_s(attempt, error)
        if wait_s is None or flight.is_hopeless():
            raise error
        if not flight.reaches(wait_s):
            beyond = f"the next attempt was due in {wait_s:.1f} s, beyond the limit of {flight.run.timeout_s} s"
            raise ProviderError(error.kind, f"{error.message}; {beyond}", status=error.status) from error
        progress, limited = flight.progress, error.kind == "rate-limit"
        progress.retries.append(Retry(error.kind, error.message, wait_s))
        progress.doing = f"attempt {attempt} failed ({error.message}), the next was not due yet"
        if limited and error.retry_after_s is not None:
            flight.lane.pause(error.retry_after_s)
        with progress.waiting(NEXT_ATTEMPT):
            await flight.lane.rest(wait_s, limited=limited)
        if flight.is_hopeless():
            raise error
