"""Open files: how many are left. What a session does without any is in tests/plugin/test_plugin_faults.py."""

from __future__ import annotations

import math
import os
import resource

from pytest_benchmodels.providers.descriptors import raise_limit, spare


def test_an_open_file_is_one_less_to_spare() -> None:
    before = spare()
    descriptor = os.open(os.devnull, os.O_RDONLY)
    during = spare()
    os.close(descriptor)

    assert 0 < during < before < math.inf
    assert (before - during, spare()) == (1, before)


def test_the_soft_limit_is_raised_as_far_as_asked_and_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        raise_limit(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
        raise_limit(250)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
