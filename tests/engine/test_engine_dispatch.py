"""Dispatch: windows hold, nothing is lost, nobody starves."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pytest_benchmodels.core.run import Pool
from pytest_benchmodels.engine.dispatch import Dispatch, Window

MODELS = ["a", "b", "c"]


def drain(dispatch: Dispatch[str]) -> list[str]:
    """Take everything, one at a time."""
    order = []
    while (key := dispatch.take()) is not None:
        order.append(key)
        dispatch.done(key)
    return order


def test_without_durations_the_order_is_that_of_adding_with_models_in_turn() -> None:
    dispatch: Dispatch[str] = Dispatch(2)
    for key in ("a1", "a2", "a3", "b1", "b2", "b3"):
        dispatch.add(key, key[0])

    taken = [dispatch.take() for _ in range(4)]

    assert taken == ["a1", "b1", "a2", "b2"]
    assert dispatch.take() is None
    assert (len(dispatch), dispatch.in_flight) == (2, 4)


def test_the_longest_goes_first_and_the_unknown_before_all() -> None:
    dispatch: Dispatch[str] = Dispatch(5)
    dispatch.add("short", "a", 1.0)
    dispatch.add("long", "a", 9.0)
    dispatch.add("unknown", "a")
    dispatch.add("middle", "a", 5.0)

    assert drain(dispatch) == ["unknown", "long", "middle", "short"]


def test_a_full_model_does_not_hold_another_one() -> None:
    dispatch: Dispatch[str] = Dispatch(1)
    for key in ("a1", "a2", "b1"):
        dispatch.add(key, key[0])

    assert [dispatch.take(), dispatch.take(), dispatch.take()] == ["a1", "b1", None]
    dispatch.done("b1")
    assert dispatch.take() is None
    dispatch.done("a1")
    assert dispatch.take() == "a2"


def test_a_window_of_its_own_wins_over_the_common_one() -> None:
    dispatch: Dispatch[str] = Dispatch(3, {"a": Window(1)})
    for key in ("a1", "a2", "b1", "b2"):
        dispatch.add(key, key[0])

    assert [dispatch.take() for _ in range(4)] == ["a1", "b1", "b2", None]


def test_a_key_that_left_lets_another_in_and_takes_its_place_again_when_there_is_room() -> None:
    dispatch: Dispatch[str] = Dispatch(1)
    dispatch.add("a1", "a")
    dispatch.add("a2", "a")
    assert dispatch.take() == "a1"

    dispatch.leave("a1")
    assert (dispatch.take(), dispatch.away) == ("a2", 1)
    assert not dispatch.reenter("a1")
    dispatch.done("a2")
    assert dispatch.reenter("a1")
    assert (dispatch.in_flight, dispatch.away) == (1, 0)


def test_nothing_new_begins_while_two_windows_of_keys_are_away() -> None:
    dispatch: Dispatch[str] = Dispatch(1)
    for key in ("a1", "a2", "a3", "a4", "b1"):
        dispatch.add(key, key[0])
    for key in ("a1", "a2"):
        assert dispatch.take() == key
        assert dispatch.take() in ("b1", None)
        dispatch.leave(key)

    assert dispatch.take() is None
    assert dispatch.reenter("a2")
    dispatch.done("a2")
    assert dispatch.take() == "a3"


def test_a_limited_key_narrows_its_models_window_and_answers_widen_it() -> None:
    dispatch: Dispatch[int] = Dispatch(10, {"a": Window(10)})
    for key in range(30):
        dispatch.add(key, "a")
    taken = [dispatch.take() for _ in range(10)]
    assert dispatch.take() is None

    dispatch.leave(9, limited=True)

    # 9 are left in flight, and a tenth less than those are allowed.
    assert dispatch.take() is None
    for answered in taken[:2]:
        assert answered is not None
        dispatch.done(answered)
    assert [dispatch.take(), dispatch.take()] == [10, None]


def test_a_held_group_waits_and_another_goes_on() -> None:
    dispatch: Dispatch[str] = Dispatch(2)
    for key in ("a1", "a2", "b1"):
        dispatch.add(key, key[0])
    assert dispatch.take() == "a1"
    dispatch.leave("a1")

    dispatch.hold("a1", "a")
    assert not dispatch.reenter("a1")
    assert [dispatch.take(), dispatch.take()] == ["b1", None]

    dispatch.release("a1", "a")
    assert dispatch.reenter("a1")
    assert dispatch.take() == "a2"


def test_groups_of_a_pool_share_its_maximum() -> None:
    dispatch: Dispatch[str] = Dispatch(5, pools=[Pool(("a", "b"), 3)])
    for key in ("a1", "a2", "a3", "b1", "b2", "c1"):
        dispatch.add(key, key[0])

    taken = [dispatch.take() for _ in range(5)]

    assert taken == ["a1", "b1", "c1", "a2", None]
    dispatch.done("b1")
    assert dispatch.take() == "b2"


class Schedules(RuleBasedStateMachine):
    """Any order of adding, taking, finishing and putting back."""

    def __init__(self) -> None:
        super().__init__()
        self.dispatch: Dispatch[int] = Dispatch(3, {"b": Window(1, fixed=True)})
        self.groups: dict[int, str] = {}
        self.pending: set[int] = set()
        self.in_flight: set[int] = set()
        self.away: set[int] = set()

    @rule(group=st.sampled_from(MODELS), expected=st.none() | st.floats(0, 1e6))
    def add(self, group: str, expected: float | None) -> None:
        key = len(self.groups)
        self.groups[key] = group
        self.pending.add(key)
        self.dispatch.add(key, group, expected)

    @rule()
    def take(self) -> None:
        open_groups = {
            self.groups[key]
            for key in self.pending
            if self.flying(self.groups[key]) < self.limit(key) and self.resting(self.groups[key]) < 2 * self.limit(key)
        }
        key = self.dispatch.take()
        assert (key is None) == (not open_groups), "takes exactly when a window is open"
        if key is not None:
            self.pending.remove(key)
            self.in_flight.add(key)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.in_flight.remove(key)
        self.dispatch.done(key)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), limited=st.booleans())
    def leave(self, data: st.DataObject, *, limited: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.dispatch.leave(key, limited=limited)
        self.in_flight.remove(key)
        self.away.add(key)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def reenter(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.away)))
        has_room = self.flying(self.groups[key]) < self.limit(key)
        assert self.dispatch.reenter(key) == has_room
        if has_room:
            self.away.remove(key)
            self.in_flight.add(key)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.away)))
        self.dispatch.done(key)
        self.away.remove(key)

    @invariant()
    def windows_hold(self) -> None:
        assert all(self.flying(group) <= (1 if group == "b" else 3) for group in MODELS)
        assert (len(self.dispatch), self.dispatch.in_flight) == (len(self.pending), len(self.in_flight))
        assert self.dispatch.away == len(self.away)

    def flying(self, group: str) -> int:
        return sum(self.groups[key] == group for key in self.in_flight)

    def resting(self, group: str) -> int:
        return sum(self.groups[key] == group for key in self.away)

    def limit(self, key: int) -> int:
        return 1 if self.groups[key] == "b" else 3


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(max_examples=40)


@given(st.lists(st.tuples(st.sampled_from(MODELS), st.none() | st.floats(0, 100)), max_size=60), st.integers(1, 5))
def test_every_key_is_taken_exactly_once(entries: list[tuple[str, float | None]], window: int) -> None:
    dispatch: Dispatch[int] = Dispatch(window)
    for key, (group, expected) in enumerate(entries):
        dispatch.add(key, group, expected)

    order = []
    while (key_taken := dispatch.take()) is not None:
        order.append(key_taken)
        dispatch.done(key_taken)

    assert sorted(order) == list(range(len(entries)))
