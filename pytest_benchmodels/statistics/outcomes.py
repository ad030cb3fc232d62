"""Outcomes of runs, counted by scenario, and what else was asked."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import CallSummary, Purpose, Result, Status
from pytest_benchmodels.core.run import parse_run_name, scenario_of
from pytest_benchmodels.statistics.intervals import Interval, design_effect, percentile, wilson

__all__ = [
    "NOT_PLANNED",
    "AskedFigures",
    "AskedTally",
    "Count",
    "Coverage",
    "CoverageTally",
    "Effects",
    "ErrorGroup",
    "ErrorTally",
    "Outcome",
    "ScenarioCounts",
    "Standing",
    "StreamTally",
    "graded_scenarios",
    "is_ranked",
    "not_started",
    "standings",
]


class Outcome(NamedTuple):
    """One run's end, without its answer. `scenario` is the node id without the model, which names it in its suite."""

    scenario: str
    model: str
    trial: int
    status: Status
    score: float | None = None
    cached: bool = False

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """The outcome of a result."""
        scenario = scenario_of(result.nodeid)
        return cls(scenario, result.model, result.trial, result.status, result.score, result.cached)


class Standing(NamedTuple):
    """One model's trials of one scenario, counted. A timeout is graded and not passed, as in `metrics`."""

    passed: int = 0
    graded: int = 0
    errors: int = 0
    cached: int = 0
    scored: int = 0
    score_sum: float = 0.0

    @property
    def rate(self) -> float:
        """The share of graded trials that passed, 0 to 1; 0 where none was graded."""
        return self.passed / self.graded if self.graded else 0.0

    @property
    def score(self) -> float:
        """The mean score, 0 to 1; 0 where no trial has one."""
        return self.score_sum / self.scored if self.scored else 0.0

    def plus(self, outcome: Outcome) -> Standing:
        """With one more trial. A score outside 0 to 1, which only a damaged file can hold, does not count."""
        erred = outcome.status == "error"
        score = outcome.score if outcome.score is not None and 0 <= outcome.score <= 1 else None
        return Standing(
            self.passed + (outcome.status == "passed"),
            self.graded + (not erred),
            self.errors + erred,
            self.cached + outcome.cached,
            self.scored + (score is not None),
            self.score_sum + (score or 0.0),
        )


def graded_scenarios(outcomes: Iterable[Outcome]) -> frozenset[tuple[str, str]]:
    """The scenarios with a verdict, each with its model."""
    return frozenset((each.scenario, each.model) for each in outcomes if each.status not in {"error", "skipped"})


_NOTHING = Standing()


def standings(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Standing]]:
    """Each model's standing in each scenario that it ran. A skipped run says nothing, and is left out.

    Trials of a scenario are exchangeable: they are pooled, whatever their numbers.
    """
    models: dict[str, dict[str, Standing]] = {}
    for outcome in outcomes:
        if outcome.status != "skipped":
            scenarios = models.setdefault(outcome.model, {})
            scenarios[outcome.scenario] = scenarios.get(outcome.scenario, _NOTHING).plus(outcome)
    return models


NOT_PLANNED = "skip"
"""The kind of a skipped run's failure that its author, or a mark, left out on purpose: it was never to be run."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many runs were to be made: of each model, and of all together.

    What `-k` and the like deselected is not among them, nor what its author skips. What the budget, `-x`, Ctrl-C, a
    crash, an error or an answer that is not stored kept from a verdict is. `total` may be more than `models` add up to:
    of runs that never began, an older store knows no more than how many they are.
    """

    models: Mapping[str, int] = field(default_factory=dict)
    total: int = 0

    def of(self, model: str | None) -> int:
        """How many runs of a model were to be made; of all models together for None."""
        return self.total if model is None else self.models.get(model, 0)

    def at_least(self, models: Mapping[str, int]) -> Coverage:
        """The same, with at least these numbers of runs of each model."""
        most = {
            model: max(self.of(model), models.get(model, 0)) for model in sorted(self.models.keys() | models.keys())
        }
        return Coverage(most, self.total - sum(self.models.values()) + sum(most.values()))


def not_started(nodeids: Iterable[str], outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Those of the runs that were collected that have no result."""
    done = {(outcome.scenario, outcome.model, outcome.trial) for outcome in outcomes}
    return tuple(nodeid for nodeid in nodeids if (name := parse_run_name(nodeid)) and tuple(name) not in done)


class CoverageTally:
    """Adds up results one by one, and forgets them."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count one run's end."""
        self._seen[result.model] += 1
        if result.status == "skipped" and (result.error is None or result.error.kind == NOT_PLANNED):
            self._left_out[result.model] += 1

    def coverage(self, nodeids: Iterable[str] = (), unnamed: int = 0) -> Coverage:
        """What was to be run: `nodeids`, as far as they are known, and `unnamed` more; at least what has a result."""
        asked = Counter(name.model for nodeid in nodeids if (name := parse_run_name(nodeid)))
        models = {
            model: max(asked.get(model, 0), self._seen[model]) - self._left_out[model]
            for model in sorted(asked.keys() | self._seen.keys())
        }
        return Coverage(models, sum(models.values()) + unnamed)


_AHEAD = 1000  # scenarios: room for all of them at once; one without a run counts for nothing
_UNIT = 1 << 40  # a score is kept as a whole number of these parts: such sums are the same in any order


@dataclass(frozen=True, slots=True)
class Effects:
    """How many runs tell as much as one independent run, of each rate; 1 with one trial of each scenario."""

    passed: float = 1.0
    errors: float = 1.0
    timeouts: float = 1.0
    truncated: float = 1.0


class ScenarioCounts:
    """Counts of one model, or of all, by the scenario's number; 36 bytes a scenario."""

    __slots__ = ("_answered", "_errors", "_graded", "_passed", "_score_sums", "_scored", "_timeouts", "_truncated")

    def __init__(self) -> None:
        self._passed, self._graded, self._errors, self._timeouts, self._scored = (array("I") for _ in range(5))
        self._answered, self._truncated = array("I"), array("I")
        self._score_sums = array("q")

    def add(self, scenario: int, status: Status, score: float | None) -> None:
        """Count one run; a skipped one says nothing."""
        if scenario >= len(self._graded):
            self._reach(scenario + _AHEAD)
        self._passed[scenario] += status == "passed"
        self._graded[scenario] += status in {"passed", "failed", "timeout"}
        self._errors[scenario] += status == "error"
        self._timeouts[scenario] += status == "timeout"
        # Only a damaged file can hold another score.
        if score is not None and 0 <= score <= 1:
            self._scored[scenario] += 1
            self._score_sums[scenario] += round(score * _UNIT)

    def add_answer(self, scenario: int, *, truncated: bool) -> None:
        """Count one run's answer, which was cut off or not."""
        if scenario >= len(self._graded):
            self._reach(scenario + _AHEAD)
        self._answered[scenario] += 1
        self._truncated[scenario] += truncated

    def merge(self, other: ScenarioCounts) -> None:
        """Add another model's runs: those of one scenario are alike whoever answers."""
        self._reach(len(other._graded))
        for name in self.__slots__:
            own = getattr(self, name)
            for scenario, count in enumerate(getattr(other, name)):
                own[scenario] += count

    def effects(self) -> Effects:
        """The design effects of the rates."""
        made = [graded + errors for graded, errors in zip(self._graded, self._errors, strict=True)]
        if max(made, default=0) <= 1:
            return Effects()
        return Effects(
            passed=_effect(self._passed, self._graded),
            errors=_effect(self._errors, made),
            timeouts=_effect(self._timeouts, made),
            truncated=_effect(self._truncated, self._answered),
        )

    def score_interval(self) -> Interval | None:
        """The mean score's interval; scores scatter less than passes and failures do."""
        sums = [total / _UNIT for total in self._score_sums]
        effect = design_effect(zip(sums, self._scored, strict=True), shares=False)
        return wilson(math.fsum(sums), sum(self._scored), effect)

    def answered_observations(self) -> float:
        """How many independent observations the runs with a graded answer are if all trials of a scenario agree."""
        trials = [graded - timeouts for graded, timeouts in zip(self._graded, self._timeouts, strict=True)]
        squares = sum(count * count for count in trials)
        return sum(trials) ** 2 / squares if squares else 0.0

    def _reach(self, length: int) -> None:
        missing = length - len(self._graded)
        if missing > 0:
            for name in self.__slots__:
                getattr(self, name).extend([0] * missing)


def _effect(counts: Iterable[int], totals: Iterable[int]) -> float:
    pairs: Iterator[tuple[int, int]] = zip(counts, totals, strict=True)
    return design_effect(pairs)


def is_ranked(outcomes: Collection[Outcome]) -> bool:
    """Whether there is an order of models to tell: with one model and one trial of each scenario there is none."""
    models = {outcome.model for outcome in outcomes if outcome.status not in ("error", "skipped")}
    return len(models) > 1 or any(outcome.trial != 1 for outcome in outcomes)


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

    def add(self, call: CallSummary, *, is_in_time: bool = True) -> None:
        """Count a call. `is_in_time`: its lane was held while the session's makespan was measured."""
        self.calls += 1
        self.cached += call.cached
        if call.latency_s is not None:
            self.answered += 1
            self.latencies.append(call.latency_s)
        if not call.attempts:  # nothing was sent for this run: that is known to be no token
            self.input_tokens.add(0, 0)
            self.output_tokens.add(0, 0)
            return
        if is_in_time:
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


class StreamTally:
    """What is kept of streamed answers."""

    def __init__(self) -> None:
        self.ttfts = array("d")
        self.seconds = array("d")
        self.tokens = 0

    def add(self, answer: Response) -> None:
        if answer.ttft_s is not None:
            self.ttfts.append(answer.ttft_s)
        if (generated := answer.generated) is not None:
            self.tokens += generated[0]
            self.seconds.append(generated[1])

    def merge(self, other: StreamTally) -> None:
        self.ttfts.extend(other.ttfts)
        self.seconds.extend(other.seconds)
        self.tokens += other.tokens

    @property
    def tokens_per_s(self) -> float | None:
        return self.tokens / math.fsum(self.seconds) if self.seconds else None


_VARYING = re.compile(r"\b[0-9a-zA-Z_-]*[0-9][0-9a-zA-Z_-]*")
# What the engine says before the cause where a model was given up: the cause is the same.
_UNSTARTED = re.compile(r"not started: \d+ runs in a row ended with [^:]*: ")
_CAUSE_LENGTH = 200
_MOST_CAUSES = 20


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors of one kind and cause from one model; `message` is one of theirs."""

    model: str
    kind: str
    count: int
    message: str


class ErrorTally:
    """Counts errors by model, kind and cause."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str, str], tuple[int, str]] = {}

    def add(self, result: Result) -> None:
        """Count one; of the messages of one cause the plainest is kept."""
        kind, message = (result.error.kind, result.error.message) if result.error else ("unknown", "")
        key = (result.model, kind, _cause(message))
        count, known = self._errors.get(key, (0, message))
        self._errors[key] = count + 1, min(known, message, key=lambda text: (bool(_UNSTARTED.match(text)), text))

    def groups(self) -> tuple[ErrorGroup, ...]:
        """One group a cause; of many causes of one kind the rarest are one."""
        kinds: dict[tuple[str, str], list[ErrorGroup]] = {}
        for (model, kind, _), (count, text) in self._errors.items():
            kinds.setdefault((model, kind), []).append(ErrorGroup(model, kind, count, text))
        groups = [group for found in kinds.values() for group in _fewer(found)]
        return tuple(sorted(groups, key=lambda group: (-group.count, group.model, group.kind, group.message)))


def _cause(message: str) -> str:
    """What messages of one cause have in common: request ids, times and counts differ."""
    begun = _UNSTARTED.match(message)
    start = begun.end() if begun else 0
    return _VARYING.sub("#", message[start : start + _CAUSE_LENGTH])


def _fewer(groups: list[ErrorGroup]) -> list[ErrorGroup]:
    ordered = sorted(groups, key=lambda group: (-group.count, group.message))
    kept, rest = ordered[: _MOST_CAUSES - 1], ordered[_MOST_CAUSES - 1 :]
    if rest:
        first = rest[0]
        kept.append(ErrorGroup(first.model, first.kind, sum(group.count for group in rest), first.message))
    return kept
