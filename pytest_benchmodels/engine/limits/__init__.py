"""Limits that all who send requests share: in one process, on one machine, on several."""

from __future__ import annotations

from pytest_benchmodels.engine.limits.limiter import Charge, Limiter, SharedSlots, Unlimited

__all__ = ["Charge", "Limiter", "SharedSlots", "Unlimited"]
