"""The figure of how near latencies come to the server's own time."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.latency_figures import LATENCY_FIGURES, Fidelity
from benchmarks.scale import QUICK
from benchmarks.server import Server


def test_each_latency_is_held_against_the_same_requests_time() -> None:
    held = {("m", str(number)): 0.2 for number in range(10)}
    latencies = dict.fromkeys(held, 0.21) | {("m", "3"): 0.25, ("m", "4"): 0.1}
    fidelity = Fidelity.of(latencies, held)
    assert (round(fidelity.median, 9), fidelity.far_off) == (1.05, 0.2)


def test_a_request_that_only_one_account_has_is_refused() -> None:
    with pytest.raises(ValueError, match="2 requests are not in both accounts"):
        Fidelity.of({("m", "a"): 0.2, ("m", "b"): 0.2}, {("m", "a"): 0.2, ("m", "c"): 0.2})


def test_both_sides_do_the_work_and_are_compared(tmp_path: Path) -> None:
    median, far_off = LATENCY_FIGURES["latency"](QUICK, tmp_path)
    assert "12 runs (4 x 3)" in median.what
    assert (median.holds, far_off.holds) == (None, None)
    for row in (median, far_off):
        assert row.measured.count("%") == 2


def test_a_server_that_was_asked_nothing_held_nothing() -> None:
    with Server(0.05, sigma=0.0) as server:
        assert server.held() == {}
