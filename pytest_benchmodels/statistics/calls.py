"""What models were asked besides runs' own answers, added up."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

from pytest_benchmodels.core.result import CallSummary, Purpose
from pytest_benchmodels.statistics.intervals import percentile

__all__ = ["AskedFigures", "AskedTally", "Count"]


@dataclass(frozen=True, slots=True)
class AskedFigures:
    """What a model was asked besides runs' own answers: by checks, as a judge.

    `calls` of which `answered` were answered, and `cached` without asking it. `p50_s` and `p95_s` are over the
    latencies of those that were answered, in seconds. Tokens and cost are None if any part is unknown; the known part
    stands beside.
    """

    purpose: Purpose
    model: str
    calls: int
    answered: int
    cached: int
    p50_s: float | None
    p95_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    known_input_tokens: int | None
    known_output_tokens: int | None
    cost_usd: float | None
    known_cost_usd: float


class Count:
    """A sum of counts, of which some may be unknown, or known in part."""

    __slots__ = ("is_whole", "known")

    def __init__(self) -> None:
        self.known: int | None = None
        self.is_whole = True

    @property
    def total(self) -> int | None:
        return self.known if self.is_whole else None

    def add(self, total: int | None, known: int | None) -> None:
        self.known = _sum(self.known, known)
        self.is_whole &= total is not None

    def merge(self, other: Count) -> None:
        self.known = _sum(self.known, other.known)
        self.is_whole &= other.is_whole


class AskedTally:
    """What is kept of the calls of one purpose to one model."""

    __slots__ = (
        "answered",
        "cached",
        "calls",
        "costs",
        "held",
        "input_tokens",
        "latencies",
        "output_tokens",
        "unpriced",
    )

    def __init__(self) -> None:
        self.calls = self.answered = self.cached = self.unpriced = 0
        self.latencies = array("d")
        self.held = array("d")
        self.costs = array("d")
        self.input_tokens = Count()
        self.output_tokens = Count()

    def add(self, call: CallSummary) -> None:
        self.calls += 1
        self.cached += call.cached
        if call.latency_s is not None:
            self.answered += 1
            self.latencies.append(call.latency_s)
        if not call.attempts:  # nothing was sent for this run: that is known to be no token
            self.input_tokens.add(0, 0)
            self.output_tokens.add(0, 0)
            return
        self.held.append(call.held_s)
        self.input_tokens.add(call.input_tokens, call.input_tokens)
        self.output_tokens.add(call.output_tokens, call.output_tokens)
        self.costs.append(call.known_cost_usd)
        self.unpriced += call.cost_usd is None

    def figures(self, purpose: Purpose, model: str) -> AskedFigures:
        known_usd = math.fsum(self.costs)
        return AskedFigures(
            purpose=purpose,
            model=model,
            calls=self.calls,
            answered=self.answered,
            cached=self.cached,
            p50_s=percentile(self.latencies, 0.50),
            p95_s=percentile(self.latencies, 0.95),
            input_tokens=self.input_tokens.total,
            output_tokens=self.output_tokens.total,
            known_input_tokens=self.input_tokens.known,
            known_output_tokens=self.output_tokens.known,
            cost_usd=known_usd if not self.unpriced else None,
            known_cost_usd=known_usd,
        )


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
