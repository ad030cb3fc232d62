"""Differences and their significance as a reader sees them."""

from __future__ import annotations

from pytest_benchmodels.core.statistics import SIGNIFICANT

__all__ = ["p_value", "points"]


def points(difference: float) -> str:
    """`-3.2 pp` of -0.032: percentage points, for the difference of two shares."""
    return f"{100 * difference:+.1f} pp"


def p_value(value: float) -> str:
    """`0.012`, `<0.001`. What is below 0.05 is never shown as 0.050; half of the last digit is rounded up, to 0.063."""
    return "<0.001" if value < 0.001 else f"{min(value, 0.049) if value < SIGNIFICANT else value + 1e-9:.3f}"
