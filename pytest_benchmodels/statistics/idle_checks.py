"""Checks that tell nothing: they never failed, never passed, or always say what another one says.

The rule: a check is idle where it gave one and the same verdict in at least 20 graded runs, of all models and trials
together. What would differ in one of seven answers shows itself in 20 with a chance of 95 % (1 - (6/7)^20). Two checks
of the same runs always agree where they said the same in at least 20 runs, with at least 3 verdicts of each kind: two
that have nothing to do with each other do so in one of 1,140 suites at most. A check is known by the name that its
author gave it, or else by what it asks, in one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.run import file_of

__all__ = ["LEAST_OF_EACH", "LEAST_RUNS", "AgreeingChecks", "CheckName", "IdleCheck", "IdleChecks", "IdleTally"]

LEAST_RUNS = 20
LEAST_OF_EACH = 3
_MOST_KNOWN = 20_000  # checks, and pairs: where each scenario has its own, none gets to 20 runs
_MOST_PAIRED = 12  # checks of one run


class CheckName(NamedTuple):
    """A check of a file: by its author's name, or by what it asks."""

    file: str
    check: str


@dataclass(frozen=True, slots=True)
class IdleCheck:
    """A check that gave the same verdict in all of so many runs."""

    name: CheckName
    runs: int


@dataclass(frozen=True, slots=True)
class AgreeingChecks:
    """Two checks that said the same in all of so many runs."""

    first: CheckName
    second: CheckName
    runs: int


@dataclass(frozen=True, slots=True)
class IdleChecks:
    """Those of a run, the most tried ones first."""

    never_failed: tuple[IdleCheck, ...] = ()
    never_passed: tuple[IdleCheck, ...] = ()
    agreeing: tuple[AgreeingChecks, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.never_failed or self.never_passed or self.agreeing)


class IdleTally:
    """Adds up results one by one, and forgets them."""

    def __init__(self) -> None:
        self._checks: dict[CheckName, list[int]] = {}  # how often it passed, and in how many runs
        self._pairs: dict[tuple[CheckName, CheckName], list[int]] = {}  # how often both passed, failed, and disagreed

    def add(self, result: Result) -> None:
        """Count the verdicts of a run; without one, or judged by no check, it says nothing."""
        if result.status not in ("passed", "failed") or not result.checks:
            return
        file = file_of(result.nodeid)
        said = [(CheckName(file, told), check) for told, check in _each(result.checks)]
        for name, check in said:
            counts = self._checks.get(name)
            if counts is None:
                if len(self._checks) >= _MOST_KNOWN:
                    continue
                counts = self._checks[name] = [0, 0]
            counts[0] += check.passed
            counts[1] += 1
        if len(said) > 1:
            self._add_pairs(said[:_MOST_PAIRED])

    def _add_pairs(self, said: Sequence[tuple[CheckName, CheckResult]]) -> None:
        for (first, one), (second, other) in combinations(said, 2):
            pair = (first, second) if first < second else (second, first)
            if pair not in self._pairs and len(self._pairs) >= _MOST_KNOWN:
                continue
            counts = self._pairs.setdefault(pair, [0, 0, 0])
            counts[2 if one.passed != other.passed else 0 if one.passed else 1] += 1

    def found(self) -> IdleChecks:
        """Those that are idle so far."""
        tried = [(name, passed, runs) for name, (passed, runs) in self._checks.items() if runs >= LEAST_RUNS]
        agreeing = [
            AgreeingChecks(*pair, passed + failed)
            for pair, (passed, failed, apart) in self._pairs.items()
            if not apart and passed + failed >= LEAST_RUNS and min(passed, failed) >= LEAST_OF_EACH and len({*pair}) > 1
        ]
        return IdleChecks(
            never_failed=_ordered([IdleCheck(name, runs) for name, passed, runs in tried if passed == runs]),
            never_passed=_ordered([IdleCheck(name, runs) for name, passed, runs in tried if not passed]),
            agreeing=tuple(sorted(agreeing, key=lambda pair: (-pair.runs, pair.first, pair.second))),
        )


def _ordered(checks: Sequence[IdleCheck]) -> tuple[IdleCheck, ...]:
    return tuple(sorted(checks, key=lambda check: (-check.runs, check.name)))


def _each(checks: Sequence[CheckResult], path: str = "") -> list[tuple[str, CheckResult]]:
    """Each check as it is told, then those inside of them: `all_of/2 max_words 50` is the second of `all_of`."""
    places = [f"{path}/{number} " if path else "" for number in range(1, len(checks) + 1)]
    each = [(place + _told(check.name, check.summary), check) for place, check in zip(places, checks, strict=True)]
    for place, check in zip(places, checks, strict=True):
        if check.checks:  # hardly any check is made of others
            each += _each(check.checks, f"{place}{check.name}")
    return each


@lru_cache(maxsize=1000)
def _told(name: str, summary: str) -> str:
    """Without a name of its author's a check is called as its kind, with which its summary begins."""
    turn, found, own = name.rpartition(": ")
    return f"{turn}{found}{summary}" if summary.removeprefix("not ").startswith(own) else name
