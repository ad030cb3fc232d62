"""Checks' verdicts -> the score of a run, and whether it passed.

A run passes if each of its checks did. Where the author sets a threshold the score decides instead: the weighted mean
of the checks' scores has to reach it. A check of weight 0 only informs, in both.

Weights and thresholds are decimal numbers to whoever writes them: .1 and .7 of 1 are .8, and reach a threshold of .8.
In floating point they do not. So the mean is exact, of the numbers as they are written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pytest_benchmodels.core.result import CheckResult, Result

__all__ = ["Rule", "deciding", "passes", "rule_of", "total"]

Rule = Literal["checks", "threshold"]
"""What decided whether a run passed: all of its checks, or its score and the author's threshold."""

_FINEST = 10**9
"""A score that a grader worked out, 1/3 or 7 of 9, is taken for the fraction that it stands for."""


def deciding(verdicts: Iterable[CheckResult]) -> list[CheckResult]:
    """Those that count: a check of weight 0 only informs."""
    return [verdict for verdict in verdicts if verdict.weight]


def total(verdicts: Sequence[CheckResult]) -> float:
    """Weighted mean of the scores, from 0 to 1. An answer of which nothing that counts was asked scores 1."""
    scores = {verdict.score for verdict in verdicts if verdict.weight}
    if scores <= {1.0}:
        return 1.0  # as nearly always; the mean of what is all the same needs no fractions
    return 0.0 if scores == {0.0} else float(_exact_total(verdicts))


def passes(verdicts: Sequence[CheckResult], threshold: float | None) -> bool:
    """Whether these verdicts make a run pass; `threshold` is the author's, None where there is none.

    Where no check counts (there is none, or all weights are 0) it does.
    """
    if threshold is None:
        return all(verdict.passed for verdict in deciding(verdicts))
    return _exact_total(verdicts) >= _score(threshold)


def rule_of(result: Result) -> Rule | None:
    """What decided whether a run passed; None where nothing did, for no check counts or there is no verdict."""
    if result.status not in {"passed", "failed"} or not deciding(result.checks):
        return None
    return "checks" if result.threshold is None else "threshold"


def _exact_total(verdicts: Sequence[CheckResult]) -> Fraction:
    counted = deciding(verdicts)
    weight = sum(_decimal(verdict.weight) for verdict in counted)
    if not weight:
        return Fraction(1)
    return sum((_score(verdict.score) * _decimal(verdict.weight) for verdict in counted), Fraction()) / weight


@lru_cache(maxsize=1024)
def _decimal(number: float) -> Fraction:
    """A number as it is written."""
    return Fraction(repr(float(number)))


@lru_cache(maxsize=1024)
def _score(number: float) -> Fraction:
    """A number from 0 to 1, without what floating point added to it: up to 1e-9."""
    exact = _decimal(number)
    return exact if math.gcd(exact.denominator, 10**12) == exact.denominator else exact.limit_denominator(_FINEST)
