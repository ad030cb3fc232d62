"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from pytest_benchmodels.core.errors import ProviderError

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter; a server's `Retry-After` is a lower bound.

    `retries` is how many further attempts one request gets. Waits are in seconds: the n-th is drawn from
    0..min(cap_s, base_s * 2**(n-1)), so that runs which failed together do not come back together.
    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
    """

    retries: int = 4
    base_s: float = 0.5
    cap_s: float = 30.0
    draw: Callable[[], float] = random.random

    def wait_s(self, attempt: int, error: ProviderError) -> float | None:
        """Seconds until attempt `attempt + 1`, or None if there is to be none."""
        if not error.retryable or attempt > self.retries:
            return None
        jittered = self.draw() * min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 32))
        return jittered if error.retry_after_s is None else error.retry_after_s + jittered / 4
