"""Results and responses kept, and found again."""

from __future__ import annotations

from pytest_benchmodels.core.result import Record
from pytest_benchmodels.store.database import LockWait
from pytest_benchmodels.store.record import (
    Beginning,
    Begun,
    Extent,
    Pruned,
    Spending,
    StoredCall,
    StoredConversation,
    StoredRun,
    conversation_of,
)
from pytest_benchmodels.store.recorder import Recorder
from pytest_benchmodels.store.store import Store

__all__ = [
    "Beginning",
    "Begun",
    "Extent",
    "LockWait",
    "Pruned",
    "Record",
    "Recorder",
    "Spending",
    "Store",
    "StoredCall",
    "StoredConversation",
    "StoredRun",
    "conversation_of",
]
