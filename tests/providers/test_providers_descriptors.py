"""Open files: how many are left. What a session does without any is in tests/plugin/test_plugin_faults.py."""

from __future__ import annotations

import math
import os

from pytest_benchmodels.providers.http import spare


def test_an_open_file_is_one_less_to_spare() -> None:
    before = spare()
    descriptor = os.open(os.devnull, os.O_RDONLY)
    during = spare()
    os.close(descriptor)

    assert 0 < during < before < math.inf
    assert (before - during, spare()) == (1, before)
