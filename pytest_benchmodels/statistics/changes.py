"""What else changed from one run to another, beside the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import parse_run_name
from pytest_benchmodels.statistics.outcomes import NOT_PLANNED, Outcome

__all__ = ["Aspect", "Changes", "Conditions", "Missing", "Overlap", "Served", "changes_between"]

Aspect = Literal["prompt", "params", "model", "address", "checks", "threshold", "version", "timeout", "trials"]
"""What of a scenario may be another in the run after."""


_ASKED: tuple[Aspect, ...] = ("prompt", "params", "model", "address")  # as `fingerprint` joins them


_JUDGED: tuple[Aspect, ...] = ("version", "threshold", "checks")  # as `grade_fingerprint` does


_ENOUGH = 0.95


class Served(NamedTuple):
    """What the provider said of who answered for a model, where it is not the same in both runs."""

    model: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class Missing(NamedTuple):
    """`scenarios` of one run's `total` are not among those that the other run was to have."""

    scenarios: int
    total: int


class Overlap(NamedTuple):
    """Of `planned` scenarios that a model was to run in both runs, `graded` have a verdict in both."""

    model: str
    planned: int
    graded: int

    @property
    def is_enough(self) -> bool:
        """Whether the comparison leaves out little: at least 95 % of the scenarios have to be graded in both runs."""
        return self.planned > 0 and self.graded >= _ENOUGH * self.planned


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two runs beside their results.

    `scenarios` names, for each aspect that changed, those of both runs of which it did. `served` are those models for
    which others answered, judges too, and `fingerprints` those whose `system_fingerprint` is another. `versions` of the
    plugin, and `shards` (`I/N`, None for a whole), are before and after. `overlaps` are of each model that both runs
    were to ask.
    """

    scenarios: Mapping[Aspect, tuple[str, ...]]
    served: tuple[Served, ...]
    fingerprints: tuple[Served, ...]
    versions: tuple[str, str]
    shards: tuple[str | None, str | None]
    only_before: Missing
    only_after: Missing
    overlaps: tuple[Overlap, ...]

    @property
    def is_comparable(self) -> bool:
        """Whether both runs have enough verdicts, of each model they share, to say that it did not get worse."""
        return bool(self.overlaps) and all(overlap.is_enough for overlap in self.overlaps)


class _Setup:
    """How one scenario was put to one model. Each has no value twice; trials may differ after a resume.

    Tuples, for a run of 100,000 has as many of these: sets would take four times the memory.
    """

    __slots__ = ("asked", "graded", "judged", "limits", "trials")

    def __init__(self) -> None:
        self.asked: tuple[str, ...] = ()
        self.judged: tuple[str, ...] = ()
        self.limits: tuple[float, ...] = ()
        self.trials: tuple[int, ...] = ()
        self.graded = False

    def add(self, result: Result) -> None:
        self.add_trial(result.trial)
        self.graded |= result.status not in {"error", "skipped"}
        if result.fingerprint and result.fingerprint not in self.asked:
            self.asked += (result.fingerprint,)
        if result.grade_fingerprint and result.grade_fingerprint not in self.judged:
            self.judged += (result.grade_fingerprint,)
        if result.timeout_s is not None and result.timeout_s not in self.limits:
            self.limits += (result.timeout_s,)

    def add_trial(self, trial: int) -> None:
        if trial not in self.trials:
            self.trials += (trial,)


class Conditions:
    """Adds up how a run's results came to be, one by one; `outcomes` are what they were.

    `version` is the plugin's, empty where it is not known. `nodeids` are what the run was to have, as far as known.
    """

    def __init__(self, version: str = "", shard: str | None = None) -> None:
        self.version = version
        self.shard = shard
        self.outcomes: list[Outcome] = []
        self._setups: dict[tuple[str, str], _Setup] = {}
        self._left_out: set[tuple[str, str]] = set()
        self.served: dict[str, Counter[str]] = {}
        self.fingerprints: dict[str, Counter[str]] = {}

    def add(self, result: Result) -> None:
        """Take one run's end."""
        outcome = Outcome.of(result)
        self.outcomes.append(outcome)
        key = outcome.model, outcome.scenario
        if result.status == "skipped" and (result.error is None or result.error.kind == NOT_PLANNED):
            self._left_out.add(key)
            return
        self._setup(*key).add(result)
        for answer in result.all_answers:
            if answer.served:
                self.served.setdefault(result.model, Counter())[answer.served] += 1
            if answer.system_fingerprint:
                self.fingerprints.setdefault(result.model, Counter())[answer.system_fingerprint] += 1
        for call in result.other_calls:
            if call.served_model:
                self.served.setdefault(call.model, Counter())[call.served_model] += 1

    def _setup(self, model: str, scenario: str) -> _Setup:
        key = model, scenario
        found = self._setups.get(key)
        if found is None:
            found = self._setups[key] = _Setup()
        return found

    def expect(self, nodeids: Iterable[str]) -> None:
        """Take the node ids that the run was to have, once all results are in: runs that never began have none."""
        for name in map(parse_run_name, nodeids):
            if name is not None and (key := (name.model, name.scenario)) not in self._left_out:
                self._setup(*key).add_trial(name.trial)

    @property
    def setups(self) -> Mapping[tuple[str, str], _Setup]:
        """By model and scenario."""
        return self._setups


def changes_between(before: Conditions, after: Conditions) -> Changes:
    """What differs between two runs beside their results."""
    both = sorted(before.setups.keys() & after.setups.keys())
    changed: dict[Aspect, set[str]] = {aspect: set() for aspect in get_args(Aspect)}
    for model, scenario in both:
        for aspect in _differing(before.setups[model, scenario], after.setups[model, scenario]):
            changed[aspect].add(scenario)
    models = sorted({model for model, _ in before.setups} & {model for model, _ in after.setups})
    return Changes(
        scenarios={aspect: tuple(sorted(names)) for aspect, names in changed.items() if names},
        served=tuple(_served(before.served, after.served)),
        fingerprints=tuple(_served(before.fingerprints, after.fingerprints)),
        versions=(before.version, after.version),
        shards=(before.shard, after.shard),
        only_before=_missing(before, after),
        only_after=_missing(after, before),
        overlaps=tuple(_overlap(model, both, before, after) for model in models),
    )


def _differing(before: _Setup, after: _Setup) -> Iterator[Aspect]:
    yield from _parts(before.asked, after.asked, _ASKED)
    judged = list(_parts(before.judged, after.judged, _JUDGED))
    # Versions digest checks in different ways: their digests do not tell whether the checks are the same.
    if "version" in judged:
        yield "version"
    else:
        yield from judged
    if before.limits and after.limits and set(before.limits) != set(after.limits):
        yield "timeout"
    if len(before.trials) != len(after.trials):
        yield "trials"


def _parts(before: tuple[str, ...], after: tuple[str, ...], parts: tuple[Aspect, ...]) -> Iterator[Aspect]:
    """The parts of fingerprints that differ, where both runs have some."""
    if not before or not after or set(before) == set(after):
        return
    old, new = ([value.split("-") for value in values] for values in (before, after))
    for index, part in enumerate(parts):
        if {tuple(value[index : index + 1]) for value in old} != {tuple(value[index : index + 1]) for value in new}:
            yield part


def _served(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]]) -> Iterator[Served]:
    for model in sorted(before.keys() & after.keys()):
        if before[model].keys() != after[model].keys():
            yield Served(model, _most_frequent(before[model]), _most_frequent(after[model]))


def _most_frequent(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counted, key=lambda name: (-counted[name], name)))


def _missing(run: Conditions, other: Conditions) -> Missing:
    own, others = ({scenario for _, scenario in each.setups} for each in (run, other))
    return Missing(len(own - others), len(own))


def _overlap(model: str, both: Iterable[tuple[str, str]], before: Conditions, after: Conditions) -> Overlap:
    keys = [key for key in both if key[0] == model]
    graded = sum(before.setups[key].graded and after.setups[key].graded for key in keys)
    return Overlap(model, len(keys), graded)
