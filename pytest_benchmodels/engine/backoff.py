"""When a request is tried again, and for how long a model is left alone that refuses."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pytest_benchmodels.core.errors import ProviderError

__all__ = ["RATE_LIMIT", "Backoff", "Refusals"]

RATE_LIMIT = "rate-limit"
"""The kind of error of a server that answers 429."""

_MOST_REFUSED = 100
_LONGEST_REFUSED_S = 4.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter; a server's `Retry-After` is a lower bound.

    `retries` is how many further attempts one request gets. Waits are in seconds: the n-th is drawn from
    0..min(cap_s, base_s * 2**(n-1)), so that runs which failed together do not come back together.
    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).

    A 429 says that the request may come later: while `patient`, it counts for no retry, and is followed by another
    attempt as long as the run's limit allows; a run without a limit gives up after a hundred. It is the model, not the
    run, that then waits ever longer (`pause_s`).
    """

    retries: int = 4
    base_s: float = 0.5
    cap_s: float = 30.0
    draw: Callable[[], float] = random.random
    patient: bool = False

    def wait_s(self, attempt: int, error: ProviderError, refused: int = 0) -> float | None:
        """Seconds until attempt `attempt + 1`, or None if there is to be none; `refused` of them so far were 429s."""
        if not error.retryable:
            return None
        is_refusal = self.patient and error.kind == RATE_LIMIT
        number = refused if is_refusal else attempt - refused * self.patient
        if number > (_MOST_REFUSED if is_refusal else self.retries):
            return None
        cap_s = min(self.cap_s, _LONGEST_REFUSED_S) if is_refusal else self.cap_s
        jittered = self.draw() * self._nominal_s(number, cap_s)
        return jittered if error.retry_after_s is None else error.retry_after_s + jittered / 4

    def pause_s(self, refusals: int) -> float:
        """For how long, in seconds, a model is left alone that refused so many times in a row, whichever run's.

        One refusal may mean no more than too many at once, which is the window's business: that is no pause.
        """
        if refusals < 2:
            return 0.0
        return (1 + self.draw()) / 2 * self._nominal_s(refusals, self.cap_s)

    def _nominal_s(self, number: int, cap_s: float) -> float:
        return min(cap_s, self.base_s * 2.0 ** min(number - 1, 32))


class Refusals:
    """How often each model said "too many" in a row, over all of its runs.

    A request that went out before the last refusal came says nothing new, and does not count; an answer ends the row.
    """

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    def so_far(self, model: str) -> int:
        """How many there are; a request keeps what it went out under."""
        return self._in_a_row[model]

    def refused(self, model: str, went_out_under: int) -> int:
        """Count one; how many there are now, 0 if this one says nothing new."""
        if self._in_a_row[model] != went_out_under:
            return 0
        self._in_a_row[model] += 1
        return self._in_a_row[model]

    def answered(self, model: str) -> None:
        """The model answered a request: its row of refusals is over."""
        self._in_a_row[model] = 0
