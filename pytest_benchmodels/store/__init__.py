"""Results and responses kept, and found again."""

from __future__ import annotations

from .record import Answers, Beginning, Pruned, Record, Spending, StoredRun
from .recorder import Recorder
from .store import Store

__all__ = ["Answers", "Beginning", "Pruned", "Record", "Recorder", "Spending", "Store", "StoredRun"]
