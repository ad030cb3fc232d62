"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .exchange import Response

__all__ = ["NEXT_ATTEMPT", "CheckResult", "Failure", "Result", "Retry", "Status", "from_plain", "to_plain"]

NEXT_ATTEMPT = "the next attempt"
"""What a wait between two attempts is accounted as, among `Result.waits`."""

Status = Literal["passed", "failed", "error", "timeout", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's verdict on one answer, after `not`. `summary` is the check in a reader's words."""

    name: str
    score: float
    passed: bool
    explanation: str
    weight: float = 1.0
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has no verdict. `kind` is a short stable word, `message` is for a reader."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Retry:
    """An attempt that failed and was followed by another, `wait_s` seconds later."""

    kind: str
    message: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """One run's end.

    `latency_s` is the sum over its turns of the answered attempt, from the request to the last byte. Apart from it
    stand failed attempts (`retry_s`), connection set-up (`connect_s`), the client's own delay (`client_s`), each None
    where nobody measured it, and `wait_s`, spent waiting for rate limits and between attempts, `waits` what for.
    `duration_s` is the run from its first request on. `timeout_s` is the run's limit, 0 for none, and None where that
    is not known. All in seconds. `started_at` is in seconds since the epoch. `score` is None unless the answer was
    graded. `threshold` is the author's, and then the score decides; None where each check had to pass (`scoring`).
    `cost_usd` is None where the price or the tokens are unknown. `xfail` is the author's reason to expect a wrong
    answer, and changes no status. `cached` says that no model was called for it, `regraded` that a stored answer was
    judged, `reuse` what was taken over, or why nothing was. `answers` are those of all turns where there were
    several; `response` is the last one, with the latency and the tokens of all. `session` says which of its run's
    sessions had it, from 1 on; it is 0 where that is not known, and before the result is kept.
    """

    nodeid: str
    scenario: str
    model: str
    trial: int
    status: Status
    started_at: float
    duration_s: float
    latency_s: float = 0.0
    wait_s: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 0
    score: float | None = None
    threshold: float | None = None
    checks: tuple[CheckResult, ...] = ()
    response: Response | None = None
    error: Failure | None = None
    retries: tuple[Retry, ...] = ()
    cost_usd: float | None = None
    xfail: str | None = None
    cached: bool = False
    regraded: bool = False
    reuse: str = ""
    fingerprint: str = ""
    grade_fingerprint: str = ""
    answers: tuple[Response, ...] = ()
    session: int = 0
    retry_s: float | None = None
    connect_s: float | None = None
    client_s: float | None = None
    timeout_s: float | None = None

    @property
    def was_run(self) -> bool:
        """Whether its model was called for it, if not in this session then in an earlier one of the same run."""
        return self.status != "skipped" and (not self.cached or (self.regraded and self.attempts > 0))

    @property
    def in_flight_s(self) -> float:
        """For how long, in seconds, the run had a place among those in flight: between attempts, others have it."""
        return max(self.duration_s - self.waits.get(NEXT_ATTEMPT, 0.0), 0.0)


def to_plain(result: Result) -> dict[str, object]:
    """The result as str, int, float, bool, None, list and dict: what crosses from one process to another.

    Its strings cross only if they hold no lone surrogates (`text.well_formed`, `text.plain`).
    """
    plain: dict[str, Any] = msgspec.to_builtins(result)
    plain["checks"] = list(plain["checks"])
    plain["retries"] = list(plain["retries"])
    plain["answers"] = list(plain["answers"])
    return plain


def from_plain(plain: dict[str, object]) -> Result:
    """Undo `to_plain`. Raises `msgspec.ValidationError` for anything that is no result."""
    return msgspec.convert(plain, Result)
