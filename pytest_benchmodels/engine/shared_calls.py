"""What the checks of one run have asked, for the others of its session: the same question is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pytest_benchmodels.core.message import Response

__all__ = ["SAME_QUESTION", "SharedCalls"]

SAME_QUESTION = "the same question"
"""What a call waits for while another run has asked just that."""

_MOST_KEPT = 10_000


class SharedCalls:
    """The answers of one process to calls of checks, by their fingerprints (`core.fingerprint.call_fingerprint`).

    The fingerprint has the number of the call among equal ones of its run: several votes stay several questions, and
    the second one of another run is the second one here. For use on one event loop.
    """

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """Of so many answers the latest are kept."""
        self._most = most
        self._answers: dict[str, Response] = {}
        self._in_flight: dict[str, asyncio.Event] = {}

    def answer(self, fingerprint: str) -> Response | None:
        """What the question was answered with; None where nobody asked it, or there was no answer."""
        return self._answers.get(fingerprint)

    def in_flight(self, fingerprint: str) -> asyncio.Event | None:
        """Set when whoever is asking has an answer, or none; None where nobody is."""
        return self._in_flight.get(fingerprint)

    @contextmanager
    def asking(self, fingerprint: str) -> Iterator[None]:
        """Let others wait for what is asked inside.

        Those who waited in vain ask at once, all of them: one after another, each with its attempts, they would take as
        long as all attempts together.
        """
        if fingerprint in self._in_flight:
            yield
            return
        self._in_flight[fingerprint] = over = asyncio.Event()
        try:
            yield
        finally:
            del self._in_flight[fingerprint]
            over.set()

    def keep(self, fingerprint: str, response: Response) -> None:
        """Share an answer, unless it is one that whoever asks again may get better: a refusal, or one cut off."""
        if response.is_refused or response.is_truncated:
            return
        self._answers[fingerprint] = response
        if len(self._answers) > self._most:
            del self._answers[next(iter(self._answers))]

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Let these be asked anew: the run that they were a part of came to no verdict by them."""
        for fingerprint in fingerprints:
            self._answers.pop(fingerprint, None)
