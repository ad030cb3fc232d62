"""The figures under load: what they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contest import Work
from benchmarks.limiter import cost_ms
from benchmarks.load_figures import LOAD_FIGURES, goodput
from benchmarks.load_session import Load, Session, run_session
from benchmarks.measure import MeasureError
from benchmarks.scale import QUICK


def session(*answered: list[int]) -> Session:
    seen = tuple({"requests": 100, "refused": 1, "answered_each_second": seconds} for seconds in answered)
    return Session(10.0, 9.0, {"passed": 200}, seen)


def test_goodput_is_the_worst_models_between_its_warm_up_and_its_end() -> None:
    whole, half = [0] * 5 + [10, 10, 10, 1, 0, 1], [10] * 5 + [5, 5, 5, 1]
    assert goodput(session(whole, half), 9) == 0.5
    assert goodput(session(whole), 9) == 1.0
    assert goodput(session([10, 10]), 9) == 0.0


def test_requests_and_refusals_are_those_of_all_models() -> None:
    both = session([1], [1])
    assert (both.requests, both.refused) == (200, 2)


def test_a_session_is_told_by_its_server_and_by_its_results(tmp_path: Path) -> None:
    knobs = {"latency": 0.05, "hang_rate": 0.5}
    ended = run_session(tmp_path, Load(Work(4, 2), knobs, {"max_in_flight": 2}, ("--bench-timeout=1.5",)))

    assert sum(ended.statuses.values()) == ended.requests == 8
    assert {status for status, count in ended.statuses.items() if count} == {"passed", "timeout"}
    assert {model["max_in_flight"] for model in ended.seen} == {2}
    assert 1.5 <= ended.lower_bound_s <= ended.makespan_s


def test_a_session_may_have_each_answer_judged(tmp_path: Path) -> None:
    knobs = {"latency": 0.01, "sigma": 0.0}
    ended = run_session(tmp_path, Load(Work(3, 2), knobs, judge=knobs))

    assert ended.statuses["passed"] == 6
    assert sorted(model["requests"] for model in ended.seen) == [3, 3, 6]


def test_a_session_that_leaves_runs_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"are not the ends of 2 runs"):
        run_session(tmp_path, Load(Work(2, 1), {}, {}, ("-k", "s1")))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_permit_costs_something(tmp_path: Path, processes: int) -> None:
    path = tmp_path / "limits.sqlite" if processes > 1 else None
    assert cost_ms(path, processes, 50) > 0
    assert (path is None) or path.exists()


@pytest.mark.parametrize("name", ["adaptive", "judged", "limiter"])
def test_too_little_is_run_for_a_verdict(tmp_path: Path, name: str) -> None:
    rows = LOAD_FIGURES[name](QUICK, tmp_path)
    assert [row.holds for row in rows] == [None] * len(rows)
