"""The adaptive window: it finds what a server bears, and never leaves its bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.engine.dispatch import Window


def test_it_starts_at_the_ceiling() -> None:
    assert Window(20).size == 20


def test_too_many_narrows_it_to_what_is_in_flight_less_a_tenth() -> None:
    window = Window(60)
    window.shrink(in_flight=40, started_in=0)
    assert window.size == 36


def test_one_round_of_refusals_counts_once() -> None:
    window = Window(60)
    for left in range(59, 39, -1):
        window.shrink(in_flight=left, started_in=0)
    # The first took a tenth off 59; the others tell only how many the server bears.
    assert window.size == 40


def test_it_comes_back_in_two_rounds_and_goes_beyond_by_one_a_round() -> None:
    window = Window(100)
    window.shrink(in_flight=40, started_in=0)
    assert window.size == 36
    for _ in range(2 * 36):
        window.widen()
    back = window.size
    assert 42 <= back <= 45
    for _ in range(back):
        window.widen()
    assert back < window.size <= back + 2
    for _ in range(100_000):
        window.widen()
    assert window.size == 100


def test_one_burst_of_refusals_lowers_where_it_comes_back_to() -> None:
    window = Window(100)
    for left in range(99, 2, -1):
        window.shrink(in_flight=left, started_in=0)
    for _ in range(3):
        window.widen()
    assert 3 <= window.size <= 5


def test_refusals_by_chance_cost_little() -> None:
    """One request in forty is refused whatever the load: the window stays near its ceiling."""
    window, sizes = Window(20), []
    for number in range(2_000):
        if number % 40 == 0:
            window.shrink(window.size - 1, window.round)
        else:
            window.widen()
        sizes.append(window.size)
    assert sum(sizes) / len(sizes) > 18


def test_a_fixed_one_stays() -> None:
    window = Window(20, fixed=True)
    window.shrink(in_flight=1, started_in=0)
    assert window.size == 20


@given(st.integers(1, 200), st.lists(st.none() | st.integers(0, 200), max_size=100))
def test_it_stays_between_one_and_the_ceiling(ceiling: int, events: list[int | None]) -> None:
    window = Window(ceiling)
    for left in events:
        if left is None:
            window.widen()
        else:
            window.shrink(min(left, window.size), window.round)
        assert 1 <= window.size <= ceiling


@given(st.integers(2, 60), st.integers(2, 100))
def test_it_settles_near_what_a_server_bears(bears: int, ceiling: int) -> None:
    """A server that refuses whatever is beyond `bears` at once; answers come in rounds."""
    window, used = Window(ceiling), []
    for _ in range(300):
        in_flight = window.size
        if in_flight > bears:
            for left in range(in_flight - 1, bears - 1, -1):
                window.shrink(left, window.round if left == in_flight - 1 else window.round - 1)
        for _ in range(min(in_flight, bears)):
            window.widen()
        used.append(min(in_flight, bears))
    assert sum(used[100:]) >= 0.8 * 200 * min(bears, ceiling)
