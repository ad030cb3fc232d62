"""Keeps pytest-retry from runs.

It runs a failed item again within the report of the first attempt, by private methods of Python test functions: of an
item of another kind that is an internal error, and the second answer would go by the first one's result. It asks a
`flaky` mark whether to; the closest one counts.
"""

from __future__ import annotations

import warnings

import pytest

from .collect import RunItem

__all__ = ["keep_from_retries"]

_NAME = "pytest-retry"
_SAID = (
    "pytest-retry runs no scenario again: --bench-retries repeats requests that failed, --bench-repeat runs all "
    "several times, and pytest-rerunfailures' --reruns runs failed ones again"
)


def keep_from_retries(session: pytest.Session) -> None:
    """Let it take none of the session's runs, and say so where it would have."""
    if not session.config.pluginmanager.hasplugin(_NAME):
        return
    asked = [item for item in session.items if isinstance(item, RunItem) and item.get_closest_marker("flaky")]
    for item in asked:
        item.add_marker(pytest.mark.flaky(condition=False), append=False)
    if asked and not hasattr(session.config, "workerinput"):
        warnings.warn(pytest.PytestWarning(_SAID), stacklevel=2)
