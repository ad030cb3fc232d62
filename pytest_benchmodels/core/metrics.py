"""Figures over results: rates with their uncertainty, latencies, throughput, and how well the time was used.

A `Tally` keeps a few numbers of each result, never the result: 12,000 of them cost about a megabyte. Every figure is
the same for any order in which the results came in.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .result import Result, Status

__all__ = ["ErrorGroup", "Figures", "Interval", "ModelFigures", "Tally", "lower_bound", "percentile", "wilson"]

_Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile: 2.5 % are left out at either side
_VARYING = re.compile(r"\b[0-9a-zA-Z_-]*[0-9][0-9a-zA-Z_-]*")
_CAUSE_LENGTH = 200
_MOST_CAUSES = 20
_NO_WORK = frozenset[Status](("error", "skipped"))


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval; both ends are from 0 to 1."""

    low: float
    high: float


def wilson(passed: int, graded: int) -> Interval | None:
    """Wilson's score interval (E. B. Wilson, 1927) for `passed` of `graded`; None where nothing was graded.

    Unlike p +- 1.96 s it stays within 0 and 1, and does not shrink to nothing where all or none passed.
    """
    if not graded:
        return None
    share, z2 = passed / graded, _Z_95**2
    centre = share + z2 / (2 * graded)
    spread = _Z_95 * math.sqrt(share * (1 - share) / graded + z2 / (4 * graded**2))
    scale = 1 + z2 / graded
    # At the ends the formula gives exactly 0 and 1, floating point does not quite.
    low = (centre - spread) / scale if passed else 0.0
    high = (centre + spread) / scale if passed < graded else 1.0
    return Interval(low, high)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` (0 to 1) of the values lie; None where there are none.

    Interpolates linearly between the two nearest ranks, as numpy's default and Excel's PERCENTILE.INC do (Hyndman and
    Fan's type 7).
    """
    if not values:
        return None
    ranked = sorted(values)
    rank = share * (len(ranked) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ranked) - 1)
    # This form never leaves the two ranks' interval; `a * (1 - f) + b * f` does, by a rounding.
    return min(ranked[below] + (ranked[above] - ranked[below]) * (rank - below), ranked[above])


def lower_bound(busy: Mapping[str, Sequence[float]], lanes: int, windows: Mapping[str, int] | None = None) -> float:
    """The least time, in seconds, in which these runs fit into `lanes` at once for each model.

    `busy` gives per model how long each run was in flight, in seconds; `windows` the lanes of models that have others.
    No schedule is faster than a model's longest run, nor than its lanes evenly filled; models run beside each other, so
    the slowest of them decides.
    """
    own = windows or {}
    evenly = (math.fsum(times) / own.get(model, lanes) for model, times in busy.items())
    longest = (max(times, default=0.0) for times in busy.values())
    return max((*evenly, *longest), default=0.0)


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """One model's figures. The first five count runs by status, an xfailed one by the status that it had.

    `score` is the mean over the runs that have one. `p50_s` and `p95_s` are seconds over passed, failed and timed out
    runs: an answer counts with its latency, a timeout with the whole time that was spent on it, an error not at all.
    Tokens are sums over what the provider counted. `cost_usd` is None if the cost of any answer is unknown. `waits_s`
    are sums over all runs of the seconds that they waited, by what for.
    """

    model: str
    passed: int
    failed: int
    timeouts: int
    errors: int
    skipped: int
    score: float | None
    p50_s: float | None
    p95_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    waits_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def graded(self) -> int:
        """Runs that tell something about the model: a timeout is a wrong answer, an error neither right nor wrong."""
        return self.passed + self.failed + self.timeouts

    @property
    def rate(self) -> float | None:
        """The share of graded runs that passed, 0 to 1."""
        return self.passed / self.graded if self.graded else None

    @property
    def interval(self) -> Interval | None:
        """Where the rate may truly lie, with 95 % confidence, as far as chance goes."""
        return wilson(self.passed, self.graded)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors of one kind and cause from one model; `message` is one of theirs."""

    model: str
    kind: str
    count: int
    message: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of everything that was added to a `Tally`.

    `models` are in order of their ids, `errors` the most frequent first. `cached` runs were taken over and called no
    model; `xfailed` ones failed as their author expected. `worked_runs` are neither errors nor skipped nor cached;
    `worked_scenarios` have such a run. `makespan_s` is from the first start to the last end and `lower_bound_s` the
    least it could have been, over the runs that were neither skipped nor cached.
    """

    models: tuple[ModelFigures, ...]
    errors: tuple[ErrorGroup, ...]
    scenarios: int
    trials: int
    cached: int
    worked_runs: int
    worked_scenarios: int
    makespan_s: float
    lower_bound_s: float
    xfailed: int = 0

    @property
    def statuses(self) -> dict[Status, int]:
        """How many runs ended in which status."""
        return {
            "passed": sum(model.passed for model in self.models),
            "failed": sum(model.failed for model in self.models),
            "timeout": sum(model.timeouts for model in self.models),
            "error": sum(model.errors for model in self.models),
            "skipped": sum(model.skipped for model in self.models),
        }

    @property
    def runs(self) -> int:
        return sum(self.statuses.values())

    @property
    def runs_per_min(self) -> float:
        """Model runs that were work done, per minute of makespan; 0 where no time passed."""
        return self._per_min(self.worked_runs)

    @property
    def scenarios_per_min(self) -> float:
        """Scenarios of which at least one run was work done, per minute of makespan; 0 where no time passed."""
        return self._per_min(self.worked_scenarios)

    @property
    def efficiency(self) -> float | None:
        """Lower bound / makespan: 1 if no faster schedule exists; None where no time passed."""
        return self.lower_bound_s / self.makespan_s if self.makespan_s else None

    def _per_min(self, count: int) -> float:
        return count * 60 / self.makespan_s if self.makespan_s else 0.0


class _ModelTally:
    """What is kept of one model's results."""

    __slots__ = (
        "busy",
        "costs",
        "input_tokens",
        "latencies",
        "output_tokens",
        "price_unknown",
        "scores",
        "statuses",
        "waits",
    )

    def __init__(self) -> None:
        self.statuses: Counter[Status] = Counter()
        self.latencies = array("d")
        self.scores = array("d")
        self.costs = array("d")
        self.busy = array("d")
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.price_unknown = False
        self.waits: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, result: Result) -> None:
        self.statuses[result.status] += 1
        if result.score is not None:
            self.scores.append(result.score)
        if result.status == "timeout":
            self.latencies.append(result.duration_s)
        elif result.status not in _NO_WORK:
            self.latencies.append(result.latency_s)
        if _ran(result):
            self.busy.append(result.in_flight_s)
        for reason, seconds in result.waits.items():
            self.waits[reason].append(seconds)
        self._add_spending(result)

    def _add_spending(self, result: Result) -> None:
        if result.response is not None:
            usage = result.response.usage
            self.input_tokens = _sum(self.input_tokens, usage.input_tokens)
            self.output_tokens = _sum(self.output_tokens, usage.output_tokens)
        if result.cost_usd is not None:
            self.costs.append(result.cost_usd)
        elif result.status in {"passed", "failed"}:
            self.price_unknown = True

    def merge(self, other: _ModelTally) -> None:
        self.statuses.update(other.statuses)
        for name in ("latencies", "scores", "costs", "busy"):
            getattr(self, name).extend(getattr(other, name))
        self.input_tokens = _sum(self.input_tokens, other.input_tokens)
        self.output_tokens = _sum(self.output_tokens, other.output_tokens)
        self.price_unknown |= other.price_unknown
        for reason, waited in other.waits.items():
            self.waits[reason].extend(waited)

    def figures(self, model: str) -> ModelFigures:
        return ModelFigures(
            model=model,
            passed=self.statuses["passed"],
            failed=self.statuses["failed"],
            timeouts=self.statuses["timeout"],
            errors=self.statuses["error"],
            skipped=self.statuses["skipped"],
            score=math.fsum(self.scores) / len(self.scores) if self.scores else None,
            p50_s=percentile(self.latencies, 0.50),
            p95_s=percentile(self.latencies, 0.95),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=math.fsum(self.costs) if self.costs and not self.price_unknown else None,
            waits_s={reason: math.fsum(waited) for reason, waited in sorted(self.waits.items())},
        )


class Tally:
    """Adds up results one by one, and forgets them."""

    def __init__(self) -> None:
        self._models: dict[str, _ModelTally] = {}
        self._errors: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._scenarios: set[str] = set()
        self._worked: set[str] = set()
        self._trials: set[int] = set()
        self._cached = 0
        self._xfailed = 0
        self._worked_runs = 0
        self._longest_s = 0.0
        self._first_start = math.inf
        self._last_end = -math.inf

    def add(self, result: Result) -> None:
        """Count one run's end. To add the same run twice counts it twice."""
        if result.model not in self._models:
            self._models[result.model] = _ModelTally()
        self._models[result.model].add(result)
        self._trials.add(result.trial)
        self._cached += result.cached
        self._xfailed += result.status == "failed" and result.xfail is not None
        self._add_scenario(result)
        if result.status == "error":
            self._add_error(result)
        if _ran(result):
            self._longest_s = max(self._longest_s, result.duration_s)
            self._first_start = min(self._first_start, result.started_at)
            self._last_end = max(self._last_end, result.started_at + result.duration_s)

    def figures(self, lanes: int, windows: Mapping[str, int] | None = None) -> Figures:
        """The figures so far; `lanes` and `windows` are how many runs of a model were allowed at once."""
        return Figures(
            models=tuple(tally.figures(model) for model, tally in sorted(self._models.items())),
            errors=self._error_groups(),
            scenarios=len(self._scenarios),
            trials=len(self._trials),
            cached=self._cached,
            xfailed=self._xfailed,
            worked_runs=self._worked_runs,
            worked_scenarios=len(self._worked),
            # Seconds since the epoch, as floats, are true to a quarter of a microsecond: less than that is no time.
            makespan_s=round(max(self._last_end - self._first_start, 0.0), 6),
            lower_bound_s=self._lower_bound_s(lanes, windows),
        )

    def _lower_bound_s(self, lanes: int, windows: Mapping[str, int] | None) -> float:
        """With what the longest run took in all: between its attempts others had its place, but it was not over."""
        busy = {model: tally.busy for model, tally in self._models.items()}
        return max(self._longest_s, lower_bound(busy, lanes, windows))

    def overall(self) -> ModelFigures:
        """The figures of all models' runs together, under the name `*`."""
        everything = _ModelTally()
        for tally in self._models.values():
            everything.merge(tally)
        return everything.figures("*")

    def _add_scenario(self, result: Result) -> None:
        # An id is unique in its file only; a node id without its model is unique in the session.
        scenario = result.nodeid.rpartition("[")[0]
        self._scenarios.add(scenario)
        if result.status not in _NO_WORK and not result.cached:
            self._worked.add(scenario)
            self._worked_runs += 1

    def _add_error(self, result: Result) -> None:
        kind, message = (result.error.kind, result.error.message) if result.error else ("unknown", "")
        key = (result.model, kind, _cause(message))
        count, known = self._errors.get(key, (0, message))
        self._errors[key] = count + 1, min(known, message)

    def _error_groups(self) -> tuple[ErrorGroup, ...]:
        """One group a cause; of many causes of one kind the rarest are one."""
        kinds: dict[tuple[str, str], list[ErrorGroup]] = {}
        for (model, kind, _), (count, text) in self._errors.items():
            kinds.setdefault((model, kind), []).append(ErrorGroup(model, kind, count, text))
        groups = [group for found in kinds.values() for group in _fewer(found)]
        return tuple(sorted(groups, key=lambda group: (-group.count, group.model, group.kind, group.message)))


def _cause(message: str) -> str:
    """What messages of one cause have in common: request ids, times and counts differ."""
    return _VARYING.sub("#", message[:_CAUSE_LENGTH])


def _fewer(groups: list[ErrorGroup]) -> list[ErrorGroup]:
    ordered = sorted(groups, key=lambda group: (-group.count, group.message))
    kept, rest = ordered[: _MOST_CAUSES - 1], ordered[_MOST_CAUSES - 1 :]
    if rest:
        first = rest[0]
        kept.append(ErrorGroup(first.model, first.kind, sum(group.count for group in rest), first.message))
    return kept


def _ran(result: Result) -> bool:
    return result.status != "skipped" and not result.cached


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
