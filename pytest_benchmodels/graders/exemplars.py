"""An answer that satisfies a set of checks: how a simulated model answers rightly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, permutations

from ..core.exchange import Response
from ..core.scenario import Check
from .registering import BUILTIN

__all__ = ["exemplar"]

_FALLBACK = "ok"
_SECONDS = 1.0
_ORDERS = 120


def exemplar(checks: tuple[Check, ...], target: str | None) -> str:
    """Return the best answer that can be made: the scenario's target, an example of a check, or these joined.

    Candidates are graded by all checks, `not` and weights included, but a user's that is not `bounded`: that one is
    taken at its example's word. The first that passes all of them is taken, else the one with the highest score. Never
    raises, and starts no further candidate after a second.
    """
    best, highest = target if target is not None else _FALLBACK, -1.0
    deadline = time.monotonic() + _SECONDS
    for candidate in _candidates(checks, target):
        score = sum(_points(check, candidate) for check in checks)
        if score > highest:
            best, highest = candidate, score
        if highest >= sum(check.weight for check in checks) or time.monotonic() > deadline:
            break
    return best


def _candidates(checks: tuple[Check, ...], target: str | None) -> Iterator[str]:
    """What might be right, the likeliest first."""
    told = (_example(check) for check in checks if not check.negate)
    examples = list(dict.fromkeys(example for example in told if example is not None))
    targets = [] if target is None else [target]
    yield from (*targets, *examples)
    for parts in (examples, [*targets, *examples]):
        for order in islice(permutations(parts), _ORDERS if len(parts) > 1 else 0):
            yield " ".join(order)
            yield "\n".join(order)
    yield from (_FALLBACK, "")


def _example(check: Check) -> str | None:
    try:
        example = check.grader.example()
    except BaseException:  # noqa: BLE001 - a user's grader may raise anything, and an example is no verdict
        return None
    return example if isinstance(example, str) else None


def _points(check: Check, text: str) -> float:
    if not check.grader.bounded and BUILTIN.get(check.kind) is not type(check.grader):
        # A user's check may block or end the process: only the engine calls it, which is prepared for that.
        return check.weight * (check.negate or (_example(check) or "") in text)
    try:
        grade = check.grader.grade(Response(text))
        return check.weight * (not (grade.passed or grade.undecided) if check.negate else grade.passed)
    except BaseException:  # noqa: BLE001 - as above: a candidate that cannot be graded is no good one
        return 0.0
