"""What decided that a run passed or failed, in a reader's words: its checks, or its score and a threshold."""

from __future__ import annotations

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.scoring import deciding, rule_of

from .units import fraction, plural

__all__ = ["failed_of", "ruling"]

_MOST_DIGITS = 12


def ruling(result: Result) -> str:
    """`1 of 3 checks failed`, or `score 0.72 is below the threshold 0.8`; empty for a run without a verdict."""
    rule = rule_of(result)
    if rule == "threshold":
        return _by_score(result)
    if rule == "checks":
        return _by_checks(result)
    if result.status == "failed":
        return f"score {fraction(result.score)}"  # a result of nobody knows what: no check that counts came with it
    if result.status == "passed":
        return "no check counts: each has weight 0" if result.checks else "no check: any answer passes"
    return ""


def failed_of(result: Result) -> list[CheckResult]:
    """The checks that count and failed."""
    return [check for check in deciding(result.checks) if not check.passed]


def _by_checks(result: Result) -> str:
    counted, failed = len(deciding(result.checks)), len(failed_of(result))
    if failed:
        return _failed(failed, counted)
    if result.status == "failed":
        return f"score {fraction(result.score)}"
    all_passed = f"all {counted} checks passed" if counted > 1 else "its check passed"
    informing = sum(not check.passed for check in result.checks)
    return (
        f"{all_passed}; {plural(informing, 'check')} of weight 0 failed, and only informs" if informing else all_passed
    )


def _by_score(result: Result) -> str:
    score, threshold = result.score or 0.0, result.threshold or 0.0
    shown, needed = _apart(score, threshold)
    counted, failed = len(deciding(result.checks)), len(failed_of(result))
    if result.status == "passed":
        though = f", though {_failed(failed, counted)}" if failed else ""
        return f"score {shown} reaches the threshold {needed}{though}"
    # Earlier versions compared sums of floating point numbers.
    rounded = ", by a rounding error of the version that judged it" if float(shown) >= float(needed) else ""
    return f"score {shown} is below the threshold {needed}{rounded}"


def _failed(failed: int, counted: int) -> str:
    return f"{failed} of {plural(counted, 'check')} failed"


def _apart(score: float, needed: float) -> tuple[str, str]:
    """The threshold as it was written; the score with two digits, or as many as show on which side of it that lies."""
    threshold = f"{needed:.{_MOST_DIGITS}g}"
    for digits in range(2, _MOST_DIGITS):
        shown = f"{score:.{digits}f}"
        if (float(shown) >= float(threshold)) == (score >= needed):
            return shown, threshold
    return fraction(score), threshold
