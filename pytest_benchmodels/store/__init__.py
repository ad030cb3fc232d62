"""Results and responses kept, and found again."""

from __future__ import annotations

from .extent import Extent
from .patience import Patience
from .record import Answers, Beginning, Pruned, Record, Spending, StoredRun
from .recorder import Recorder
from .store import Store

__all__ = [
    "Answers",
    "Beginning",
    "Extent",
    "Patience",
    "Pruned",
    "Record",
    "Recorder",
    "Spending",
    "Store",
    "StoredRun",
]
