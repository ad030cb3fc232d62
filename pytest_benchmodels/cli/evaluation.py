"""A run that is over: its figures from its results, and what they are held against."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from pytest_benchmodels.cli.output import is_time
from pytest_benchmodels.cli.scenario_files import find_rootdir
from pytest_benchmodels.cli.source import Source
from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Session, lane_group
from pytest_benchmodels.formats.configfile import read_config
from pytest_benchmodels.formats.label_file import read_labels
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation
from pytest_benchmodels.statistics.changes import Conditions
from pytest_benchmodels.statistics.gates import Gate
from pytest_benchmodels.statistics.metrics import Figures, lower_bound
from pytest_benchmodels.statistics.run_tally import RunTally

__all__ = [
    "SessionSpan",
    "TimedTally",
    "conditions",
    "evaluate",
    "find_labels",
    "makespan_s",
    "most_at_once",
    "overlapping",
    "shortest_s",
]

_TOUCH_S = 0.001
"""By so much two runs of one lane may seem to overlap: their start is the clock's, their length is measured."""


class SessionSpan:
    """When one session's runs were at work, model by model; it has at least one. Times are in seconds since the epoch.

    Where the session is not known, a model is taken to have been allowed as many runs at once as were seen at once:
    where there was enough to do, that is the same.
    """

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._starts: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._durations: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._in_flight: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._longest_s = 0.0

    def add(self, result: Result) -> None:
        """Count a run that was neither skipped nor taken over."""
        self._starts[result.model].append(result.started_at)
        self._durations[result.model].append(result.duration_s)
        self._longest_s = max(self._longest_s, result.worked_s)
        self._in_flight[result.model].append(result.in_flight_s)
        for call in result.other_calls:
            if call.attempts and not result.reruns:
                self._in_flight[lane_group(call.model, call.purpose)].append(call.held_s)

    @property
    def began_at(self) -> float:
        return min(map(min, self._starts.values()))

    @property
    def ended_at(self) -> float:
        return max(max(self._ends(model)) for model in self._starts)

    @property
    def lanes(self) -> int:
        """How many runs of one model were allowed at once."""
        return self._session.concurrency if self._session is not None else max(self._seen.values())

    def shortest_s(self) -> float:
        """The least time, in seconds, in which its runs fit into what was allowed."""
        windows = self._seen if self._session is None else self._session.windows
        pools = () if self._session is None else self._session.pools
        return max(self._longest_s, lower_bound(self._in_flight, self.lanes, windows, pools))

    @cached_property
    def _seen(self) -> Mapping[str, int]:
        return {model: most_at_once(starts, self._ends(model)) for model, starts in self._starts.items()}

    def _ends(self, model: str) -> Iterator[float]:
        spans = zip(self._starts[model], self._durations[model], strict=True)
        return (start + duration_s for start, duration_s in spans)


SessionGroup = Sequence[SessionSpan]
"""Sessions that were at work at the same time, as shards are on several machines."""


def overlapping(spans: Iterable[SessionSpan]) -> Iterator[SessionGroup]:
    """The sessions in groups: those that overlap together, those that came one after another (a resumed run) apart."""
    group: list[SessionSpan] = []
    until = float("-inf")
    for span in sorted(spans, key=lambda each: each.began_at):
        if group and span.began_at > until:
            yield group
            group = []
        group.append(span)
        until = max(until, span.ended_at)
    if group:
        yield group


def makespan_s(found: Iterable[SessionGroup]) -> float:
    """For how long, in seconds, at least one session was at work."""
    # Floats hold seconds since the epoch to a quarter of a microsecond: anything less is rounding.
    return round(sum(_length_s(group) for group in found), 6)


def shortest_s(found: Iterable[SessionGroup]) -> float:
    """The least that the makespan could have been: sessions of a group beside each other, groups one after another.

    A session that is not known, and so short that the clocks do not tell what overlapped, counts as long as it was.
    """
    return sum(min(_length_s(group), max(span.shortest_s() for span in group)) for group in found)


def _length_s(group: SessionGroup) -> float:
    return max(span.ended_at for span in group) - min(span.began_at for span in group)


def most_at_once(starts: Iterable[float], ends: Iterable[float]) -> int:
    """How many intervals, in seconds, shared a moment; 1 where there are none."""
    changes: list[tuple[float, int]] = []
    for start, end in zip(starts, ends, strict=True):
        changes += [(start, 1), (max(start, end - _TOUCH_S), -1)]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return max(most, 1)


class TimedTally(RunTally):
    """A run's tally with the times of its sessions: a run that was resumed has several of them.

    `sessions` are those that worked on the run, as far as they are known: what nobody knows of counts as one.
    """

    def __init__(
        self,
        results: Iterable[Result],
        sessions: Sequence[Session] = (),
        conditions: Conditions | None = None,
        labels: Labels | None = None,
    ) -> None:
        self._sessions = sessions
        self._spans: dict[int, SessionSpan] = {}
        super().__init__(results, conditions, labels)
        self._groups = list(overlapping(self._spans.values()))

    def add(self, result: Result) -> None:
        super().add(result)
        if result.was_run:
            self._span_of(result.session).add(result)

    def _span_of(self, number: int) -> SessionSpan:
        is_known = 0 < number <= len(self._sessions)
        session = self._sessions[number - 1] if is_known else None
        return self._spans.setdefault(number if is_known else 0, SessionSpan(session))

    @property
    def lanes(self) -> int:
        """How many runs of one model were allowed at once, in the newest session."""
        if self._sessions:
            return self._sessions[-1].concurrency
        return max((span.lanes for span in self._spans.values()), default=1)

    @property
    def began_at(self) -> float | None:
        """When the first run began, in seconds since the epoch; None where none was run."""
        return min((span.began_at for span in self._spans.values()), default=None)

    @property
    def ended_at(self) -> float | None:
        """When the last run ended, in seconds since the epoch; None where none was run."""
        return max((span.ended_at for span in self._spans.values()), default=None)

    @property
    def idle_s(self) -> float:
        """For how long, in seconds, no session was at work between the first run and the last."""
        if self.began_at is None or self.ended_at is None:
            return 0.0
        return max(self.ended_at - self.began_at - makespan_s(self._groups), 0.0)

    def figures(self) -> Figures:
        """The figures over all results; throughput and makespan over the time in which a session was at work."""
        figures = self.tally.figures(self.lanes)
        return replace(figures, makespan_s=makespan_s(self._groups), lower_bound_s=shortest_s(self._groups))


def conditions(source: Source) -> Conditions:
    """All that a comparison has to know of a run. Raises `BenchError` for one that is damaged."""
    found = _conditions(source)
    for result in source.results():
        found.add(result)
    found.expect(source.expected())
    return found


def _conditions(source: Source) -> Conditions:
    return Conditions(source.run.plugin_version, source.run.shard)


_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2


def find_labels(named: Sequence[str]) -> Labels | None:
    """People's labels: those of the files that were named, else of the bench.toml that pytest would find here.

    None where there are none. Raises `ConfigError` for a file that is wrong.
    """
    if named:
        return read_labels(map(Path, named))
    config = find_rootdir([Path.cwd()]) / "bench.toml"
    paths = read_config(config).judge.label_files(config.parent) if config.is_file() else ()
    return read_labels(paths) if paths else None


def evaluate(source: Source, gates: Sequence[Gate], before: Source | None, labels: Labels | None = None) -> Evaluation:
    """A run, held against rules and, if there is one, the run before. Raises `BenchError` for one that is damaged."""
    found = _conditions(source) if before is not None else None
    tally = TimedTally(source.results(), source.run.sessions, found, labels)
    baseline = RunTally(before.results(), _conditions(before)) if before is not None else None
    for side, held_against in ((source, tally), (before, baseline)):
        if side is not None and held_against is not None and held_against.conditions is not None:
            held_against.conditions.expect(side.expected())
    coverage = source.coverage(tally)
    verdicts = tally.judged(gates, coverage, baseline)
    held = all(verdict.held for verdict in verdicts) if verdicts else None
    return Evaluation(
        run=_bench_run(source, tally, held=held),
        figures=tally.figures(),
        gates=verdicts,
        ranking=tally.ranking(),
        comparison=tally.compared_with(baseline) if baseline is not None else None,
        baseline=before.name if before is not None else None,
        coverage=coverage,
        not_started=tally.not_started(sorted(source.expected())),
        results=source.results,
        transcripts=source.transcripts,
        ze_models=tally.ze.models,
    )


def _bench_run(source: Source, tally: TimedTally, *, held: bool | None) -> BenchRun:
    """The run as reports tell it. What is not stored is worked out from results and gates: exit status and times.

    A run begins in the store when its first result comes in; the time between two of its sessions is not counted.
    """
    run = source.run
    times = [time for time in (run.started_at, tally.began_at) if time is not None and is_time(time)]
    began_at = min(times, default=0.0)
    ended_at = run.finished_at or tally.ended_at or began_at
    took_s = source.duration_s if source.duration_s is not None else ended_at - began_at - tally.idle_s
    return BenchRun(
        started_at=began_at,
        duration_s=max(took_s, 0.0),
        version=run.plugin_version,
        concurrency=tally.lanes,
        exit_status=_status(tally, held=held) if run.is_complete else _INTERRUPTED,
        id=run.id,
        shard=run.shard,
        sessions=tuple(map(_writable, run.sessions)),
    )


def _writable(session: Session) -> Session:
    return session if is_time(session.started_at) else replace(session, started_at=0.0)


def _status(tally: TimedTally, *, held: bool | None) -> int:
    """The exit status of a session with these results; `held` is None where there is no gate."""
    if held is None:
        figures = tally.figures()
        failed = sum(count for status, count in figures.statuses.items() if status not in {"passed", "skipped"})
        held = failed == figures.xfailed  # as their author expected
    return _PASSED if held else _FAILED
