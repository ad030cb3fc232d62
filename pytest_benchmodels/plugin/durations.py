"""How long each run took last time, kept in pytest's cache: the longest starts first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import pytest

__all__ = ["read_durations", "write_durations"]

KEY = "benchmodels/durations"
_MOST = 100_000


def read_durations(config: pytest.Config) -> dict[str, float]:
    """Seconds by node id; empty where there is no cache, or one that somebody damaged."""
    cache = getattr(config, "cache", None)
    stored = cache.get(KEY, {}) if cache is not None else {}
    if not isinstance(stored, dict):
        return {}
    return {nodeid: seconds for nodeid, seconds in stored.items() if isinstance(seconds, (int, float))}


def write_durations(config: pytest.Config, latest: Mapping[str, float]) -> None:
    """Add this session's durations to those of other runs, if the cache can be written: pytest itself says if not."""
    cache = getattr(config, "cache", None)
    if cache is None or not latest:
        return
    merged = {**read_durations(config), **latest}
    with warnings.catch_warnings():
        # Outside of pytest's own look-out for warnings, one would break into its progress, or under -Werror end all.
        warnings.simplefilter("ignore", pytest.PytestCacheWarning)
        cache.set(KEY, dict(list(merged.items())[-_MOST:]))
