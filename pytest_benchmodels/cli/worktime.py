"""When the sessions of a run were at work: the hours between them are nobody's time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from pytest_benchmodels.core.metrics import lower_bound
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.session import Session

__all__ = ["Worktime", "makespan_s", "most_at_once", "shifts", "shortest_s"]

_TOUCH_S = 0.001
"""By so much two runs of one lane may seem to overlap: their start is the clock's, their length is measured."""


class Worktime:
    """When one session's runs were at work, model by model; it has at least one. Times are in seconds since the epoch.

    Where the session is not known, as many runs of a model were allowed at once as were seen at once: it is the same
    wherever there was enough to do.
    """

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._starts: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._durations: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._in_flight: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, result: Result) -> None:
        """Count a run that was neither skipped nor taken over."""
        self._starts[result.model].append(result.started_at)
        self._durations[result.model].append(result.duration_s)
        self._in_flight[result.model].append(result.in_flight_s)

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
        longest_s = max(map(max, self._durations.values()))
        pools = () if self._session is None else self._session.pools
        return max(longest_s, lower_bound(self._in_flight, self.lanes, windows, pools))

    @cached_property
    def _seen(self) -> Mapping[str, int]:
        return {model: most_at_once(starts, self._ends(model)) for model, starts in self._starts.items()}

    def _ends(self, model: str) -> Iterator[float]:
        spans = zip(self._starts[model], self._durations[model], strict=True)
        return (start + duration_s for start, duration_s in spans)


Shift = Sequence[Worktime]
"""Sessions that were at work at the same time, as shards are on several machines."""


def shifts(worktimes: Iterable[Worktime]) -> Iterator[Shift]:
    """The sessions, those together that overlap; those that came one after another, as when one was resumed, apart."""
    shift: list[Worktime] = []
    until = float("-inf")
    for worktime in sorted(worktimes, key=lambda each: each.began_at):
        if shift and worktime.began_at > until:
            yield shift
            shift = []
        shift.append(worktime)
        until = max(until, worktime.ended_at)
    if shift:
        yield shift


def makespan_s(found: Iterable[Shift]) -> float:
    """For how long, in seconds, at least one session was at work."""
    # Seconds since the epoch, as floats, are true to a quarter of a microsecond: less than that is no time.
    return round(sum(_length_s(shift) for shift in found), 6)


def shortest_s(found: Iterable[Shift]) -> float:
    """The least that the makespan could have been: the sessions of a shift beside each other, the shifts in turn.

    Where a session is not known, and so short that the clocks do not tell what overlapped, it was as long as it was.
    """
    return sum(min(_length_s(shift), max(worktime.shortest_s() for worktime in shift)) for shift in found)


def _length_s(shift: Shift) -> float:
    return max(worktime.ended_at for worktime in shift) - min(worktime.began_at for worktime in shift)


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
