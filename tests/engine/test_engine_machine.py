"""The machine that commands share: who has room on it, and what is noted of its load."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.machine import LoadMeter, Machine, Need, Shares, processors, this_machine

FOUR = Machine(4.0, 8_000.0)


def most_at_once(shares: Shares, *groups: str) -> list[str]:
    """Which runs start, of twenty of each group."""
    dispatch: Dispatch[tuple[str, int]] = Dispatch(20, shares=shares)
    for group in groups:
        for number in range(20):
            dispatch.add((group, number), group)
    started = []
    while (key := dispatch.take()) is not None:
        started.append(key[0])
    return started


@pytest.mark.parametrize(
    ("need", "count"),
    [
        (Need(cpus=1), 4),
        (Need(cpus=1.5), 2),
        (Need(cpus=0.1), 20),
        (Need(cpus=9), 1),
        (Need(cpus=0.1, memory_mb=3_000), 2),
        (Need(cpus=0.1, memory_mb=80_000), 1),
        (Need(), 4),
    ],
)
def test_runs_of_one_model_fit_on_the_machine(need: Need, count: int) -> None:
    assert most_at_once(Shares(FOUR, {"a": need}), "a") == ["a"] * count


def test_models_share_it_and_others_take_nothing_of_it() -> None:
    shares = Shares(FOUR, {"a": Need(cpus=1), "b": Need(cpus=2)})

    started = most_at_once(shares, "a", "b", "api")

    assert (started.count("a"), started.count("b"), started.count("api")) == (2, 1, 20)


def test_what_ended_tells_how_many_fit() -> None:
    shares = Shares(FOUR, {"a": Need(), "b": Need()})
    shares.learn("a", 0.25, 100.0)
    shares.learn("a", 1.0, 1.0)

    assert len(most_at_once(shares, "a")) == 15, "4 / 0.257: a short run weighs little"
    assert len(most_at_once(shares, "b")) == 15, "as others, until one of its own has ended"

    shares.learn("a", 0.01, 10_000.0)
    assert len(most_at_once(shares, "b")) == 16, "but for a quarter each: it may be of another kind"

    shares.learn("b", 2.0, 10.0)
    assert len(most_at_once(shares, "b")) == 2


def test_runs_of_which_nobody_can_tell_are_not_held_back() -> None:
    shares = Shares(FOUR, {"a": Need()})
    shares.learn("a", None, 10.0)
    shares.learn("api", 4.0, 10.0)

    assert len(most_at_once(shares, "a")) == 20


def test_the_shortest_go_first_until_one_has_ended() -> None:
    shares = Shares(FOUR, {"a": Need()})
    dispatch: Dispatch[str] = Dispatch(20, shares=shares)
    for name, expected_s in (("unknown", None), ("long", 600.0), ("short", 5.0), ("longer", 700.0), ("mid", 70.0)):
        dispatch.add(name, "a", expected_s)

    assert [dispatch.take(), dispatch.take()] == ["short", "mid"]
    shares.learn("a", 0.1, 5.0)
    assert [dispatch.take(), dispatch.take(), dispatch.take()] == ["unknown", "longer", "long"]


def test_a_stated_need_bounds_the_window() -> None:
    shares = Shares(FOUR, {"a": Need(cpus=0.5), "b": Need(), "c": Need(cpus=0.5, memory_mb=3_000)})

    assert [shares.most_of(group) for group in ("a", "b", "c", "api")] == [8, None, 2, None]


def test_this_machine_has_processors() -> None:
    assert this_machine().cpus == processors() > 0


def pressure(folder: Path, some: int) -> Path:
    path = folder / "cpu"
    path.write_text(f"some avg10=0.00 avg60=0.00 avg300=0.00 total={some}\nfull avg10=0.00 total=9\n")
    return path


def cgroup(folder: Path, throttled: int) -> Path:
    path = folder / "cpu.stat"
    path.write_text(f"usage_usec 77\nthrottled_usec {throttled}\nburst_usec 5\n")
    return path


def test_pressure_and_throttling_are_noted(tmp_path: Path) -> None:
    meter = LoadMeter(pressure(tmp_path, 100), cgroup(tmp_path, 500_000))
    pressure(tmp_path, 10**15)
    cgroup(tmp_path, 2_000_000)

    assert list(meter.notes()) == [
        "cpu pressure about 100 % during this run",
        "throttled for 1.5 s by the limit of its cgroup",
    ]


def test_a_quiet_machine_is_not_noted(tmp_path: Path) -> None:
    meter = LoadMeter(pressure(tmp_path, 100), cgroup(tmp_path, 500))

    assert list(meter.notes()) == []


def test_a_system_without_these_files_has_a_load_average(tmp_path: Path) -> None:
    meter = LoadMeter(tmp_path / "none", tmp_path / "none")

    assert all(note.startswith("load average ") for note in meter.notes())


def test_the_share_is_that_of_all_commands() -> None:
    meter = LoadMeter()
    assert meter.cpu_share is None
    meter.add(None, 5.0)
    assert meter.cpu_share is None
    meter.add(1.0, 2.0)
    meter.add(0.5, 1.0)
    assert meter.cpu_share == 0.5
