"""Checks of the tools that a model called."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.graders.tool_calls import ToolCalled


@pytest.mark.parametrize(
    ("arguments", "is_bounded"),
    [
        ({}, True),
        ({"a": 1, "b": {"c": [2]}}, True),
        ({"a": {"regex": "(a+)+"}}, False),
        ({"a": {"json_schema": {"type": "object"}}}, False),
        ({"a": {"number": 4}}, False),
    ],
)
def test_a_check_with_checks_within_promises_no_quick_end(arguments: dict[str, Any], *, is_bounded: bool) -> None:
    assert ToolCalled("t", arguments).bounded is is_bounded
