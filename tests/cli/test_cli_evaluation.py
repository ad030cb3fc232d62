"""How many runs were in flight at once, as far as their times tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.cli.evaluation import TimedTally, most_at_once
from tests.cli.cli_parts import result
from tests.core.made_results import changed

SECONDS = st.integers(0, 50)


@given(st.lists(st.tuples(SECONDS, st.integers(1, 20)), max_size=30))
def test_the_most_at_once_is_what_counting_each_second_finds(spans: list[tuple[int, int]]) -> None:
    counted = max((sum(start <= second < start + length for start, length in spans) for second in range(51)), default=0)

    found = most_at_once([start for start, _ in spans], [start + length for start, length in spans])

    assert found == max(counted, 1)


def test_runs_that_follow_each_other_in_a_lane_are_not_at_once() -> None:
    assert most_at_once([0.0, 1.0], [1.0004, 2.0]) == 1
    assert most_at_once([0.0, 1.0], [1.01, 2.0]) == 2


def test_runs_of_no_length_do_not_take_away_from_others() -> None:
    assert most_at_once([0.0, 1.0, 1.5], [2.0, 1.0, 3.0]) == 2


def test_each_model_has_its_own_lanes() -> None:
    runs = [result(name, model=model) for name in "abc" for model in ("m", "n")]
    runs += [result("d", started_at=1_000_000_000.5), changed(result("e"), cached=True), result("f", "skipped")]

    tally = TimedTally(runs)

    assert tally.lanes == 4
    assert tally.figures().lower_bound_s == 1.0
    assert (tally.began_at, tally.ended_at) == (1_000_000_000.0, 1_000_000_001.5)


def test_nothing_was_run() -> None:
    tally = TimedTally([result("a", "skipped")])

    assert (tally.lanes, tally.began_at, tally.ended_at) == (1, None, None)
    assert tally.ranking() is None
