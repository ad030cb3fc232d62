"""An item that stands more than once in a session: each further time is a trial of its own.

Plugins that repeat tests, a conftest.py and `--keep-duplicates` put an item, or another of the same node id, into the
session again. A run is known by its node id, in the store and wherever results are compared: two of the same name
would be one. So they become what `--bench-repeat` makes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pytest_benchmodels.core.run import run_name

from .collect import RunItem

__all__ = ["with_trials"]


def with_trials(items: list[pytest.Item]) -> list[pytest.Item]:
    """The same items, with a further trial in the place of each run that stands there already."""
    counts = Counter(item.nodeid for item in items if isinstance(item, RunItem))
    if len(counts) == counts.total():
        return items
    taken = set(counts)
    seen: set[str] = set()
    distinct: list[pytest.Item] = []
    for item in items:
        if isinstance(item, RunItem) and item.nodeid in seen:
            distinct.append(_further_trial(item, taken))
        else:
            distinct.append(item)
        seen.add(item.nodeid)
    return distinct


def _further_trial(item: RunItem, taken: set[str]) -> RunItem:
    """The same run under the next number that is free."""
    file_id = item.nodeid.removesuffix(item.name)
    trial = max(item.trial, 1)
    while True:
        trial += 1
        name = run_name(item.scenario.id, item.model, trial)
        if f"{file_id}{name}" not in taken:
            break
    taken.add(f"{file_id}{name}")
    options = {"scenario": item.scenario, "model": item.model, "trial": trial}
    file: Any = item.parent
    further: RunItem = RunItem.from_parent(file, name=name, nodeid=f"{file_id}{name}", **options)
    # Marks that others gave it, a skip among them, hold for all of them.
    further.own_markers[:] = item.own_markers
    further.keywords.update({key: value for key, value in item.keywords.items() if key != item.name})
    return further
