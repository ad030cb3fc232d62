"""How models judged: whether they judged themselves, and whether the order of a pair decided in place of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.scenario import Vote

__all__ = ["JudgeFigures", "JudgeTally"]


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    """What one judge's votes tell of it.

    `own_answers` are the answers of its own that it judged, by this name or another. Of its `pairs`, each asked in both
    orders, it said `first` more often than `second` in `for_first`, and the other way round in `for_second`: there the
    order decided. A judge without position bias has none of them; one that is unsure has as many of the one as of the
    other.
    """

    model: str
    votes: int
    own_answers: int
    pairs: int
    for_first: int
    for_second: int


class JudgeTally:
    """Counts the votes of judges, and forgets them."""

    def __init__(self) -> None:
        self._votes: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._pairs: Counter[str] = Counter()
        self._first: Counter[str] = Counter()
        self._second: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count the votes of one result's checks."""
        own: set[str] = set()
        some = [check for check in result.checks if check.votes or check.checks]
        for check in (each for outer in some for each in outer.with_inside()):
            if check.votes:
                # What was stored before votes told it has the name alone.
                own.update(vote.judge for vote in check.votes if vote.own or vote.judge == result.model)
                self._votes.update(vote.judge for vote in check.votes)
                self._add_pairs(check.votes)
        if own:
            self._own.update(own)

    def _add_pairs(self, votes: Iterable[Vote]) -> None:
        pairs: dict[tuple[str, int], list[str]] = {}
        for vote in votes:
            if vote.order:
                pairs.setdefault((vote.judge, vote.number), []).append(vote.verdict)
        # What it said, not its score: `not` turns scores round, and would turn the bias with them.
        for (judge, _), said in pairs.items():
            self._pairs[judge] += 1
            leaning = said.count("first") - said.count("second")
            self._first[judge] += leaning > 0
            self._second[judge] += leaning < 0

    def figures(self) -> tuple[JudgeFigures, ...]:
        """One for each judge, by name."""
        return tuple(
            JudgeFigures(name, count, self._own[name], self._pairs[name], self._first[name], self._second[name])
            for name, count in sorted(self._votes.items())
        )
