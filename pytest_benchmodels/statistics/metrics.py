"""Figures over results: rates with their uncertainty, latencies, throughput, and how well the time was used.

A `Tally` keeps a few numbers of each result, never the result: 12,000 of them cost about a megabyte. Every figure is
the same for any order in which the results came in.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from msgspec.structs import replace

from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Purpose, Result, Status
from pytest_benchmodels.core.run import Pool, lane_group, scenario_of
from pytest_benchmodels.statistics.check_tally import CheckFigures, CheckTally
from pytest_benchmodels.statistics.intervals import Interval, percentile, percentile_interval, wilson
from pytest_benchmodels.statistics.judges import JudgeFigures, JudgeTally
from pytest_benchmodels.statistics.outcomes import (
    AskedFigures,
    AskedTally,
    Count,
    Effects,
    ErrorGroup,
    ErrorTally,
    ScenarioCounts,
    StreamTally,
)

__all__ = ["Figures", "ModelFigures", "Tally", "lower_bound"]

_NO_WORK = frozenset[Status](("error", "skipped"))
_ANSWERED = frozenset[Status](("passed", "failed"))


def lower_bound(
    busy: Mapping[str, Sequence[float]],
    lanes: int,
    windows: Mapping[str, int] | None = None,
    pools: Iterable[Pool] = (),
) -> float:
    """The least time, in seconds, in which these runs fit into `lanes` at once for each model.

    `busy` gives per model how long each run was in flight, in seconds; `windows` the lanes of models that have others,
    `pools` those that several models have together. No schedule is faster than the longest run, nor than a model's or a
    pool's lanes evenly filled; models run beside each other, so the slowest of all decides.
    """
    own = windows or {}
    evenly = (math.fsum(times) / own.get(model, lanes) for model, times in busy.items())
    longest = (max(times, default=0.0) for times in busy.values())
    pooled = (math.fsum(chain(*(busy.get(model, ()) for model in pool.models))) / pool.most for pool in pools)
    return max((*evenly, *longest, *pooled), default=0.0)


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """One model's figures. The first five count runs by status, an xfailed one by the status that it had.

    `score` is the mean over the runs that have one. `p50_s` and `p95_s` are seconds over the latencies of
    `latency_runs` runs, those that passed or failed. They leave out `latency_timeouts` timeouts: how long those would
    have taken, nobody knows. `client_p95_s` is the 95th percentile of what this machine's own work added to these
    latencies, None where nobody measured it. `answered` runs have an answer, of which `truncated` were cut off at
    max_tokens. The intervals have 95 % confidence, or are None where there are too few runs for one; `effects` say how
    many runs count for one in that of a rate.

    `ttft_p50` and `ttft_p95` are percentiles, in seconds, of the time to the first token, over the `streamed` answers
    of the runs whose latencies count. `tokens_per_s` is how many tokens came in a second of those answers, from their
    first token on: all tokens over all seconds. They are None where nothing was streamed, or no tokens were counted.

    Tokens and `cost_usd` are what all its requests took that were billed, reruns and failed ones too; None if any part
    is unknown. The known part is in `known_input_tokens`, `known_output_tokens` and `known_cost_usd`, and `unpriced` is
    the number of runs that have a part whose cost is unknown. `reruns` counts the runs that a plugin made again: their
    last verdict counts. `waits_s` are sums over all runs of the seconds that they waited, by what for. `answered_by`
    counts the answers that came from another model than was asked, by its name, the most frequent first. Of the
    `tool_calls` of all answers `rejected_calls` were wrong: no such tool, or arguments that do not fit.
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
    latency_runs: int = 0
    latency_timeouts: int = 0
    client_p95_s: float | None = None
    known_input_tokens: int | None = None
    known_output_tokens: int | None = None
    known_cost_usd: float = 0.0
    unpriced: int = 0
    reruns: int = 0
    known_cached_input_tokens: int | None = None
    answered: int = 0
    truncated: int = 0
    score_interval: Interval | None = None
    p50_interval: Interval | None = None
    p95_interval: Interval | None = None
    effects: Effects = field(default_factory=Effects)
    ttft_p50: float | None = None
    ttft_p95: float | None = None
    tokens_per_s: float | None = None
    streamed: int = 0
    answered_by: Mapping[str, int] = field(default_factory=dict)
    tool_calls: int = 0
    rejected_calls: int = 0

    @property
    def cost_per_passed_usd(self) -> float | None:
        """US dollars for each run that passed; None where none passed, or the cost is not wholly known."""
        return self.cost_usd / self.passed if self.passed and self.cost_usd is not None else None

    @property
    def known_cost_per_passed_usd(self) -> float | None:
        """The least that each run that passed can have cost; None where none passed."""
        return self.known_cost_usd / self.passed if self.passed else None

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
        """The rate's 95 % confidence interval."""
        return wilson(self.passed, self.graded, self.effects.passed)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of everything that was added to a `Tally`.

    `models` are in order of their ids, `errors` the most frequent first. `cached` runs were taken over and called no
    model; `xfailed` ones failed as their author expected. `worked_runs` are neither errors nor skipped nor cached;
    `worked_scenarios` have such a run. `makespan_s` is from the first start to the last end and `lower_bound_s` the
    least it could have been, over the runs that were neither skipped nor cached. `asked` is what models were asked
    besides runs' own answers, by purpose and model, `judges` what their votes tell of those that judged, `checks`
    what is known of the checks themselves.
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
    asked: tuple[AskedFigures, ...] = ()
    checks: CheckFigures = field(default_factory=CheckFigures)
    judges: tuple[JudgeFigures, ...] = ()

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
        "answered",
        "answered_by",
        "busy",
        "cached_input_tokens",
        "client_delays",
        "costs",
        "counts",
        "input_tokens",
        "latencies",
        "output_tokens",
        "rejected_calls",
        "reruns",
        "scores",
        "statuses",
        "streams",
        "tool_calls",
        "truncated",
        "unpriced",
        "waits",
    )

    def __init__(self) -> None:
        self.statuses: Counter[Status] = Counter()
        self.counts = ScenarioCounts()
        self.latencies = array("d")
        self.client_delays = array("d")
        self.scores = array("d")
        self.costs = array("d")
        self.busy = array("d")
        self.input_tokens = Count()
        self.cached_input_tokens = Count()
        self.output_tokens = Count()
        self.unpriced = 0
        self.reruns = 0
        self.answered = 0
        self.answered_by: Counter[str] = Counter()
        self.truncated = self.tool_calls = self.rejected_calls = 0
        self.streams: StreamTally | None = None
        self.waits: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, result: Result, scenario: int) -> None:
        """Count one result; `scenario` is its scenario's number in the session."""
        status, score, response, timing = result.status, result.score, result.response, result.timing
        self.statuses[status] += 1
        self.counts.add(scenario, status, score)
        if response is not None:
            is_cut = result.is_truncated
            self.counts.add_answer(scenario, truncated=is_cut)
            self.answered += 1
            self.truncated += is_cut
            for answer in result.answers or (response,):
                self._add_answer(answer)
        if score is not None:
            self.scores.append(score)
        if status in _ANSWERED:
            self.latencies.append(timing.latency_s)
            if timing.client_s is not None:
                self.client_delays.append(timing.client_s)
            if response is not None and response.ttft_s is not None:
                self.streams = self.streams or StreamTally()
                for answer in result.all_answers:
                    self.streams.add(answer)
        if _ran(result):
            self.busy.append(result.in_flight_s)
        for reason, seconds in timing.waits.items():
            self.waits[reason].append(seconds)
        self._add_spending(result)

    def _add_answer(self, answer: Response) -> None:
        if name := answer.answered_by:
            self.answered_by[name] += 1
        self.tool_calls += len(answer.tool_calls)
        self.rejected_calls += sum([given.is_rejected for given in answer.tool_results])

    def _add_spending(self, result: Result) -> None:
        self.reruns += result.reruns
        spent = result.spent
        if result.account.usage is not None or result.response is not None:
            cached = spent.known_usage.cached_input_tokens
            self.cached_input_tokens.add(cached, cached)
            self.input_tokens.add(spent.usage.input_tokens, spent.known_usage.input_tokens)
            self.output_tokens.add(spent.usage.output_tokens, spent.known_usage.output_tokens)
        if spent.cost_usd is not None or spent.known_cost_usd:
            self.costs.append(spent.known_cost_usd)
        self.unpriced += result.is_unpriced

    def merge(self, other: _ModelTally) -> None:
        self.statuses.update(other.statuses)
        self.counts.merge(other.counts)
        for name in ("latencies", "client_delays", "scores", "costs", "busy"):
            getattr(self, name).extend(getattr(other, name))
        self.input_tokens.merge(other.input_tokens)
        self.cached_input_tokens.merge(other.cached_input_tokens)
        self.output_tokens.merge(other.output_tokens)
        self.unpriced += other.unpriced
        self.reruns += other.reruns
        self.answered += other.answered
        self.answered_by.update(other.answered_by)
        self.truncated += other.truncated
        self.tool_calls += other.tool_calls
        self.rejected_calls += other.rejected_calls
        if other.streams is not None:
            self.streams = self.streams or StreamTally()
            self.streams.merge(other.streams)
        for reason, waited in other.waits.items():
            self.waits[reason].extend(waited)

    def figures(self, model: str) -> ModelFigures:
        known_usd = math.fsum(self.costs)
        observations = self.counts.answered_observations()
        streams = self.streams or StreamTally()
        return ModelFigures(
            model=model,
            passed=self.statuses["passed"],
            failed=self.statuses["failed"],
            timeouts=self.statuses["timeout"],
            errors=self.statuses["error"],
            skipped=self.statuses["skipped"],
            score=math.fsum(self.scores) / len(self.scores) if self.scores else None,
            score_interval=self.counts.score_interval(),
            p50_s=percentile(self.latencies, 0.50),
            p95_s=percentile(self.latencies, 0.95),
            p50_interval=percentile_interval(self.latencies, 0.50, observations),
            p95_interval=percentile_interval(self.latencies, 0.95, observations),
            input_tokens=self.input_tokens.total,
            output_tokens=self.output_tokens.total,
            cost_usd=known_usd if self.costs and not self.unpriced else None,
            effects=self.counts.effects(),
            waits_s={reason: math.fsum(waited) for reason, waited in sorted(self.waits.items())},
            latency_runs=len(self.latencies),
            latency_timeouts=self.statuses["timeout"],
            client_p95_s=percentile(self.client_delays, 0.95),
            known_input_tokens=self.input_tokens.known,
            known_cached_input_tokens=self.cached_input_tokens.known,
            known_output_tokens=self.output_tokens.known,
            known_cost_usd=known_usd,
            unpriced=self.unpriced,
            reruns=self.reruns,
            answered=self.answered,
            answered_by=dict(sorted(self.answered_by.items(), key=lambda entry: (-entry[1], entry[0]))),
            truncated=self.truncated,
            ttft_p50=percentile(streams.ttfts, 0.50),
            ttft_p95=percentile(streams.ttfts, 0.95),
            tokens_per_s=streams.tokens_per_s,
            streamed=len(streams.ttfts),
            tool_calls=self.tool_calls,
            rejected_calls=self.rejected_calls,
        )


class Tally:
    """Adds up results one by one, and forgets them."""

    def __init__(self, labels: Labels | None = None) -> None:
        self._models: dict[str, _ModelTally] = {}
        self._checks = CheckTally(labels)
        self._asked: dict[tuple[Purpose, str], AskedTally] = {}
        self._judges = JudgeTally()
        self._errors = ErrorTally()
        self._scenarios: dict[str, int] = {}  # numbered, so that what is kept of each is as small as an array's cell
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
        model = self._models.get(result.model)
        if model is None:
            model = self._models[result.model] = _ModelTally()
        scenario = self._add_scenario(result)
        model.add(result, scenario)
        self._checks.add(result, scenario)
        self._judges.add(result)
        if result.calls:
            is_taken_over = result.cached and not result.regraded
            for call in result.other_calls:
                told = replace(call, cached=True) if is_taken_over else call
                # Of a run that was made again, the makespan knows only the last time.
                is_in_time = not (told.cached or result.reruns)
                self._asked.setdefault((call.purpose, call.model), AskedTally()).add(told, is_in_time=is_in_time)
        self._trials.add(result.trial)
        self._cached += result.cached
        self._xfailed += result.status == "failed" and result.xfail is not None
        if result.status == "error":
            self._errors.add(result)
        if _ran(result):
            self._longest_s = max(self._longest_s, result.worked_s)
            self._first_start = min(self._first_start, result.started_at)
            self._last_end = max(self._last_end, result.started_at + result.duration_s)

    def figures(self, lanes: int, windows: Mapping[str, int] | None = None, pools: Iterable[Pool] = ()) -> Figures:
        """The figures so far; `lanes`, `windows` and `pools` are how many runs were allowed at once."""
        return Figures(
            models=tuple(tally.figures(model) for model, tally in sorted(self._models.items())),
            errors=self._errors.groups(),
            scenarios=len(self._scenarios),
            trials=len(self._trials),
            cached=self._cached,
            xfailed=self._xfailed,
            worked_runs=self._worked_runs,
            worked_scenarios=len(self._worked),
            # Floats hold seconds since the epoch to a quarter of a microsecond: anything less is rounding.
            makespan_s=round(max(self._last_end - self._first_start, 0.0), 6),
            lower_bound_s=self._lower_bound_s(lanes, windows, pools),
            asked=tuple(tally.figures(*key) for key, tally in sorted(self._asked.items())),
            checks=self._checks.figures(),
            judges=self._judges.figures(),
        )

    def _lower_bound_s(self, lanes: int, windows: Mapping[str, int] | None, pools: Iterable[Pool]) -> float:
        """At least what the longest run took in all: between its attempts others had its lane, but it was not over."""
        busy = {model: tally.busy for model, tally in self._models.items()}
        for (purpose, model), tally in self._asked.items():
            group = lane_group(model, purpose)
            busy[group] = busy[group] + tally.held if group in busy else tally.held
        return max(self._longest_s, lower_bound(busy, lanes, windows, pools))

    def overall(self) -> ModelFigures:
        """The figures of all models' runs together, under the name `*`."""
        everything = _ModelTally()
        for tally in self._models.values():
            everything.merge(tally)
        return everything.figures("*")

    def _add_scenario(self, result: Result) -> int:
        # An id is unique in its file only; a node id without its model is unique in the session.
        scenario = scenario_of(result.nodeid)
        number = self._scenarios.setdefault(scenario, len(self._scenarios))
        if result.status not in _NO_WORK and not result.cached:
            self._worked.add(scenario)
            self._worked_runs += 1
        return number


def _ran(result: Result) -> bool:
    return result.status != "skipped" and not result.cached
