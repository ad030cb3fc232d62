"""How the results of a run came to be, for a comparison."""

from __future__ import annotations

from pytest_benchmodels.core.changes import Conditions

from .source import Source

__all__ = ["conditions"]


def conditions(source: Source) -> Conditions:
    """All that a comparison has to know of a run. Raises `BenchError` for one that is damaged."""
    found = Conditions(source.run.plugin_version, source.run.shard)
    for result in source.results():
        found.add(result)
    found.expect(source.expected())
    return found
