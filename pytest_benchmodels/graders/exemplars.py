"""An answer that satisfies a set of checks: how a simulated model answers rightly."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from ..core.exchange import Response
from ..core.scenario import Check

__all__ = ["exemplar"]

_FALLBACK = "ok"
_SECONDS = 1.0


def exemplar(checks: tuple[Check, ...], target: str | None) -> str:
    """Return the best answer that can be made for these checks: the scenario's target, their examples, or these joined.

    Candidates are graded by all checks, `not` and weights included; the first that passes all of them is taken, else
    the one with the highest score. Never raises, and starts no further candidate after a second.
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
    """What might be right, each once, the likeliest first."""
    examples = [example for check in checks if not check.negate and (example := _example(check)) is not None]
    texts = [target] if target is not None else []
    texts += examples
    texts += (separator.join(part) for part in (examples, examples[::-1]) for separator in (" ", "\n") if len(part) > 1)
    yield from _once([*texts, *_padded(checks, texts), _FALLBACK, ""])


def _padded(checks: tuple[Check, ...], texts: list[str]) -> Iterator[str]:
    """The same texts with words before or after them, for checks that ask for a number of words."""
    least = max((int(getattr(check.grader, "min_words", 0)) for check in checks), default=0)
    for text in texts if 0 < least <= 10_000 else ():
        words = " ".join([_FALLBACK] * least)
        yield f"{text} {words}"
        yield f"{words} {text}"


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _example(check: Check) -> str | None:
    try:
        return check.grader.example()
    except Exception:  # noqa: BLE001 - a user's grader may raise anything, and an example is no verdict
        return None


def _points(check: Check, text: str) -> float:
    try:
        grade = check.grader.grade(Response(text))
    except Exception:  # noqa: BLE001 - as above: a candidate that cannot be graded is no good one
        return 0.0
    return check.weight * (grade.passed is not check.negate)
