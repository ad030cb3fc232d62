"""The session's clock."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pytest_benchmodels.engine.clocks import SessionClock


def test_it_tells_the_time_of_day_and_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = time.time()
    clock = SessionClock.start()
    assert before <= clock.epoch_s <= time.time()
    monkeypatch.setattr(time, "time", lambda: before + 3600)
    monkeypatch.setattr(time, "monotonic", lambda: clock.monotonic_s + 2.5)
    assert clock.now() == clock.epoch_s + 2.5


def test_processes_of_one_machine_have_one_clock() -> None:
    clock = replace(SessionClock.start(), epoch_s=1000.0)
    assert clock.here() is clock


def test_another_machine_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = replace(SessionClock.start(), epoch_s=1000.0, machine="elsewhere")
    monkeypatch.setattr(time, "time", lambda: 5000.0)
    assert clock.here().epoch_s == 5000.0
