"""Limits that all who send requests share: in one process, on one machine, on several."""

from __future__ import annotations

from .pace import Charge, Limiter
from .seats import Seats, Unlimited

__all__ = ["Charge", "Limiter", "Seats", "Unlimited"]
